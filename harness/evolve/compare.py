"""A comparison of models or methods over runs: one run of each is no test (55 % false alarms).

Two arms are compared by the champions' results, one number a run: with the median of all
differences (Hodges & Lehmann 1963) and the exact interval that belongs to the rank-sum test
(Mann & Whitney 1947): no assumption about how runs spread. The p-values of that test are corrected
for all pairs of arms.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from math import comb
from statistics import median
from typing import Any, TypeAlias

import msgspec

from graders.comparisons import holm
from graders.statistics import Estimate
from harness.digests import digest
from harness.evolve.report import Score, SearchReport
from harness.evolve.verdicts import LEVEL, Verdict, lead, rank_sum_test, verdict
from harness.store.folder import Folder
from harness.store.search_plan import MUTATION
from tasks.base import InputError, Noun

FEWEST = 5  # runs of an arm
ALPHA = 0.05
Runs: TypeAlias = Sequence[tuple[Folder, SearchReport]]


class ArmRuns(Noun, frozen=True):
    """One arm: its settings by name, and what each of its runs reached on the split.

    `valid_and_new` counts such programs of each run's tries; `seeds` the runs whose champion is a
    seed program, because no program was better on validation.
    """

    name: str
    folders: tuple[str, ...]
    ratios: tuple[float, ...]
    skills: tuple[float, ...]
    valid_and_new: tuple[int, ...]
    seeds: int


class Difference(Noun, frozen=True):
    """One arm less another: below 0 is better in ratio, above in skill.

    `p` is the rank-sum test's, of the measure that shows less; `p_holm` is corrected for all pairs
    of arms. `verdict` is that of `verdicts.py`.
    """

    arm: str
    against: str
    ratio: Estimate
    skill: Estimate
    p: float
    p_holm: float
    verdict: Verdict


class RunComparison(Noun, frozen=True):
    """Arms over runs, at equal evaluations; `notes` are what must be read with the differences."""

    domain: str
    split: str
    evaluations: int
    arms: tuple[ArmRuns, ...]
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]


def compare_runs(searches: Runs, split: str) -> RunComparison:
    """Group runs to arms by all but their seed, and compare each pair of arms.

    Args:
        searches: the runs, each with its report.
        split: on which champions are compared.

    Raises:
        InputError: if a run is not finished, an arm has fewer than 5 runs or a seed twice, or the
            arms do not have the same instances, seed programs and evaluations.
    """
    groups: dict[str, list[tuple[Folder, SearchReport]]] = {}
    for folder, report in searches:
        if report.champion is None:
            raise InputError(f"{folder.path} is not finished: makespan resume {folder.path}")
        groups.setdefault(digest(_method(folder)), []).append((folder, report))
    if len(groups) < 2:
        raise InputError("these runs are all of one arm: they differ in nothing but their seed")
    _check_fair(list(groups.values()))
    arms = tuple(_arm(name, runs, split) for name, runs in _by_name(list(groups.values())).items())
    first = searches[0][1]
    return RunComparison(
        first.domain,
        split,
        first.arms[0].tries,
        arms=arms,
        differences=_differences(arms),
        notes=tuple(_notes(arms)),
    )


def _method(folder: Folder) -> dict[str, Any]:
    """Return the settings that shape a run's result; without seed, instances and null searches."""
    configuration = folder.manifest.configuration
    fields: dict[str, Any] = msgspec.to_builtins(configuration.evolve)
    for name in ("seed", "nulls", "domain", "lock"):
        fields.pop(name)
    fields |= {f"sampling.{k}": v for k, v in msgspec.to_builtins(configuration.sampling).items()}
    if all(spec.name != MUTATION for spec in configuration.models):
        fields.pop("mutate")  # of what ran beside
    return {
        "models": ", ".join(spec.name for spec in configuration.models),
        "server": ", ".join(spec.base_url or "" for spec in configuration.models),
        "prompts": configuration.versions["evolve"],
        **fields,
    }


def _by_name(groups: Sequence[Runs]) -> dict[str, Runs]:
    """Name arms by their models, and by the settings in which they differ."""
    methods = [_method(runs[0][0]) for runs in groups]
    names = dict.fromkeys(name for method in methods for name in method)
    settings = [n for n in names if n != "models" and len({str(m.get(n)) for m in methods}) > 1]
    return {
        " ".join([m["models"], *(f"{n}={m.get(n)}" for n in settings)]): runs
        for m, runs in zip(methods, groups, strict=True)
    }


def _check_fair(groups: Sequence[Runs]) -> None:
    """Raise InputError unless every arm has enough runs, and all have and spent the same."""
    first, report = groups[0][0]
    for group in groups:
        seeds = [r.seed for _, r in group]
        if len(set(seeds)) < len(seeds):
            raise InputError(f"{group[0][0].path}: two runs of its arm have the same seed")
        if len(group) < FEWEST:
            raise InputError(
                f"the arm of {group[0][0].path} has {len(group)} runs, at least {FEWEST} are"
                " needed: one run says nothing of a model or a method"
            )
    for folder, other_report in (run for group in groups for run in group):
        if _inputs(folder) != _inputs(first):
            raise InputError(
                f"{folder.path} and {first.path} have other instances or seed programs:"
                " they cannot be compared"
            )
        if other_report.arms[0].tries != report.arms[0].tries:
            raise InputError(
                f"{folder.path} spent {other_report.arms[0].tries} evaluations, {first.path}"
                f" {report.arms[0].tries}: compare at equal evaluations"
            )


