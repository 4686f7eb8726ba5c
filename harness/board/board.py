"""The leaderboard: rows of a model on a family, each with its interval, errors and references."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from graders.statistics import Estimate
from harness.board.load import ScoredRecord, gather, identity, text
from harness.board.ranking import Rank, rank
from harness.calls.prices import Prices, load
from harness.costs import sum_or_none
from harness.families.registry import family
from tasks.base import Fields, Noun, Record, Scalar, Verdict

NO_HEADLINES: Mapping[str, str] = MappingProxyType({})


class Row(Noun, frozen=True):
    """A model's results in one cell of a family.

    `setup` is how it was asked, where that was told: sampling settings, the server's address.
    `n` counts all its episodes, `of` how many its suite has (None: any number). Errors have no
    score: score and metrics are over the other `n - errors`, and where a level has nothing but
    errors there is no score at all. `problems` counts the reasons. `tokens` (the agent's),
    `cost` (US dollars), `seconds` and `memory_tokens` are sums over all episodes; None is unknown.
    `headline` names the measure that is the score, where its suite says so.
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
    retried: int = 0
    rank: Rank | None = None
    headline: str | None = None


class Board(Noun, frozen=True):
    """Rows by family and cell, the best score first; `missing` names models without a row.

    Ranks are among rows of kind `model` that were asked the same. `priced` has the models whose
    cost is stored usage at a table of prices, and the table's date.
    """

    rows: tuple[Row, ...]
    missing: tuple[str, ...] = ()
    priced: dict[str, date] = {}

    @property
    def complete(self) -> bool:
        """Whether every episode that was wanted has a grade."""
        return not self.missing and all(
            not row.errors and (row.of is None or row.n >= row.of) for row in self.rows
        )


def read_board(folders: Sequence[Path], prices: Prices | None = None) -> Board:
    """The board of run folders; InputError if what they share was not asked the same.

    Without `prices` the project's own table tells the costs that no provider told.
    """
    found = gather(folders, prices or load(None))
    return build_board(
        found.asked,
        found.sizes,
        found.missing,
        found.priced,
        ranked=found.ranked,
        headlines=found.headlines,
    )


def build_board(
    asked: Sequence[ScoredRecord],
    sizes: dict[str, int],
    missing: tuple[str, ...] = (),
    priced: dict[str, date] | None = None,
    *,
    ranked: bool = True,
    headlines: Mapping[str, str] = NO_HEADLINES,
) -> Board:
    """Group records to rows; `sizes` tells how many episodes a model should have in a family.

    Without `ranked` no row has a rank, whatever it scored. `headlines` are those of families whose
    records were scored by another measure than the family's own.
    """
    groups = grouped(asked)
    cells: dict[str, set[str]] = {}
    for key in groups:
        cells.setdefault(key.family, set()).add(key.cell)
    rows = {
        key: _row(key, group, sizes.get(key.family) if len(cells[key.family]) == 1 else None)
        for key, group in groups.items()
    }
    rows = {
        key: replace(_with_gain(row, key, groups), headline=headlines.get(key.family))
        for key, row in rows.items()
    }
    done = _ranked(rows, groups) if ranked else list(rows.values())
    return Board(tuple(sorted(done, key=_order)), missing, priced or {})


class Key(NamedTuple):
    """What the records of a row share; cell and setup as canonical JSON."""

    family: str
    cell: str
    model: str
    agent: str
    memory: str
    setup: str

    @property
    def ranking(self) -> tuple[str, ...]:
        """What the rows of one ranking share."""
        asked = identity(self.model, self.agent, self.memory, msgspec.json.decode(self.setup))
        return (self.family, self.cell, text(asked))


def grouped(asked: Sequence[ScoredRecord]) -> dict[Key, list[Record]]:
    """The records of each row."""
    families = list(dict.fromkeys(a.record.family for a in asked))
    dials = {f: _dials(f, [a.record for a in asked if a.record.family == f]) for f in families}
    groups: dict[Key, list[Record]] = {}
    for a in asked:
        r = a.record
        cell = {k: r.settings.get(k) for k in dials[r.family]}
        key = Key(r.family, text(cell), r.model, r.agent, r.memory, text(a.setup))
        groups.setdefault(key, []).append(r)
    return groups


def _ranked(rows: dict[Key, Row], groups: dict[Key, list[Record]]) -> list[Row]:
    """The rows; models that were asked the same and have a score with their rank intervals."""
    rankings: dict[tuple[str, ...], list[Key]] = {}
    for key, row in rows.items():
        if row.kind == "model" and row.score.value is not None:
            rankings.setdefault(key.ranking, []).append(key)
    done = dict(rows)
    for keys in rankings.values():
        if len(keys) > 1:
            found = rank(keys[0].family, [groups[key] for key in keys])
            for key, one in zip(keys, found, strict=True):
                done[key] = replace(rows[key], rank=one)
    return list(done.values())


def _with_gain(row: Row, key: Key, groups: dict[Key, list[Record]]) -> Row:
    """A row with a memory gets its gain over the same model's without, and over the same history.

    A gain is there if the other row is on the board too.
    """
    gain = family(row.family).learning_gain
    found = {}
    for name, other in (("learning_gain", "none"), ("gain_over_history", "history")):
        without = key._replace(memory=other)
        if gain and row.memory not in ("none", other) and without in groups:
            found[name] = gain(groups[key], groups[without])
    return replace(row, metrics=row.metrics | found) if found else row


def _order(row: Row) -> tuple[Any, ...]:
    score = row.score.value
    who = (row.model, row.agent, row.memory, text(row.setup))
    return (row.family, text(row.cell), score is None, -(score or 0.0), *who)


def _dials(name: str, records: Iterable[Record]) -> list[str]:
    """The settings that tell rows of a family apart: not the ramp, and not all the same."""
    values: dict[str, set[Scalar]] = {}
    for record in records:
        for key, value in record.settings.items():
            values.setdefault(key, set()).add(value)
    return sorted(k for k, v in values.items() if len(v) > 1 and k not in family(name).ramp)


def _row(key: Key, records: list[Record], of: int | None) -> Row:
    name, cell, model, agent, memory, setup = key
    records = sorted(records, key=lambda r: (r.instance, r.epoch))  # not as they were answered
    graded = [r for r in records if r.grade]
    verdicts = [r.grade.verdict for r in graded if r.grade]
    nothing = Estimate.unknown("no graded episodes")
    score, metrics = family(name).summarise(graded) if graded else (nothing, {})
    empty = {r.level for r in records} - {r.level for r in graded}
    if graded and empty:
        score = Estimate.unknown("only errors at level " + ", ".join(map(str, sorted(empty))))
    tokens = [
        None
        if r.input_tokens is None or r.output_tokens is None
        else r.input_tokens + r.output_tokens
        for r in records
    ]
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
        tokens=sum_or_none(tokens),
        cost=sum_or_none([r.cost for r in records]),
        seconds=round(sum(r.seconds for r in records), 3),
        memory_calls=sum(r.memory_calls for r in records),
        memory_tokens=sum_or_none([r.memory_tokens for r in records]),
        retried=sum(r.attempts > r.calls + r.memory_calls for r in records),
    )


def kind_of(name: str, model: str) -> str:
    """Whether a row is a `floor`, a `ceiling` or a `model`."""
    provider, _, policy = model.partition("/")
    known = family(name).policies.get(policy) if provider == "policy" else None
    return known.kind if known else "model"


def as_csv(board: Board) -> str:
    """A line a row; each metric in three columns, its value and the ends of its interval."""
    names = list(dict.fromkeys(name for row in board.rows for name in row.metrics))
    apart = ("score", "metrics", "problems", "rank")
    fixed = [f for f in Row.__struct_fields__ if f not in apart]
    places = [f"rank_{f}" for f in Rank.__struct_fields__]
    ends = [f"{n}{end}" for n in ("score", *names) for end in ("", "_low", "_high")]
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(fixed + places + ends)
    for row in board.rows:
        cells = [getattr(row, f) for f in fixed]
        cells = [text(cell) if isinstance(cell, dict) else cell for cell in cells]
        cells += msgspec.structs.astuple(row.rank) if row.rank else [None] * len(places)
        for name in ("score", *names):
            one = row.score if name == "score" else row.metrics.get(name)
            cells += [one.value, one.low, one.high] if one else [None] * 3
        table.writerow(["" if cell is None else cell for cell in cells])
    return out.getvalue()
