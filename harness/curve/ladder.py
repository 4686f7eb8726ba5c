"""A ladder of reply limits, with and without sleep: its runs, and what came of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Literal, NamedTuple, TypeAlias

import msgspec
from msgspec.structs import replace as replace_fields

from graders.curves import EqualAccuracy, LadderRung, equal_accuracies
from graders.statistics import Estimate, mean_score
from harness import files
from harness.calls.options import RunOptions
from harness.curve.ledgers import Spending, spending_in
from harness.families.registry import family
from harness.log import Log
from harness.run.begin import ready
from harness.run.request import RunRequest
from harness.run.several import begin_each, run_to_end
from memory.base import read_memory
from memory.sleep_time import SleepSettings
from tasks.base import InputError, Noun
from tasks.parts import spelled

NAME = "curve.json"
CACHE = "cache"  # of replies, in the folder of the runs: a sleep serves all rungs
FEWEST = 2  # limits of a ladder
Arm: TypeAlias = Literal["plain", "sleep", "placebo"]
Axis: TypeAlias = Literal["waited", "cost", "all"]
AXES: Mapping[Axis, str] = {
    "waited": "tokens written while somebody waits",
    "cost": "the same, and sleep at its price",
    "all": "all tokens, in and out",
}


@dataclass(frozen=True, kw_only=True)
class LadderPlan:
    """What is asked of whom.

    Attributes:
        request: of a run with sleep; each rung has its own limit of replies, and its folder.
        limits: of a reply, the least first.
        placebo: whether sleep on another context stands beside.
        price_ratio: the tokens of sleep that cost as much as one that somebody waits for.
    """

    request: RunRequest
    limits: tuple[int, ...]
    placebo: bool = True
    price_ratio: float = 10.0

    def __post_init__(self) -> None:
        if len(self.limits) < FEWEST or list(self.limits) != sorted(set(self.limits)):
            raise InputError(
                f"limits {', '.join(map(str, self.limits))}: a ladder has at least {FEWEST},"
                " each larger than the one before"
            )
        if self.price_ratio <= 0:
            raise InputError(f"price_ratio {self.price_ratio:g}: it is above 0")
        if len(self.request.models) != 1:
            raise InputError("a curve is of one model: give it as `models`")
        if self.request.models[0].startswith("policy/"):
            raise InputError("a curve is of a model: policies keep no memory and write no tokens")
        if self.request.sampling.max_tokens is not None:
            raise InputError("a curve sets the limit of replies itself: no `sampling.max_tokens`")
        if not isinstance(self.sleep, SleepSettings):
            raise InputError(
                f"memory {self.request.memory!r}: a curve is of `sleep-time`, such as"
                " sleep-time:none,rethinks=2"
            )
        for name in self.request.families:
            if not family(name).has_rounds:
                raise InputError(f"a curve needs a family with rounds: {name} has none")
        if self.placebo and self.request.limit == 1:
            raise InputError("a placebo sleeps on another context: a larger `limit`, or none of it")
        if self.sleep.placebo:
            raise InputError("the placebo stands beside the sleep: give `sleep-time` without it")

    @property
    def sleep(self) -> object:
        """Return the settings of the memory that is asked for."""
        return read_memory(self.request.memory or "sleep-time:none")[1]

    def memories(self) -> dict[Arm, str]:
        """Return the memory of each way: the inner one alone, with sleep, with a placebo of it."""
        sleep = self.sleep
        assert isinstance(sleep, SleepSettings)
        arms: dict[Arm, str] = {"plain": sleep.inner, "sleep": spelled("sleep-time", sleep)}
        if self.placebo:
            arms["placebo"] = spelled("sleep-time", replace_fields(sleep, placebo=True))
        return arms


class LadderPoint(NamedTuple):
    """One way at one limit, and the run folder of it."""

    arm: Arm
    limit: int
    request: RunRequest


class CurvePoint(Noun, frozen=True):
    """One way at one limit; all tokens are means a question.

    Attributes:
        arm: `plain`, `sleep` or `placebo`.
        limit: of the tokens of a reply.
        accuracy: the mean score of contexts, with its interval.
        test: written in answers.
        recall: written by the memory while somebody waited.
        sleep: written by it between questions, spread over them.
        cost: written while somebody waits, and sleep at its price.
        all: in and out, of all three.
    """

    arm: Arm
    limit: int
    accuracy: Estimate
    test: float
    recall: float
    sleep: float
    cost: float
    all: float


class EqualTokens(Noun, frozen=True):
    """What two ways need for equal accuracy, by one way to count tokens."""

    arm: Arm
    axis: Axis
    at: tuple[EqualAccuracy, ...]


class Curve(Noun, frozen=True):
    """The end of a ladder.

    Attributes:
        contexts: on every rung, the same ones.
        questions: of a context, on average.
        price_ratio: as it was declared.
        points: of each way, the least limit first.
        equal: tokens at equal accuracy, with sleep and with its placebo against neither.
    """

    model: str
    memory: str
    contexts: int
    questions: float
    price_ratio: float
    points: tuple[CurvePoint, ...]
    equal: tuple[EqualTokens, ...]


def climb(
    plan: LadderPlan, out: Path, *, options: RunOptions, log: Log, prices: Sequence[str] = ()
) -> Curve:
    """Run a ladder, or go on with one, and write `curve.json` into its folder.

    Args:
        plan: what is asked of whom.
        out: the folder of its runs; what is there is not asked again.
        options: how models are asked; its budget is for all runs together.
        log: what is told while it goes.
        prices: of models, each `MODEL=INPUT,OUTPUT[,CACHED]` in US dollars a million tokens.

    Raises:
        InputError: the plan cannot be, or a folder has another run.
        Unfinished: it was stopped, or has errors; what was answered is kept.
        Failure: the model cannot go on.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file: use another `out`")
    options = replace(options, cache=options.cache or out / CACHE)
    points = list(points_of(plan, out))
    requests = [point.request for point in points]
    for point, begun in zip(points, begin_each(requests, options, lambda _: prices), strict=True):
        log.say(f"{point.arm}, {point.limit} tokens a reply")
        with ready(begun.run, begun.options, log, begun.prices) as suite_run:
            run_to_end(suite_run, begun.run)
    curve = read_curve(plan, points)
    files.write(out / NAME, msgspec.json.format(msgspec.json.encode(curve), indent=2) + b"\n")
    return curve


