"""Two models, instance by instance: how far apart they are, how sure that is, and on what."""

from collections import Counter
from collections.abc import Iterator, Sequence
from math import isnan
from pathlib import Path
from statistics import fmean

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from graders.comparisons import PairedComparison, Test, holm, paired
from graders.statistics import Estimate
from harness.board.board import Key, grouped
from harness.board.load import CanonicalFields, gather, models_of
from harness.board.ranking import Stratum, scores, side_by_side
from harness.board.selection import Selection, only_model
from harness.store.folder import Folder
from harness.store.manifest import differences
from tasks.base import Fields, InputError, Noun, Record, Scalar

EQUAL = 1e-9  # scores this close are a tie
NO_CELL = CanonicalFields.of({})
Groups = dict[Key, list[Record]]
Pairs = dict[str, tuple[float, float]]  # the scores of A and B by instance
Sides = tuple[Sequence[Record], Sequence[Record]]  # the records of A and B


class Disagreement(Noun, frozen=True):
    """An instance on which the two differ: their scores, and how often each has which verdict."""

    instance: str
    level: int
    a: float
    b: float
    verdicts_a: dict[str, int]
    verdicts_b: dict[str, int]


class FamilyComparison(Noun, frozen=True):
    """The two in one family and cell.

    Attributes:
        pairs: number of instances on which both have a grade.
        left_out: number of instances on which one has only errors.
        unshared: number of instances that one was not asked or has not finished.
        lost: the levels without a pair.
        a: the family's score of A over the pairs; `b` that of B, `difference` is a - b.
        trials: number of pairs, those of one seed and index counted once.
        test: the test that gives `p`: `adjusted Wald`, of equal means, or `sign flips`, of equal
            distributions; empty without `p`.
        p_holm: `p` corrected for all families and cells.
        resolves: the smallest difference whose `p` is below 5 % with 80 % chance.
        apart: the instances on which the two differ, the largest difference first.
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
    """Two models in every family and cell: the content of `makespan compare`.

    Attributes:
        families: the only ones that were compared, where not all were.
    """

    a: str
    b: str
    matches: tuple[FamilyComparison, ...]
    families: tuple[str, ...] | UnsetType = UNSET

    @property
    def complete(self) -> bool:
        """Return whether every episode of either has its counterpart."""
        return not any(m.left_out or m.unshared for m in self.matches)


def compare(
    folders: Sequence[Path], a: str, b: str, families: Sequence[str] = ()
) -> ModelComparison:
    """Compare two models of run folders.

    Args:
        folders: of runs.
        a: a model, as `provider/name`, or a pattern that is of one model only.
        b: another one.
        families: the only ones that are compared; none means all.

    Raises:
        InputError: the folders do not belong on one board, a pattern is of several models, or as
            for `between`.
    """
    names = models_of(map(Folder.open, folders))
    pair = only_model(a, names), only_model(b, names)
    selection = Selection(pair, tuple(families))
    gathered = gather(folders, selection=selection)
    comparison = between(grouped(gathered.records, gathered.dials), *pair)
    return replace(comparison, families=selection.families) if families else comparison


def between(groups: Groups, a: str, b: str) -> ModelComparison:
    """Compare two models by the records of board rows.

    Args:
        groups: the records of each board row.
        a: a model, as `provider/name`.
        b: another one.

    Raises:
        InputError: both are one model, one has no records, they share no instance, they were not
            asked the same, or one was asked in several ways.
    """
    _require_two_models(groups, a, b)
    matches = [
        matched(key, sides)
        for name in dict.fromkeys(key.family for key in groups)
        for key, sides in _counterparts(groups, name, a, b)
    ]
    if not any(m.pairs + m.left_out for m in matches):
        raise InputError(f"{a} and {b} share no instance in the folders")
    return ModelComparison(a, b, corrected(matches))


def _require_two_models(groups: Groups, a: str, b: str) -> None:
    if a == b:
        raise InputError(f"{a} is compared with itself: give two different models")
    for model in (a, b):
        _require_model(groups, model)


def _require_model(groups: Groups, model: str) -> None:
    models = list(dict.fromkeys(key.model for key in groups))
    if model not in models:
        names = ", ".join(models)
        raise InputError(f"no episodes of {model} in the folders: there are {names}")


def corrected(matches: Sequence[FamilyComparison]) -> tuple[FamilyComparison, ...]:
    """Return the comparisons with `p_holm`."""
    values = iter(holm([m.p for m in matches if m.p is not None]))
    return tuple(m if m.p is None else replace(m, p_holm=next(values)) for m in matches)


def _counterparts(groups: Groups, name: str, a: str, b: str) -> Iterator[tuple[Key, Sides]]:
    """Yield for each cell of a family the records of A and B that were asked the same way."""
    ways_a, ways_b = (_ways(groups, name, model) for model in (a, b))
    if not ways_a or not ways_b:
        return
    if not a.startswith("policy/") and not b.startswith("policy/"):
        ways_a, ways_b = _shared_ways(ways_a, ways_b)
    key_a, key_b = _only(ways_a), _only(ways_b)
    for cell in dict.fromkeys(key.cell for key in groups if key.family == name):
        cell_a, cell_b = key_a._replace(cell=cell), key_b._replace(cell=cell)
        if cell_a in groups or cell_b in groups:
            yield cell_a, (groups.get(cell_a, []), groups.get(cell_b, []))


def _ways(groups: Groups, name: str, model: str) -> list[Key]:
    """Return the ways in which a model was asked in a family; of a policy all are the same."""
    ways = dict.fromkeys(
        key._replace(cell=NO_CELL) for key in groups if (key.family, key.model) == (name, model)
    )
    return list(ways)[:1] if model.startswith("policy/") else list(ways)


def _shared_ways(ways_a: Sequence[Key], ways_b: Sequence[Key]) -> tuple[list[Key], list[Key]]:
    """Return the ways in which both were asked; InputError if there is none."""
    identities_a, identities_b = ([way.identity for way in ways] for ways in (ways_a, ways_b))
    shared = [way for way in ways_a if way.identity in identities_b]
    if not shared:
        a, b = ways_a[0], ways_b[0]
        setting, value_a, value_b = next(differences(identities_a[0], identities_b[0], ""))
        raise InputError(
            f"{a.model} and {b.model} were not asked the same in {a.family}:"
            f" {setting} is {value_a!r} and {value_b!r}"
        )
    return shared, [way for way in ways_b if way.identity in identities_a]


def _only(ways: Sequence[Key]) -> Key:
    """Return the one way in which a model was asked; InputError if there are several."""
    if len(ways) > 1:
        setting, first, second = next(differences(_settings(ways[0]), _settings(ways[1]), ""))
        raise InputError(
            f"{ways[0].model} was asked in {len(ways)} ways, {setting} is {first!r} and {second!r}:"
            " name the folders of one"
        )
    return ways[0]


def _settings(way: Key) -> Fields:
    parts = {"agent": way.agent, "memory": way.memory, "versions": "; ".join(way.versions)}
    return parts | way.setup.fields


def matched(key: Key, sides: Sides) -> FamilyComparison:
    """Compare two models in the cell of a key, by the instances that both were asked.

    Args:
        key: of the rows that are compared.
        sides: the records of A and of B.
    """
    instances_a, instances_b = ({r.instance for r in records} for records in sides)
    shared = instances_a & instances_b
    records_a, records_b = ([r for r in records if r.instance in shared] for records in sides)
    strata = side_by_side(key.family, (records_a, records_b))
    comparison = paired(scores(strata, (records_a, records_b)))
    paired_strata = [_pairs(stratum) for stratum in strata]
    match = _compared(key, (records_a, records_b), paired_strata, comparison)
    pairs = sum(map(len, paired_strata))
    unshared = len(instances_a ^ instances_b)
    return replace(match, left_out=len(shared) - pairs, unshared=unshared)


def _pairs(stratum: Stratum) -> Pairs:
    """Return the scores of the instances on which both have a grade."""
    return {i: (a, b) for i, (a, b) in stratum.items() if not isnan(a) and not isnan(b)}


def _compared(
    key: Key, sides: Sides, strata: Sequence[Pairs], comparison: PairedComparison
) -> FamilyComparison:
    """Return the comparison over some pairs, nothing left out or unshared."""
    pairs = {i: pair for stratum in strata for i, pair in stratum.items()}
    levels = {r.instance: r.level for r in sides[0]}
    signs = Counter(_sign(a - b) for a, b in pairs.values())
    return FamilyComparison(
        family=key.family,
        cell=key.cell.fields,
        pairs=len(pairs),
        left_out=0,
        unshared=0,
        lost=tuple(sorted(set(levels.values()) - {levels[i] for i in pairs})),
        a=_score(strata, 0),
        b=_score(strata, 1),
        trials=comparison.trials,
        difference=comparison.difference,
        test=comparison.test,
        p=comparison.p,
        p_holm=None,
        wins=signs[1],
        ties=signs[0],
        losses=signs[-1],
        resolves=comparison.resolves,
        apart=tuple(_apart(pairs, levels, sides)),
    )


def _sign(difference: float) -> int:
    return 0 if abs(difference) < EQUAL else 1 if difference > 0 else -1


def _score(strata: Sequence[Pairs], side: int) -> float | None:
    """Return the family's score over the pairs."""
    means = [fmean(pair[side] for pair in stratum.values()) for stratum in strata if stratum]
    return fmean(means) if means else None


def _apart(pairs: Pairs, levels: dict[str, int], sides: Sides) -> Iterator[Disagreement]:
    verdicts_a, verdicts_b = map(_verdicts, sides)
    ordered = sorted(pairs.items(), key=lambda pair: (-abs(pair[1][0] - pair[1][1]), pair[0]))
    for instance, (a, b) in ordered:
        if _sign(a - b):
            yield Disagreement(
                instance,
                levels[instance],
                a,
                b=b,
                verdicts_a=dict(verdicts_a[instance]),
                verdicts_b=dict(verdicts_b[instance]),
            )


def _verdicts(records: Sequence[Record]) -> dict[str, Counter[str]]:
    """Return for each instance how often it has which verdict."""
    verdicts: dict[str, Counter[str]] = {}
    for r in records:
        verdicts.setdefault(r.instance, Counter())[_verdict(r)] += 1
    return verdicts


def _verdict(record: Record) -> str:
    return record.grade.verdict.value if record.grade else "error"
