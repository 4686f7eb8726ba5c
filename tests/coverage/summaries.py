"""The intervals of board rows on the project's own suites and floors."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from math import exp, log
from random import Random

from graders.statistics import Estimate
from harness.families.registry import family
from tasks.base import Record
from tests.coverage import sources
from tests.coverage.pools import Source, pool
from tests.coverage.rows import Row, Size, Tally

COUNTS = (5, 10, 20, 40)
FEWEST_BOARDS = 0.5  # of the boards must have an interval for a line to say anything
METRICS = {  # those of each kind of interval; the others of a kind are made by the same code
    "rcpsp": (
        "score",
        "level_area",
        "half_level",
        "broken",
        "gap_mean",
        "gap_proven",
        "feasible@15",
        "share_window",
    ),
    "rcpsp-edges": ("score", "half_level", "broken", "feasible@24"),
    "rcpsp-makespan": ("score", "feasible", "quality@20", "gap_mean"),
    "tardiness": (
        "score",
        "ratio_of_sums",
        "mean_of_ratios",
        "gap_median",
        "share_optimal",
        "skill_over_mddc",
        "win_mddc",
        "skill@20",
    ),
    "tools": ("score", "complete", "completion", "ratio_barrier", "parallelism", "score@12"),
    "calendar": (
        "score",
        "aer_first_quarter",
        "aer_last_quarter",
        "err",
        "learnable",
        "excess_logit",
        "tau",
    ),
    "flow": ("score", "beats_fifo", "over_fifo", "regret_informed", "score@8"),
    "vms": ("score", "share_optimal", "gain", "fragment_rate", "score@8"),
    "jobshop": ("score", "share_optimal", "gap_median", "gap_mean", "score@10"),
    "serving": ("score", "job_cost", "goodput", "ttft_p95", "skill@24"),
    "fair-queue": ("score", "job_cost", "skill@24"),
    "placement": ("score", "skill@40"),
    "temporal": ("score", "wrong_form", "score@8"),
    "dag": ("score", "share_optimal", "gap_median", "gap_mean", "score@20"),
    "pods": ("score", "share_better", "share_optimal", "disruption", "score@6"),
    "hoist": ("score", "share_optimal", "gap_median", "gap_mean", "score@12"),
    "allocation": ("score", "fits", "gap_median", "gap_mean", "score@24"),
    "contexts": ("score", "foretold", "score_slack", "score@4"),
}


def suite(source: Source) -> Callable[[Size], Iterator[Row]]:
    """The part of a suite: its floors' boards at several sizes."""

    def part(size: Size) -> Iterator[Row]:
        given = pool(source, size.seeds)
        for policy in source.policies:
            for count in sorted({*COUNTS, source.count}):
                truths = truth_of(source.family, given.everyone(policy, count))
                rng = Random(f"coverage/{source.suite}/{policy}/{count}")
                boards = (given.board(policy, count, rng) for _ in range(size.boards))
                yield from simulated(source, policy, count, truths, boards)

    return part


def simulated(
    source: Source,
    policy: str,
    count: int,
    truths: Mapping[str, float],
    boards: Iterable[Sequence[Record]],
) -> Iterator[Row]:
    """The lines of a floor at one number of indices; what never varies has no line."""
    tallies = {name: Tally(truths[name]) for name in METRICS[source.suite] if name in truths}
    drawn = 0
    for records in boards:
        drawn += 1
        estimates = summary(source.family, records)
        for name, tally in tallies.items():
            if name in estimates:
                tally.add(estimates[name])
    for name, tally in tallies.items():
        if tally.varies and tally.boards >= FEWEST_BOARDS * drawn:
            yield tally.row(source.suite, name, f"policy/{policy}", count)


def summary(name: str, records: Sequence[Record]) -> dict[str, Estimate]:
    """Headline and metrics of a row."""
    score, metrics = family(name).summarise(sorted(records, key=lambda r: r.instance))
    return metrics | {"score": score}


def truth_of(name: str, records: Sequence[Record]) -> dict[str, float]:
    """The value of each metric over a whole pool; of the half level no fitted one."""
    values = {k: e.value for k, e in summary(name, records).items() if e.value is not None}
    rates = {float(k.split("@")[1]): v for k, v in values.items() if k.startswith("feasible@")}
    values.pop("half_level", None)
    crossing = halfway(sorted(rates.items()))
    return values if crossing is None else values | {"half_level": crossing}


def halfway(points: Sequence[tuple[float, float]]) -> float | None:
    """Where measured rates first fall to one half: between two levels, straight in log odds."""
    shift = 0.0 if not points or points[0][0] > 0 else 1.0
    for (a, p), (b, q) in pairwise(points):
        if p >= 0.5 > q > 0 and p < 1:
            start, end = log(p / (1 - p)), log(q / (1 - q))
            x, y = log(a + shift), log(b + shift)
            return exp(x + (y - x) * start / (start - end)) - shift
    return None


PARTS = {
    source.suite: suite(source)
    for source in (
        sources.RCPSP,
        sources.EDGES,
        sources.MAKESPAN,
        sources.TARDINESS,
        sources.TOOLS,
        sources.CALENDAR,
        *sources.RAMPS,
    )
}
