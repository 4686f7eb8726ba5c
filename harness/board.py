"""The leaderboard: rows of a model on a family, each with its interval, errors and references."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from graders.statistics import Estimate
from harness.folder import Configuration, Folder, differences
from harness.journal import read_records
from harness.registry import family
from harness.totals import total
from tasks.base import Fields, InputError, Noun, Record, Scalar, Verdict


class Row(Noun, frozen=True):
    """A model's results in one cell of a family.

    `setup` is how it was asked, where that was told: sampling settings, the server's address.
    `n` counts all its episodes, `of` how many its suite has (None: any number). Errors have no
    score: score and metrics are over the other `n - errors`, and where a level has nothing but
    errors there is no score at all. `problems` counts the reasons. `tokens` (the agent's),
    `cost` (US dollars), `seconds` and `memory_tokens` are sums over all episodes; None is unknown.
    """

    family: str
    cell: dict[str, Scalar]
    model: str
    agent: str
    memory: str
    setup: Fields
    kind: str
    n: int
    of: int | None
    errors: int
    unparsable: int
    infeasible: int
    problems: dict[str, int]
    score: Estimate
    metrics: dict[str, Estimate]
    tokens: int | None
    cost: float | None
    seconds: float
    memory_calls: int = 0
    memory_tokens: int | None = 0


class Board(Noun, frozen=True):
    """Rows by family and cell, the best score first; `missing` names models without a row."""

    rows: tuple[Row, ...]
    missing: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every episode that was wanted has a grade."""
        return not self.missing and all(
            not row.errors and (row.of is None or row.n >= row.of) for row in self.rows
        )


class Asked(Noun, frozen=True):
    """A record, and how its run asked."""

    record: Record
    setup: Fields


def read_board(folders: Sequence[Path]) -> Board:
    """The board of run folders; InputError if they were not asked the same."""
    opened = [Folder.open(folder) for folder in folders]
    for other in opened[1:]:
        _same_suite(opened[0], other)
    asked = [a for folder in opened for a in _asked(folder)]
    _no_episode_twice(asked)
    if not asked:
        raise InputError(f"no finished episodes in {', '.join(map(str, folders))}")
    done = {a.record.model for a in asked}
    wanted = [spec.name for f in opened for spec in f.manifest.configuration.models]
    return build_board(asked, _sizes(opened), tuple(m for m in wanted if m not in done))


def _asked(folder: Folder) -> list[Asked]:
    setups = setups_of(folder.manifest.configuration)
    return [Asked(r, setups[r.model]) for r in read_records(folder.path)]


def setups_of(how: Configuration) -> dict[str, Fields]:
    """How each model of a run was asked, where that was told; nothing shapes a policy."""
    sampling = msgspec.to_builtins(how.sampling)
    return {
        spec.name: {}
        if spec.name.startswith("policy/")
        else sampling | ({"base_url": spec.base_url} if spec.base_url else {})
        for spec in how.models
    }


def _no_episode_twice(asked: Sequence[Asked]) -> None:
    seen = set()
    for a in asked:
        r = a.record
        key = (r.model, r.agent, r.memory, _text(a.setup), r.instance, r.epoch)
        if key in seen:
            raise InputError(f"the episode of {r.model} on {r.instance} is in two of the folders")
        seen.add(key)


def _sizes(folders: Sequence[Folder]) -> dict[str, int]:
    """How many episodes a model should have in each family: the most that any folder wants."""
    sizes: dict[str, int] = {}
    for folder in folders:
        manifest = folder.manifest
        suite, epochs = manifest.configuration.suite, manifest.configuration.epochs
        if suite.entry:
            count = min(x for x in (suite.size, manifest.limit) if x is not None)
            found = Counter(w.family for w in islice(suite.instances(), count))
        else:
            found = Counter(folder.families()[: manifest.limit])
        for name, number in found.items():
            sizes[name] = max(sizes.get(name, 0), number * epochs)
    return sizes


def _same_suite(a: Folder, b: Folder) -> None:
    one, other = a.manifest.configuration, b.manifest.configuration
    if one.lock == other.lock:
        return
    here, there = msgspec.to_builtins(one.suite), msgspec.to_builtins(other.suite)
    where, kept, asked = next(
        differences(here, there, "suite"),
        ("versions", one.versions, other.versions),
    )
    raise InputError(
        f"{a.path} and {b.path} were not asked the same: {where} is {kept!r} and {asked!r};"
        " board them apart"
    )


def build_board(
    asked: Sequence[Asked], sizes: dict[str, int], missing: tuple[str, ...] = ()
) -> Board:
    """Group records to rows; `sizes` tells how many episodes a model should have in a family."""
    families = list(dict.fromkeys(a.record.family for a in asked))
    dials = {f: _dials(f, [a.record for a in asked if a.record.family == f]) for f in families}
    groups: dict[tuple[str, ...], list[Record]] = {}
    for a in asked:
        r = a.record
        cell = {k: r.settings.get(k) for k in dials[r.family]}
        key = (r.family, _text(cell), r.model, r.agent, r.memory, _text(a.setup))
        groups.setdefault(key, []).append(r)
    cells: dict[str, set[str]] = {f: set() for f in families}
    for name, cell_text, *_ in groups:
        cells[name].add(cell_text)
    rows = [
        _row(key, group, sizes.get(key[0]) if len(cells[key[0]]) == 1 else None)
        for key, group in groups.items()
    ]
    return Board(tuple(sorted(rows, key=_rank)), missing)


def _text(value: object) -> str:
    return msgspec.json.encode(value, order="sorted").decode()


def _rank(row: Row) -> tuple[Any, ...]:
    score = row.score.value
    who = (row.model, row.agent, row.memory, _text(row.setup))
    return (row.family, _text(row.cell), score is None, -(score or 0.0), *who)


def _dials(name: str, records: Iterable[Record]) -> list[str]:
    """The settings that tell rows of a family apart: not the ramp, and not all the same."""
    values: dict[str, set[Scalar]] = {}
    for record in records:
        for key, value in record.settings.items():
            values.setdefault(key, set()).add(value)
    return sorted(k for k, v in values.items() if len(v) > 1 and k not in family(name).ramp)


def _row(key: tuple[str, ...], records: list[Record], of: int | None) -> Row:
    name, cell, model, agent, memory, setup = key
    graded = sorted((r for r in records if r.grade), key=lambda r: (r.instance, r.epoch))
    verdicts = [r.grade.verdict for r in graded if r.grade]
    nothing = Estimate.unknown("no graded episodes")
    score, metrics = family(name).summarise(graded) if graded else (nothing, {})
    empty = {r.level for r in records} - {r.level for r in graded}
    if graded and empty:
        score = Estimate.unknown("only errors at level " + ", ".join(map(str, sorted(empty))))
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
        setup=msgspec.json.decode(setup),
        kind=kind_of(name, model),
        n=len(records),
        of=of,
        errors=len(records) - len(graded),
        unparsable=verdicts.count(Verdict.unparsable),
        infeasible=verdicts.count(Verdict.infeasible),
        problems=dict(Counter(r.problem.message for r in records if r.problem).most_common(3)),
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


def as_json(board: Board) -> bytes:
    """The board as one JSON document."""
    return msgspec.json.format(msgspec.json.encode(board), indent=2)


def as_csv(board: Board) -> str:
    """A line a row; each metric in three columns, its value and the ends of its interval."""
    names = list(dict.fromkeys(name for row in board.rows for name in row.metrics))
    fixed = [f for f in Row.__struct_fields__ if f not in ("score", "metrics", "problems")]
    ends = [f"{n}{end}" for n in ("score", *names) for end in ("", "_low", "_high")]
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(fixed + ends)
    for row in board.rows:
        cells = [getattr(row, f) for f in fixed]
        cells = [_text(cell) if isinstance(cell, dict) else cell for cell in cells]
        for name in ("score", *names):
            one = row.score if name == "score" else row.metrics.get(name)
            cells += [one.value, one.low, one.high] if one else [None] * 3
        table.writerow(["" if cell is None else cell for cell in cells])
    return out.getvalue()
