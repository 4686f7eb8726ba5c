"""Two models, instance by instance: how far apart they are, how sure that is, and where."""

from collections import Counter
from collections.abc import Iterator, Sequence
from math import isnan
from pathlib import Path
from statistics import fmean

import msgspec

from graders.comparisons import Test, holm, paired
from graders.statistics import Estimate
from harness.board.board import Key, grouped
from harness.board.load import gather, identity
from harness.board.ranking import scores, side_by_side
from harness.store.manifest import differences
from tasks.base import Fields, InputError, Noun, Record, Scalar

EQUAL = 1e-9  # scores this close are a tie
Groups = dict[Key, list[Record]]


class Disagreement(Noun, frozen=True):
    """An instance on which the two differ: their scores, and how often which verdict."""

    instance: str
    level: int
    a: float
    b: float
    verdicts_a: dict[str, int]
    verdicts_b: dict[str, int]


class FamilyComparison(Noun, frozen=True):
    """The two in one family and cell.

    `pairs` are instances that both have a grade on; `left_out` those on which one has only errors;
    `unshared` those that one was not asked or has not finished; `lost` the levels without a pair.
    `a` and `b` are the family's score over the pairs, `difference` is a - b. `trials` are the pairs
    of unlike seed or index; `test` is what `p` is of: `adjusted Wald`, of equal means, or `sign
    flips`, of equal distributions; empty without `p`. `p_holm` is corrected for all families and
    cells. `resolves`: the smallest difference whose `p` is below 5 % with 80 % chance. `apart` has
    the instances on which they differ, the largest difference first.
    """

    family: str
    cell: dict[str, Scalar]
    pairs: int
    left_out: int
    unshared: int
    lost: tuple[int, ...]
    a: float | None
    b: float | None
    trials: int
    difference: Estimate
    test: Test
    p: float | None
    p_holm: float | None
    wins: int
    ties: int
    losses: int
    resolves: float | None
    apart: tuple[Disagreement, ...]


class ModelComparison(Noun, frozen=True):
    """What `makespan compare` tells."""

    a: str
    b: str
    matches: tuple[FamilyComparison, ...]

    @property
    def complete(self) -> bool:
        """Whether every episode of either has its counterpart."""
        return not any(m.left_out or m.unshared for m in self.matches)


def compare(folders: Sequence[Path], a: str, b: str) -> ModelComparison:
    """Compare two models of run folders; InputError if they cannot be compared."""
    return between(grouped(gather(folders).asked), a, b)


def between(groups: Groups, a: str, b: str) -> ModelComparison:
    """Compare two models by the records of board rows; InputError if they cannot be compared."""
    if a == b:
        raise InputError(f"{a} is compared with itself: give two different --model")
    for model in (a, b):
        if model not in {key.model for key in groups}:
            names = ", ".join(dict.fromkeys(key.model for key in groups))
            raise InputError(f"no episodes of {model} in the folders: there are {names}")
    matches = [
        _match(key, records, other)
        for name in dict.fromkeys(key.family for key in groups)
        for key, records, other in _counterparts(groups, name, a, b)
    ]
    if not any(m.pairs + m.left_out for m in matches):
        raise InputError(f"{a} and {b} share no instance in the folders")
    known = [m.p for m in matches if m.p is not None]
    corrected = iter(holm(known))
    return ModelComparison(
        a,
        b,
        tuple(
            m if m.p is None else msgspec.structs.replace(m, p_holm=next(corrected))
            for m in matches
        ),
    )


