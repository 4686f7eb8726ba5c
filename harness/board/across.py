"""One model at two values of a setting, on instances that are the same but for it.

What a setting costs is a paired difference: instances of one seed and index share all that the
setting does not touch, such as the years of `calendar` whose evidence is told in another way.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import msgspec
from msgspec.structs import replace

from harness.board.board import Key, grouped
from harness.board.compare import ModelComparison, Sides, corrected, matched
from harness.board.load import ScoredRecord, dials_of, gather, models_of
from harness.board.selection import Selection, only_model
from harness.store.folder import Folder
from harness.store.manifest import differences
from tasks.base import InputError, Record, Scalar
from tasks.ids import cluster_of

Values: TypeAlias = tuple[Scalar | None, ...]  # of the settings in question; None: not set


def across(
    folders: Sequence[Path], model: str, settings: Sequence[str], families: Sequence[str] = ()
) -> ModelComparison:
    """Compare a model with itself, by instances that differ in some settings alone.

    Args:
        folders: of runs, whose suites may differ. A is what the first of them has first.
        model: as `provider/name`, or a pattern that is of one model only.
        settings: the names of those that may differ.
        families: the only ones that are compared; none means all.

    Raises:
        InputError: no two values of the settings are there, or more than two, or the model was not
            asked the same, or no instance is there at both.
    """
    name = only_model(model, models_of(map(Folder.open, folders)))
    selection = Selection((name,), tuple(families))
    scored = [each for path in folders for each in gather([path], selection=selection).records]
    first, second = _two_values(scored, settings)
    matches = [
        matched(key, _paired(records, settings, first))
        for key, records in _rows(scored, settings).items()
    ]
    if not any(m.pairs + m.left_out for m in matches):
        raise InputError(
            f"{name}: no instance is there at both {_words(settings, first)} and"
            f" {_words(settings, second)} and the same otherwise"
        )
    a, b = (f"{name} at {_words(settings, values)}" for values in (first, second))
    comparison = ModelComparison(a, b, corrected(matches))
    return replace(comparison, families=selection.families) if families else comparison


def _two_values(scored: Sequence[ScoredRecord], settings: Sequence[str]) -> tuple[Values, Values]:
    """Return what the settings are of A and of B."""
    values = list(dict.fromkeys(_values(each.record, settings) for each in scored))
    if len(values) != 2:
        listed = "; ".join(_words(settings, each) for each in values)
        raise InputError(
            f"`across` {', '.join(settings)}: two values are compared, and there are"
            f" {len(values)}: {listed}"
        )
    return values[0], values[1]


def _values(record: Record, settings: Sequence[str]) -> Values:
    return tuple(record.settings.get(name) for name in settings)


def _words(settings: Sequence[str], values: Values) -> str:
    """Return settings with their values as a reader is told them."""
    pairs = zip(settings, values, strict=True)
    return ", ".join(f"{n} not set" if v is None else f"{n}={v}" for n, v in pairs)


def _rows(scored: Sequence[ScoredRecord], settings: Sequence[str]) -> dict[Key, list[Record]]:
    """Return the records of each family and cell, if all in one were asked the same."""
    dials = dials_of(each.record for each in scored)
    rows = grouped(
        scored, {f: [d for d in names if d not in settings] for f, names in dials.items()}
    )
    ways: dict[tuple[str, str], Key] = {}
    for key in rows:
        way = ways.setdefault((key.family, key.cell.text), key)
        for name, one, other in differences(way.identity, key.identity, ""):
            raise InputError(
                f"{key.model} was not asked the same in {key.family}: {name} is {one!r} and"
                f" {other!r}"
            )
    return rows


def _paired(records: Sequence[Record], settings: Sequence[str], first: Values) -> Sides:
    """Return the records at the first values and at the others, instances by one name in both."""
    names: dict[bytes, str] = {}
    sides: tuple[list[Record], list[Record]] = ([], [])
    for record in records:
        rest = {k: v for k, v in record.settings.items() if k not in settings}
        same = [record.family, record.level, rest, cluster_of(record.instance)]
        name = names.setdefault(msgspec.json.encode(same, order="sorted"), record.instance)
        sides[_values(record, settings) != first].append(replace(record, instance=name))
    return sides
