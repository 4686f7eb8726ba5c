"""What stands beside the winner of a search at its tokens, all on held-out instances."""

from collections.abc import Iterator
from typing import NamedTuple

from graders.statistics import Estimate, mean_of
from harness.agents.pipeline_format import HIDDEN, Pipeline
from harness.families.registry import family
from harness.tune.halving import best_of
from harness.tune.space import pipeline_of_tables
from harness.tune.trials import HELD_OUT, Bench, TrialResult
from tasks.base import Fields, Noun

MOST = 1000  # answers of a best-of-n
SLACK = 1.05  # times the winner's tokens, which vary from draw to draw


class TableRow(Noun, frozen=True):
    """A row of the table on instances that were held out.

    Attributes:
        title: what it is, in words.
        model: who was asked.
        pipeline: its label.
        ranked: whether it is the winner, which alone is ranked.
        n: instances.
        score: the mean, with its interval.
        behind: by how much it scores higher than the winner, paired, with the interval.
        tokens: an answer took on average.
        folder: of its run.
    """

    title: str
    model: str
    pipeline: str
    ranked: bool
    n: int
    score: Estimate
    behind: Estimate
    tokens: float
    folder: str


class Rival(NamedTuple):
    """What stands beside a winner; a model of its own is asked in place of the plan's."""

    title: str
    pipeline: Pipeline
    model: str = ""


def rivals(bench: Bench, winner: TrialResult) -> list[Rival]:
    """Return the best single model, and its best of n by vote and, where allowed, by the checker.

    Beside the latter stand floors, whose answers are drawn at random and cost no tokens. The n
    answers take as many tokens as the winner did on development instances, 5 % more at most.

    Raises:
        Unfinished: a run was stopped, or has errors.
    """
    seat, best = _best_single(bench)
    several = [Rival("best single model", best.pipeline)]
    count = _affordable(winner.tokens, best.tokens)
    judged = _best_of_n(bench, seat, count, "vote")
    several.append(Rival(f"best of {count} by vote", judged))
    if "checker" in family(bench.plan.family).means:
        checked = _best_of_n(bench, seat, count, "checker")
        several.append(Rival(f"best of {count} by the checker", checked))
        several += _floors(bench, count)
    return several


def _affordable(tokens: float, each: float) -> int:
    """Return how many answers of some tokens each take as many as the winner, or nearly."""
    return max(1, min(MOST, int(SLACK * tokens / each))) if each else 1


def _best_single(bench: Bench) -> tuple[str, TrialResult]:
    """Return the seat that scores highest by itself on development instances, and its result."""
    results: dict[str, TrialResult] = {}
    for seat in ("", *bench.plan.seats):
        title = f"single model {seat or bench.plan.model}"
        pipeline = _pipeline(bench, [({"type": "generator"} | _seat(seat),)])
        results[seat] = bench.develop(pipeline, bench.plan.instances, title)
        bench.tell(title, results[seat])
    best = best_of(list(results.values()))[0]
    return next(seat for seat, result in results.items() if result is best), best


def _best_of_n(bench: Bench, seat: str, count: int, judge: str) -> Pipeline:
    """Return the pipeline of so many samples of a seat, of which one is taken."""
    generator: Fields = {"type": "generator", "samples": count} | _seat(seat)
    return _pipeline(bench, [(generator,), ({"type": judge, "top_k": 1},)])


def _floors(bench: Bench, count: int) -> Iterator[Rival]:
    """Yield each floor that draws its answers, of which the checker takes the best."""
    for name, policy in family(bench.plan.family).policies.items():
        if policy.draw and policy.kind == "floor":
            model, pipeline = f"{HIDDEN}{name}", _best_of_n(bench, "", count, "checker")
            yield Rival(f"{model}, best of {count} by the checker", pipeline, model)


def _pipeline(bench: Bench, layers: list[tuple[Fields, ...]]) -> Pipeline:
    return pipeline_of_tables(layers, bench.plan, "beside the search", notes=[])


def _seat(name: str) -> Fields:
    return {"seat": name} if name else {}


def rows(bench: Bench, winner: Pipeline, others: list[Rival]) -> tuple[TableRow, ...]:
    """Return the table on held-out instances: the winner, which alone is ranked, and the others.

    Who is the winner's own pipeline is not asked again.

    Raises:
        Unfinished: a run was stopped, or has errors.
    """
    first = bench.hold(winner, "the winner", kind=HELD_OUT)
    table = [_row(Rival("successive halving", winner), first, first, ranked=True)]
    for rival in others:
        same = rival.pipeline.digest == winner.digest and not rival.model
        result = first if same else bench.hold(rival.pipeline, rival.title, model=rival.model)
        title = f"{rival.title}, which is the winner" if same else rival.title
        table.append(_row(rival._replace(title=title), result, first))
    return tuple(table)


def _row(
    rival: Rival, result: TrialResult, first: TrialResult, *, ranked: bool = False
) -> TableRow:
    return TableRow(
        rival.title,
        result.model,
        rival.pipeline.label,
        ranked=ranked,
        n=len(result.scores),
        score=mean_of(result.scores),
        behind=result.over(first),
        tokens=result.tokens,
        folder=str(result.folder),
    )