def points_of(plan: LadderPlan, out: Path) -> Iterator[LadderPoint]:
    """Yield the runs of a ladder, way by way, each in its folder."""
    for arm, memory in plan.memories().items():
        for limit in plan.limits:
            sampling = replace_fields(plan.request.sampling, max_tokens=limit)
            place = out / f"{arm}-{limit}"
            yield LadderPoint(
                arm,
                limit,
                replace(plan.request, memory=memory, sampling=sampling, out=place),
            )


# What came of it ----------------------------------------------------------------------------


def read_curve(plan: LadderPlan, points: Sequence[LadderPoint]) -> Curve:
    """Return what the runs of a ladder came to, from their journals.

    Raises:
        InputError: a server told no tokens, or the contexts are not the same on all rungs.
    """
    rungs = {(p.arm, p.limit): _spending(p) for p in points}
    first = next(iter(rungs.values()))
    names = [each.instance for each in first]
    for (arm, limit), group in rungs.items():
        if [each.instance for each in group] != names:
            raise InputError(f"{arm} at {limit} has other contexts than the first rung")
    return Curve(
        plan.request.models[0],
        plan.memories()["sleep"],
        contexts=len(first),
        questions=round(fmean(each.questions for each in first), 3),
        price_ratio=plan.price_ratio,
        points=tuple(_point(p, rungs[p.arm, p.limit], plan.price_ratio) for p in points),
        equal=tuple(_equal(plan, rungs)),
    )


def _spending(point: LadderPoint) -> list[Spending]:
    assert point.request.out is not None
    return spending_in(Path(point.request.out), point.request.limit)


def _point(point: LadderPoint, group: Sequence[Spending], price_ratio: float) -> CurvePoint:
    def mean(values: Iterator[float]) -> float:
        return round(fmean(values), 3)

    return CurvePoint(
        point.arm,
        point.limit,
        accuracy=mean_score(
            [each.accuracy for each in group], trials=sum(each.questions for each in group)
        ),
        test=mean(each.test.written for each in group),
        recall=mean(each.recall.written for each in group),
        sleep=mean(each.sleep.written for each in group),
        cost=mean(each.cost(price_ratio) for each in group),
        all=mean(each.all for each in group),
    )


def _equal(
    plan: LadderPlan, rungs: Mapping[tuple[Arm, int], Sequence[Spending]]
) -> Iterator[EqualTokens]:
    """Yield tokens at equal accuracy, for each way with a memory and each way to count tokens."""
    for arm in list(plan.memories())[1:]:
        for axis in AXES:
            plain, aided = (
                [_rung(rungs[way, limit], axis, plan.price_ratio) for limit in plan.limits]
                for way in ("plain", arm)
            )
            stream = f"{arm}/{axis}/{len(plan.limits)}"
            yield EqualTokens(arm, axis, tuple(equal_accuracies(plain, aided, stream)))


def _rung(group: Sequence[Spending], axis: Axis, price_ratio: float) -> LadderRung:
    counts = {
        "waited": [each.waited for each in group],
        "cost": [each.cost(price_ratio) for each in group],
        "all": [each.all for each in group],
    }
    return LadderRung(tuple(each.accuracy for each in group), tuple(counts[axis]))
