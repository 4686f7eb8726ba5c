"""Successive halving over pipelines (Jamieson and Talwalkar 2016, arXiv 1502.07943).

Every trial of a rung answers the same instances, so that trials are compared instance by instance;
the best share goes on to the next rung, which has more of them.
"""

from collections.abc import Iterator, Sequence
from math import ceil

from harness.agents.pipeline_format import Component, Pipeline
from harness.families.registry import family
from harness.tune.space import name_of, sampled
from harness.tune.trials import Bench, TrialResult
from tasks.base import InputError, Noun


class Rung(Noun, frozen=True):
    """One rung: how many trials answered how many instances, and how many kept to the tokens."""

    trials: int
    instances: int
    within: int


class TableRow(Noun, frozen=True):
    """A row of the table on instances that were held out.

    Attributes:
        what: what it is, in words.
        pipeline: its label.
        ranked: whether it is the winner, which alone is ranked.
        score: the mean.
        tokens: an answer took on average.
        behind: by how much it scores higher than the winner, paired, with the interval.
        folder: of its run.
    """

    what: str
    pipeline: str
    ranked: bool
    score: float
    tokens: float
    behind: tuple[float, float | None, float | None]
    folder: str


def rungs(trials: int, instances: int, eta: int) -> list[tuple[int, int]]:
    """Return of each rung how many trials it has, and how many instances these answer."""
    steps = [trials]
    while steps[-1] > 1:
        steps.append(ceil(steps[-1] / eta))
    last = len(steps) - 1
    return [
        (count, max(1, ceil(instances / eta ** (last - number))))
        for number, count in enumerate(steps)
    ]


def best_of(results: Sequence[TrialResult]) -> list[TrialResult]:
    """Return results on the same instances, the best first; of equals the one of fewer tokens."""
    return sorted(results, key=lambda each: (-each.score, each.tokens))


def halved(bench: Bench, trials: Sequence[Pipeline]) -> tuple[TrialResult, list[Rung]]:
    """Return the trial that is left at the end, on all development instances, and the rungs.

    Raises:
        InputError: no trial keeps to the tokens.
    """
    plan, alive, done = bench.plan, list(trials), list[Rung]()
    for count, instances in rungs(len(trials), plan.instances, plan.eta):
        results = [bench.develop(each, instances) for each in alive[:count]]
        within = [each for each in results if each.tokens <= plan.tokens]
        done.append(Rung(len(results), instances, len(within)))
        bench.log.say(f"{len(results)} trials, {instances} instances: {len(within)} within tokens")
        if not within:
            least = min(each.tokens for each in results)
            raise InputError(f"`tokens` {plan.tokens}: an answer takes {least:.0f} at least")
        alive = [each.pipeline for each in best_of(within)]
    return best_of(within)[0], done


def at_random(bench: Bench, space: list[Pipeline], count: int, episodes: int) -> TrialResult:
    """Return the best of as many pipelines drawn at random, for about as many episodes."""
    pipelines = sampled(space, count, f"tune/random/{bench.plan.seed}")
    share = min(bench.plan.instances, max(1, episodes // len(pipelines)))
    results = [bench.develop(each, share) for each in pipelines]
    within = [each for each in results if each.tokens <= bench.plan.tokens]
    return best_of(within or results)[0]


def single(seat: str = "") -> Pipeline:
    """Return the pipeline that asks one model once."""
    layers = ((Component("generator", model=seat),),)
    return Pipeline(name_of(layers), layers)


def best_of_n(model: str, count: int, judge: Component) -> Pipeline:
    """Return the pipeline of so many samples of a model, of which one is taken."""
    layers = ((Component("generator", model=model, samples=count),), (judge,))
    return Pipeline(name_of(layers), layers)


def beside(bench: Bench, winner: TrialResult) -> Iterator[tuple[str, Pipeline]]:
    """Yield what stands beside a winner at its tokens: the best single model, and its best of n."""
    models = dict.fromkeys(["", *(each.model for each in bench.plan.seats.values())])
    singles = [bench.develop(single(model), bench.plan.instances) for model in models]
    best = best_of(singles)[0]
    yield "the best single model", best.pipeline
    model = best.pipeline.layers[0][0].model
    count = max(1, min(1000, int(winner.tokens / best.tokens))) if best.tokens else 1
    yield f"best of {count} by vote", best_of_n(model, count, Component("vote", top_k=1))
    if "checker" in family(bench.plan.family).means:
        checker = Component("checker", top_k=1)
        yield f"best of {count} by the checker", best_of_n(model, count, checker)


def row(bench: Bench, what: str, pipeline: Pipeline, winner: TrialResult) -> TableRow:
    """Return a row on the instances that were held out, with how far it is behind the winner."""
    result = bench.hold(pipeline)
    gap = result.over(winner)
    return TableRow(
        what,
        pipeline.label,
        pipeline.digest == winner.pipeline.digest,
        score=result.score,
        tokens=result.tokens,
        behind=(gap.value or 0.0, gap.low, gap.high),
        folder=str(result.folder),
    )