def _inputs(folder: Folder) -> tuple[str, str, str | None]:
    configuration = folder.manifest.configuration
    assert configuration.evolve is not None
    return configuration.evolve.domain, configuration.evolve.lock, configuration.suite.content


def _score(report: SearchReport, split: str) -> Score:
    """Return the champion's score on a split; InputError if there is none."""
    scores = {score.split: score for score in report.scores if score.who == "search"}
    if split not in scores:
        raise InputError(f"no reported split {split!r}: there are {', '.join(scores)}")
    return scores[split]


def _arm(name: str, runs: Runs, split: str) -> ArmRuns:
    scores = [_score(report, split) for _, report in runs]
    return ArmRuns(
        name,
        tuple(str(folder.path) for folder, _ in runs),
        ratios=tuple(float(s.ratio.value or 0) for s in scores),
        skills=tuple(float(s.skill.value or 0) for s in scores),
        valid_and_new=tuple(report.arms[0].statuses.get("valid", 0) for _, report in runs),
        seeds=sum(_is_seed(report) for _, report in runs),
    )


def _is_seed(report: SearchReport) -> bool:
    return report.champion is not None and report.champion.operator == "seed"


def _differences(arms: Sequence[ArmRuns]) -> tuple[Difference, ...]:
    """Compare each pair of arms, corrected for all of them (Holm 1979)."""
    pairs = list(combinations(arms, 2))
    ps = [_p(first, second) for first, second in pairs]
    tests = zip(pairs, ps, holm(ps), strict=True)
    return tuple(_difference(*pair, p, p_holm) for pair, p, p_holm in tests)


def _p(first: ArmRuns, second: ArmRuns) -> float:
    """Return the p of both measures together: it is small only if that of each is."""
    return max(
        rank_sum_test(first.ratios, second.ratios),
        rank_sum_test(first.skills, second.skills),
    )


def _difference(first: ArmRuns, second: ArmRuns, p: float, p_holm: float) -> Difference:
    ratio = shift(first.ratios, second.ratios)
    skill = shift(first.skills, second.skills)
    return Difference(
        first.name,
        second.name,
        ratio,
        skill=skill,
        p=p,
        p_holm=p_holm,
        verdict=verdict(ratio, skill, lead(first.ratios, second.ratios), p_holm),
    )


def _notes(arms: Sequence[ArmRuns]) -> Iterator[str]:
    """Yield what the numbers alone would hide."""
    if all(arm.seeds == len(arm.folders) for arm in arms):
        yield "all champions are seed programs: no run of any arm found anything better"
    fewest = sorted(len(arm.folders) for arm in arms)[:2]
    pairs = comb(len(arms), 2)
    least = 2 * pairs / comb(sum(fewest), fewest[0])
    if least >= LEVEL:
        yield (
            f"{fewest[0]} and {fewest[1]} runs are too few to show a difference among {len(arms)}"
            f" arms: corrected for {pairs} pairs, p is at least {least:.3f}; make more runs"
        )


def shift(sample: Sequence[float], baseline: Sequence[float]) -> Estimate:
    """Return how much larger a sample is: the median of all differences, with its exact interval.

    The interval is one of 95 %: the k smallest and k largest of the n m differences are left out, k
    being the most for which the rank-sum test would still reject (two-sided, at 5 %); with ties it
    is conservative.

    Args:
        sample: n values.
        baseline: m values, which are subtracted.
    """
    differences = sorted(a - b for a in sample for b in baseline)
    trim = critical(len(sample), len(baseline))
    if trim is None:
        return Estimate(median(differences), None, None, note="too few runs")
    return Estimate(median(differences), differences[trim], differences[-1 - trim])


def critical(n: int, m: int) -> int | None:
    """Return the greatest k with P(U <= k) <= 2.5 % for samples of n and m; None if there is none.

    U is the number of pairs in which the value of the first sample wins.
    """
    total, k = 0, None
    for u, count in enumerate(_orders_by_u(n, m)):
        total += count
        if total > ALPHA / 2 * comb(n + m, n):
            return k
        k = u
    return k


def _orders_by_u(n: int, m: int) -> list[int]:
    """Return how many orders of n and m values have each U, by recursion on the largest value."""
    counts = {(0, j): [1] for j in range(m + 1)}  # (n, m) -> how many orders have each U
    for i in range(1, n + 1):
        counts[i, 0] = [1]
        for j in range(1, m + 1):
            # By the sample that has the largest value.
            first_largest, second_largest = counts[i - 1, j], counts[i, j - 1]
            sums = [0] * (i * j + 1)
            for u, count in enumerate(first_largest):
                sums[u + j] += count
            for u, count in enumerate(second_largest):
                sums[u] += count
            counts[i, j] = sums
    return counts[n, m]