def _counterparts(
    groups: Groups, name: str, a: str, b: str
) -> Iterator[tuple[Key, list[Record], list[Record]]]:
    """In each cell of a family the records of either, asked the same way."""
    ours, theirs = (_ways(groups, name, model) for model in (a, b))
    if not ours or not theirs:
        return
    if not a.startswith("policy/") and not b.startswith("policy/"):
        same = [way for way in ours if any(_way(way) == _way(other) for other in theirs)]
        if not same:
            where, here, there = next(differences(_way(ours[0]), _way(theirs[0]), ""))
            raise InputError(
                f"{a} and {b} were not asked the same in {name}: {where} is {here!r} and {there!r}"
            )
        ours = same
        theirs = [way for way in theirs if _way(way) in [_way(other) for other in same]]
    mine, other = _only(a, ours), _only(b, theirs)
    cells = dict.fromkeys(key.cell for key in groups if key.family == name)
    for cell in cells:
        key, counterpart = mine._replace(cell=cell), other._replace(cell=cell)
        if key in groups or counterpart in groups:
            yield key, groups.get(key, []), groups.get(counterpart, [])


def _ways(groups: Groups, name: str, model: str) -> list[Key]:
    """The ways in which a model was asked in a family; a policy is the same in all of them."""
    found = dict.fromkeys(
        key._replace(cell="") for key in groups if (key.family, key.model) == (name, model)
    )
    return list(found)[:1] if model.startswith("policy/") else list(found)


def _way(key: Key) -> Fields:
    return identity(key.model, key.agent, key.memory, msgspec.json.decode(key.setup))


def _only(model: str, ways: Sequence[Key]) -> Key:
    if len(ways) > 1:
        one, other = (
            {"agent": k.agent, "memory": k.memory, **msgspec.json.decode(k.setup)} for k in ways[:2]
        )
        where, here, there = next(differences(one, other, ""))
        raise InputError(
            f"{model} was asked in {len(ways)} ways, {where} is {here!r} and {there!r}:"
            " name the folders of one"
        )
    return ways[0]


def _match(key: Key, ours: Sequence[Record], theirs: Sequence[Record]) -> FamilyComparison:
    mine, other = ({r.instance for r in records} for records in (ours, theirs))
    shared = mine & other
    both = [[r for r in records if r.instance in shared] for records in (ours, theirs)]
    asked = side_by_side(key.family, both)
    strata = [
        {i: (a, b) for i, (a, b) in stratum.items() if not isnan(a) and not isnan(b)}
        for stratum in asked
    ]
    pairs = {i: pair for stratum in strata for i, pair in stratum.items()}
    found = paired(scores(asked, both))
    levels = {r.instance: r.level for r in both[0]}
    signs = Counter(_sign(a - b) for a, b in pairs.values())
    return FamilyComparison(
        family=key.family,
        cell=msgspec.json.decode(key.cell),
        pairs=len(pairs),
        left_out=len(shared) - len(pairs),
        unshared=len(mine ^ other),
        lost=tuple(sorted(set(levels.values()) - {levels[i] for i in pairs})),
        a=_score(strata, 0),
        b=_score(strata, 1),
        trials=found.trials,
        difference=found.difference,
        test=found.test,
        p=found.p,
        p_holm=None,
        wins=signs[1],
        ties=signs[0],
        losses=signs[-1],
        resolves=found.resolves,
        apart=tuple(_apart(pairs, levels, both)),
    )


def _sign(difference: float) -> int:
    return 0 if abs(difference) < EQUAL else 1 if difference > 0 else -1


def _score(strata: Sequence[dict[str, tuple[float, float]]], side: int) -> float | None:
    """The family's score over the pairs."""
    means = [fmean(pair[side] for pair in stratum.values()) for stratum in strata if stratum]
    return fmean(means) if means else None


def _apart(
    pairs: dict[str, tuple[float, float]],
    levels: dict[str, int],
    both: Sequence[Sequence[Record]],
) -> Iterator[Disagreement]:
    verdicts: list[dict[str, Counter[str]]] = [{}, {}]
    for side, records in zip(verdicts, both, strict=True):
        for r in records:
            verdict = r.grade.verdict.value if r.grade else "error"
            side.setdefault(r.instance, Counter())[verdict] += 1
    ordered = sorted(pairs.items(), key=lambda one: (-abs(one[1][0] - one[1][1]), one[0]))
    for instance, (a, b) in ordered:
        if _sign(a - b):
            yield Disagreement(
                instance, levels[instance], a, b, *(dict(v[instance]) for v in verdicts)
            )
