"""The leaderboard: rows of a model on a family, each with its interval, errors and references."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from graders.statistics import Estimate
from harness.folder import Folder, Manifest, differences
from harness.journal import read_records
from harness.registry import FAMILIES, family
from tasks.base import InputError, Noun, Record, Scalar, Verdict


class Row(Noun, frozen=True):
    """A model's results in one cell of a family.

    `n` counts all its episodes, `of` how many its suite has (None: any number). Errors have no
    score: score and metrics are over the other `n - errors`. `tokens` (the agent's), `cost` (US
    dollars), `seconds` and `memory_tokens` are sums over all episodes; None is unknown.
    """

    family: str
    cell: dict[str, Scalar]
    model: str
    agent: str
    memory: str
    kind: str
    n: int
    of: int | None
    errors: int
    unparsable: int
    infeasible: int
    score: Estimate
    metrics: dict[str, Estimate]
    tokens: int | None
    cost: float | None
    seconds: float
    memory_calls: int = 0
    memory_tokens: int | None = 0


class Board(Noun, frozen=True):
    """Rows by family and cell, the best score first."""

    rows: tuple[Row, ...]

    @property
    def errors(self) -> int:
        """Episodes without a grade."""
        return sum(row.errors for row in self.rows)


def read_board(folders: Sequence[Path]) -> Board:
    """The board of run folders; InputError if they were not asked the same."""
    manifests = [Folder.open(folder).manifest for folder in folders]
    for path, manifest in zip(folders[1:], manifests[1:], strict=True):
        _same_suite(folders[0], manifests[0], path, manifest)
    records = [record for folder in folders for record in read_records(folder)]
    if not records:
        raise InputError(f"no finished episodes in {', '.join(map(str, folders))}")
    how = manifests[0].configuration
    sizes = {
        name: sum(e.count or 0 for e in how.suite.entry if e.family == name) * how.epochs or None
        for name in how.suite.families
    }
    return build_board(records, sizes)


def _same_suite(a: Path, first: Manifest, b: Path, second: Manifest) -> None:
    one, other = first.configuration, second.configuration
    if one.lock == other.lock:
        return
    here, there = msgspec.to_builtins(one.suite), msgspec.to_builtins(other.suite)
    where, kept, asked = next(
        differences(here, there, "suite"),
        ("versions", one.versions, other.versions),
    )
    raise InputError(
        f"{a} and {b} were not asked the same: {where} is {kept!r} and {asked!r}; board them apart"
    )


def build_board(records: Sequence[Record], sizes: dict[str, int | None]) -> Board:
    """Group records to rows; `sizes` tells how many episodes a row of a family should have."""
    groups: dict[tuple[str, str, str, str, str], list[Record]] = {}
    dials = {name: _dials(name, [r for r in records if r.family == name]) for name in FAMILIES}
    for record in records:
        cell = {k: record.settings.get(k) for k in dials[record.family]}
        label = msgspec.json.encode(cell, order="sorted").decode()
        key = (record.family, label, record.model, record.agent, record.memory)
        groups.setdefault(key, []).append(record)
    counts: dict[str, set[str]] = {}
    for name, label, *_ in groups:
        counts.setdefault(name, set()).add(label)
    rows = [
        _row(key, group, sizes.get(key[0]) if len(counts[key[0]]) == 1 else None)
        for key, group in groups.items()
    ]
    return Board(tuple(sorted(rows, key=_rank)))


def _rank(row: Row) -> tuple[Any, ...]:
    score = row.score.value
    cell = msgspec.json.encode(row.cell, order="sorted")
    return (row.family, cell, score is None, -(score or 0.0), row.model, row.agent, row.memory)


def _dials(name: str, records: Iterable[Record]) -> list[str]:
    """The settings that tell rows of a family apart: not the ramp, and not all the same."""
    values: dict[str, set[Scalar]] = {}
    for record in records:
        for key, value in record.settings.items():
            values.setdefault(key, set()).add(value)
    return sorted(k for k, v in values.items() if len(v) > 1 and k not in family(name).ramp)


def _row(key: tuple[str, str, str, str, str], records: list[Record], of: int | None) -> Row:
    name, cell, model, agent, memory = key
    graded = sorted((r for r in records if r.grade), key=lambda r: (r.instance, r.epoch))
    verdicts = [r.grade.verdict for r in graded if r.grade]
    nothing = Estimate.unknown("no graded episodes")
    score, metrics = family(name).summarise(graded) if graded else (nothing, {})
    tokens = [
        None if r.input_tokens is None or r.output_tokens is None
        else r.input_tokens + r.output_tokens
        for r in records
    ]  # fmt: skip
    return Row(
        family=name,
        cell=msgspec.json.decode(cell),
        model=model,
        agent=agent,
        memory=memory,
        kind=kind_of(name, model),
        n=len(records),
        of=of,
        errors=len(records) - len(graded),
        unparsable=verdicts.count(Verdict.unparsable),
        infeasible=verdicts.count(Verdict.infeasible),
        score=score,
        metrics=metrics,
        tokens=total(tokens),
        cost=total([r.cost for r in records]),
        seconds=round(sum(r.seconds for r in records), 3),
        memory_calls=sum(r.memory_calls for r in records),
        memory_tokens=total([r.memory_tokens for r in records]),
    )


def kind_of(name: str, model: str) -> str:
    """Whether a row is a `floor`, a `ceiling` or a `model`."""
    provider, _, policy = model.partition("/")
    known = family(name).policies.get(policy) if provider == "policy" else None
    return known.kind if known else "model"


def total(values: Sequence[Any]) -> Any:
    """The sum, or None if any is unknown."""
    return None if any(value is None for value in values) else sum(values)


def as_json(board: Board) -> bytes:
    """The board as one JSON document."""
    return msgspec.json.format(msgspec.json.encode(board), indent=2)


def as_csv(board: Board) -> str:
    """A line a row; each metric in three columns, its value and the ends of its interval."""
    names = list(dict.fromkeys(name for row in board.rows for name in row.metrics))
    fixed = [f for f in Row.__struct_fields__ if f not in ("score", "metrics")]
    ends = [f"{n}{end}" for n in ("score", *names) for end in ("", "_low", "_high")]
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(fixed + ends)
    for row in board.rows:
        cells = [getattr(row, f) for f in fixed]
        cells[1] = msgspec.json.encode(row.cell).decode()
        for name in ("score", *names):
            one = row.score if name == "score" else row.metrics.get(name)
            cells += [one.value, one.low, one.high] if one else [None] * 3
        table.writerow(["" if cell is None else cell for cell in cells])
    return out.getvalue()
