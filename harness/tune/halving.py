"""Successive halving over pipelines (Jamieson and Talwalkar 2016, arXiv 1502.07943).

All trials of a rung answer the same instances, and are compared instance by instance; the best
share of them goes on to the next rung, which has more instances. At the last rung all that are
left answer every development instance.
"""

from collections.abc import Sequence
from math import ceil

from graders.statistics import Estimate, mean_of
from harness.agents.pipeline_format import Pipeline
from harness.tune.space import sampled
from harness.tune.trials import Bench, TrialResult
from tasks.base import InputError, Noun

FAR = 2  # times the tokens: a trial whose first answer takes more goes no further


class TrialRow(Noun, frozen=True):
    """A trial at a rung.

    Attributes:
        pipeline: its label.
        instances: that it answered; one if that took far too many tokens.
        score: the mean, with its interval.
        tokens: an answer took on average.
        within: whether these are no more than the plan's.
        behind: by how much it scores higher than the best of the rung, paired; None if it took too
            many tokens.
        passes: whether it goes on.
    """

    pipeline: str
    instances: int
    score: Estimate
    tokens: float
    within: bool
    behind: Estimate | None
    passes: bool


class Rung(Noun, frozen=True):
    """One rung: how many instances its trials answered, and how they did, the best first."""

    instances: int
    trials: tuple[TrialRow, ...]


def rungs(trials: int, instances: int, eta: int) -> list[tuple[int, int]]:
    """Return of each rung how many trials it has, and how many instances these answer.

    Each has 1/eta of the trials of the one before and eta times the instances; the last has at most
    eta trials, and all instances.

    Args:
        trials: at the first rung.
        instances: at the last.
        eta: at least 2.
    """
    steps = [trials]
    while steps[-1] > eta:
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
        Unfinished: a run was stopped, or has errors.
    """
    plan, alive, done = bench.plan, list(trials), list[Rung]()
    steps = rungs(len(trials), plan.instances, plan.eta)
    for number, (_, instances) in enumerate(steps, 1):
        title = f"rung {number} of {len(steps)}"
        results = tried(bench, alive, instances, title)
        best = within_tokens(bench, results, instances)
        if not best:
            least = min(each.tokens for each in results)
            raise InputError(
                f"tokens {plan.tokens} is too few: an answer takes {least:.0f} at least"
            )
        most = steps[number][0] if number < len(steps) else 1
        alive = [each.pipeline for each in best[:most]]
        done.append(_rung(best, results, instances, most=most))
    return best[0], done


def tried(
    bench: Bench, pipelines: Sequence[Pipeline], instances: int, title: str
) -> list[TrialResult]:
    """Return how pipelines do on the first development instances.

    Whose first answer takes far too many tokens answers no more.

    Raises:
        Unfinished: a run was stopped, or has errors.
    """
    results = []
    for number, pipeline in enumerate(pipelines, 1):
        place = f"{title}, trial {number} of {len(pipelines)}"
        result = bench.develop(pipeline, 1, place)
        if result.tokens <= FAR * bench.plan.tokens and instances > 1:
            result = bench.develop(pipeline, instances, place)
        bench.tell(place, result)
        results.append(result)
    return results


def within_tokens(
    bench: Bench, results: Sequence[TrialResult], instances: int
) -> list[TrialResult]:
    """Return those that answered all instances within the plan's tokens, the best first."""
    most = bench.plan.tokens
    return best_of([r for r in results if len(r.scores) == instances and r.tokens <= most])


def _rung(
    best: Sequence[TrialResult], results: Sequence[TrialResult], instances: int, *, most: int
) -> Rung:
    """Return a rung of which the first so many of the best go on."""
    others = [each for each in results if each not in best]
    rows = [
        TrialRow(
            each.pipeline.label,
            len(each.scores),
            mean_of(each.scores),
            tokens=each.tokens,
            within=place < len(best),
            behind=each.over(best[0]) if place < len(best) else None,
            passes=place < min(most, len(best)),
        )
        for place, each in enumerate([*best, *others])
    ]
    return Rung(instances, tuple(rows))


def at_random(bench: Bench, space: list[Pipeline], count: int, episodes: int) -> TrialResult | None:
    """Return the best of as many pipelines drawn at random, for about as many episodes.

    None if none of them keeps to the tokens.

    Args:
        bench: where they are run.
        space: of which they are drawn.
        count: of the pipelines.
        episodes: that the halving took, which all of them share.

    Raises:
        Unfinished: a run was stopped, or has errors.
    """
    pipelines = sampled(space, count, f"tune/random/{bench.plan.seed}")
    share = min(bench.plan.instances, max(1, round(episodes / len(pipelines))))
    results = tried(bench, pipelines, share, "random search")
    best = within_tokens(bench, results, share)
    return best[0] if best else None


def episodes_of(done: Sequence[Rung]) -> int:
    """Return how many episodes the trials of some rungs took: each answers an instance once."""
    most: dict[str, int] = {}
    for row in (row for rung in done for row in rung.trials):
        most[row.pipeline] = max(row.instances, most.get(row.pipeline, 0))
    return sum(most.values())
