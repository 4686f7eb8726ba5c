"""The search: a pure function of replies and evaluations, taken in the order of issue.

Call i is made when the results of calls 0 to i - lag - 1 are known and no others, however fast
they came.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from harness.costs import cost_of, sum_or_none, tokens_of
from harness.evolve.bandit import Bandit
from harness.evolve.database import Candidate, Database
from harness.evolve.domain import Domain
from harness.evolve.evaluation import Evaluated, Failed, Lost, evaluate
from harness.evolve.operators import SearchStep, choose, messages
from harness.evolve.program import ProgramDraft, Unreadable, length, read_reply
from harness.store.search_plan import MUTATION, SearchPlan
from tasks.base import (
    Ask,
    Begin,
    Failure,
    InputError,
    Join,
    Number,
    Program,
    Reply,
    together,
)
from tasks.prompts import Prompts

DRAWS = 30  # the most that policy/mutate draws for one try


class Search:
    """One search with its models; `arm` is its name in all paths.

    `bases` are the references of the training instances; the first `plan.few` of them are the
    stage `few`, the others the stage `rest`.
    """

    def __init__(
        self,
        arm: str,
        models: Sequence[str],
        domain: Domain,
        plan: SearchPlan,
        prompts: Prompts,
        bases: Sequence[Number],
    ) -> None:
        self.arm, self.models, self.domain, self.plan = arm, models, domain, plan
        self.database = Database(plan, arm)
        self._prompts, self._bases = prompts, bases
        self._bandit = Bandit(models)
        self._worst = float("inf")  # gap of the worst seed program on the first few instances

    def program(self) -> Program[None]:
        """Seed, then issue and take in, until the calls or another budget are spent."""
        yield from self._seed()
        plan, taken = self.plan, 0
        issued = 0
        while issued < plan.calls:
            if issued - taken >= plan.lag:
                yield from self._take(taken)
                taken += 1
            if self._spent():
                break
            yield self._begin(issued)
            issued += 1
        while taken < issued:
            yield from self._take(taken)
            taken += 1

    @property
    def tried(self) -> list[Candidate]:
        """Return all candidates but the seed programs."""
        return self.database.everyone[len(self.domain.programs) :]

    # Seeds ---------------------------------------------------------------------------------

    def _seed(self) -> Program[None]:
        """Evaluate the seed programs; the worst sets the bar for the first few instances."""
        few = yield from together(
            evaluate(f"{self.arm}/seed-{name}/few", "few", source)
            for name, source in self.domain.programs.items()
        )
        seeds = [
            Candidate(
                f"seed-{name}",
                0,
                "seed",
                model="",
                status="valid",
                source=source,
                length=length(source),
            )
            for name, source in self.domain.programs.items()
        ]
        done = yield from together(
            self._measured(seed, first) for seed, first in zip(seeds, few, strict=True)
        )
        for seed in done:
            if seed.status != "valid":
                raise Failure(f"the {seed.name} of {self.domain.name} is not valid: {seed.problem}")
        self._worst = max(self._gap(f, self._few) for f in few)
        self.database.begin_with(done)

    @property
    def _few(self) -> Sequence[Number]:
        return self._bases[: self.plan.few]

    def _gap(self, evaluation: Evaluated, bases: Sequence[Number]) -> float:
        """The ratio of sums less 1."""
        values = [v for v in evaluation.values if v is not None]
        assert len(values) == len(bases)
        return (sum(values) - sum(bases)) / sum(bases)

    @property
    def _redraws(self) -> bool:
        """Return whether this is `policy/mutate` since its version 2."""
        return MUTATION in self.models and self.plan.mutate > 1

    # One candidate -------------------------------------------------------------------------

    def _begin(self, number: int) -> Begin:
        """Choose all that is to be chosen now, and start the candidate."""
        name, island = f"candidate-{number:05d}", number % self.plan.islands
        key = f"evolve/{self.plan.seed}/{self.arm}/{number}"
        reflects = not self._redraws
        step = choose(key, island, self.database, self.domain, self.plan, reflects=reflects)
        model = self._bandit.choose()
        path = f"{self.arm}/{name}/{step.operator}"
        request = messages(step, self.domain, self.plan, self._prompts)
        ask = Ask(path, request, view=step, seat=model)
        blank = Candidate(
            name,
            island,
            step.operator,
            model=model,
            status="lost",
            parents=tuple(parent.name for parent in step.parents),
        )
        behaviours = self.database.behaviours()  # as of now, however late the candidate is run
        return Begin(f"{self.arm}/{name}", self._candidate(blank, step, ask, behaviours))

    def _candidate(
        self, blank: Candidate, step: SearchStep, ask: Ask, behaviours: Sequence[str]
    ) -> Program[Candidate]:
        """Ask, run on a few, and if it is no worse than all seeds there, on the rest.

        `policy/mutate` draws again before its try is spent, while its program fails on the few, is
        worse there than all seeds, or gives the same answers as one of those known.
        """
        most = DRAWS if self._redraws else 1
        while True:
            candidate, few = yield from self._drawn(blank, step, ask)
            if few is None:
                return candidate
            new = self._runs_on(few) and not any(b.startswith(few.behaviour) for b in behaviours)
            if new or candidate.draws == most:
                return (yield from self._measured(candidate, few))
            blank = replace(blank, draws=candidate.draws + 1)

    def _drawn(
        self, blank: Candidate, step: SearchStep, ask: Ask
    ) -> Program[tuple[Candidate, Evaluated | None]]:
        """Ask, read, run on a few; of what is no program there is no run."""
        again = drawn(blank.draws)
        step = replace(step, key=step.key + again)
        ask = replace(ask, path=ask.path + again, view=step)
        few = f"{self.arm}/{blank.name}/few{again}"
        reply: Reply | Lost = yield ask
        if isinstance(reply, Lost):
            return replace(blank, problem=Failed("provider", reply.detail)), None
        paid = cost_of(reply, self.plan.prices.get(blank.model))
        blank = replace(blank, tokens=tokens_of(reply.usage), cost=paid)
        try:
            parent = step.parents[0].source if step.edit == "diff" else None
            draft: ProgramDraft = read_reply(reply, self.domain.function, parent)
        except Unreadable as error:
            problem = Failed(error.kind, error.detail)
            return replace(blank, status="unreadable", problem=problem), None
        blank = replace(
            blank, source=draft.source, thought=draft.thought, length=length(draft.source)
        )
        return blank, (yield from evaluate(few, "few", draft.source))

    def _measured(self, blank: Candidate, few: Evaluated) -> Program[Candidate]:
        """Return a candidate as it is after its run on the first few, and perhaps on the rest."""
        candidate = _run(blank, few)
        if candidate.problem:
            return candidate
        if not self._runs_on(few):
            return replace(candidate, status="stopped", gap=self._gap(few, self._few))
        if len(self._bases) > len(self._few):
            rest = yield from evaluate(f"{self.arm}/{blank.name}/rest", "rest", blank.source)
            candidate = _run(candidate, rest)
            if candidate.problem:
                return candidate
            few = replace(few, values=(*few.values, *rest.values))
        return replace(candidate, gap=self._gap(few, self._bases))

    def _runs_on(self, few: Evaluated) -> bool:
        """Return whether a program may run on the rest: valid, and no worse than all seeds."""
        return not few.failures and self._gap(few, self._few) <= self._worst

    # Results -------------------------------------------------------------------------------

    def _take(self, number: int) -> Program[None]:
        """Take in the next result in the order of issue."""
        candidate: Candidate = yield Join(f"{self.arm}/candidate-{number:05d}")
        self.database.add(candidate)
        self._bandit.learn(candidate.model, self._gain(candidate), candidate.tokens, candidate.cost)

    def _gain(self, candidate: Candidate) -> float:
        """The share of its best parent's gap that a program closed."""
        gaps = [self.database.by_name(name).gap for name in candidate.parents]
        parent_gaps = [gap for gap in gaps if gap]
        if self.database.everyone[-1].status != "valid" or candidate.gap is None or not parent_gaps:
            return 0.0
        return max(0.0, 1 - candidate.gap / min(parent_gaps))

    def _spent(self) -> bool:
        """Return whether a budget of an older plan is used up, by the results taken in."""
        plan, tried = self.plan, self.tried
        if plan.wall is not None and max((c.elapsed for c in tried), default=0.0) >= plan.wall:
            return True
        for name, most, used in (
            ("tokens", plan.tokens, [c.tokens for c in tried]),
            ("cost", plan.cost, [c.cost for c in tried]),
        ):
            if most is None:
                continue
            spent = sum_or_none(used)
            if spent is None:
                mend = "give `price`" if name == "cost" else "leave it out"
                raise InputError(f"`budget.{name}` cannot be kept: {name} is unknown here; {mend}")
            if spent >= most:
                return True
        return False


def drawn(draw: int) -> str:
    """Return how the paths of a try's later draws end; those of its first are the try's."""
    return f"/draw-{draw}" if draw > 1 else ""


def _run(blank: Candidate, evaluation: Evaluated) -> Candidate:
    """The candidate after one more run: behaviours are joined, seconds added."""
    seconds = round(blank.seconds + evaluation.seconds, 6)
    candidate = replace(
        blank,
        status="valid",
        seconds=seconds,
        elapsed=evaluation.elapsed,
        behaviour=blank.behaviour + evaluation.behaviour,
    )
    if evaluation.failures:
        return replace(candidate, status="failed", problem=evaluation.failures[0])
    return candidate
