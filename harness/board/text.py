"""The board as text for a terminal or a file."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from graders.spelling import MENDED, STRICT
from graders.statistics import Estimate
from harness.board.board import Board, Row
from harness.board.load import identity, sampling_of
from harness.board.ranking import Rank
from harness.board.trees import tree_notes
from harness.families.family import SPELLING, BoardColumn, Place
from harness.families.registry import family
from harness.formatting import cost_text, label, number, percent, tokens_text, with_interval
from harness.log import worded
from harness.models.base import REPLY_LIMIT
from harness.screen import UNIT, Screen, Table, TableColumn
from harness.store.manifest import differences
from tasks.base import NO_REFERENCE, Scalar

RANKS = {  # of columns by their heads, as `TableColumn` has it; others go after these
    "rank": 1,
    "kind": 2,
    "infeasible": 4,
    "unparsable": 5,
    "cost": 6,
    "tokens": 7,
    "seconds": 80,
    "errors": 90,
}
MEMORY = ("memory calls", "memory tokens", "recall tokens", "sleep tokens")
HEADLINE, METRIC, LATER = 3, 10, 70  # the rank of a second headline, of the first metric, of others


def print_board(board: Board, screen: Screen | None = None) -> None:
    """Print every family's rows, its ramp, and what a reader must know beside them."""
    screen = screen or Screen()
    tables = board_tables(board)
    screen.require(tables)
    screen.print(*tables)
    screen.say(*map(worded, notes(board)))
    screen.end()


def board_tables(board: Board) -> list[Table]:
    """Return the tables of a board: all families if there are several, then each with its ramps."""
    names = list(dict.fromkeys(row.family for row in board.rows))
    tables = [overview(board.rows)] if len(names) > 1 else []
    for name in names:
        rows = [row for row in board.rows if row.family == name]
        tables.append(_main(name, rows))
        tables += [_ramp(name, prefix, points, rows) for prefix, points in ramps(rows).items()]
    return tables


def overview(rows: Sequence[Row]) -> Table:
    """Return a line a model and family, and a family's yardsticks. No average over families."""
    several = len({group(row) for row in rows if row.cell}) > 0
    rows = overview_rows(rows)
    columns = [
        _name_column("model"),
        _name_column("family"),
        *[_name_column("cell")] * several,
        _column("kind"),
        TableColumn(f"score {UNIT}", rank=0),
        *[_column("rank")] * any(row.rank for row in rows),
        TableColumn("n", rank=0),
        _column("errors"),
    ]
    lines = [_overview_line(row, columns) for row in rows]
    return Table("all families", columns, lines, kinds=[row.kind for row in rows])


def _overview_line(row: Row, columns: Sequence[TableColumn]) -> list[str]:
    cells = {
        "model": row_name(row),
        "family": row.family,
        "cell": cell_of(row),
        "kind": row.kind,
        "score": with_interval(row.score, 3),
        "rank": rank_text(row.rank),
        "n": str(row.n),
        "errors": str(row.errors),
    }
    return [cells[column.name] for column in columns]


def overview_rows(rows: Sequence[Row]) -> list[Row]:
    """Return the models' rows by name, then for each family and cell its ceilings and best floor.

    What models may use tells yardsticks apart: a floor is one only at the same means.

    Args:
        rows: of a board, the best score of a family and cell first.
    """
    models = sorted((row for row in rows if row.kind == "model"), key=row_name)
    yardsticks = []
    for name in dict.fromkeys(map(group, rows)):
        below = [row for row in rows if group(row) == name]
        yardsticks += [row for row in below if row.kind == "ceiling"]
        best: dict[tuple[str, ...], Row] = {}
        for row in below:
            if row.kind == "floor":
                best.setdefault(row.means, row)
        yardsticks += best.values()
    return [*models, *yardsticks]


def _name_column(head: str) -> TableColumn:
    return TableColumn(head, rank=0, folds=True)


def _metric_column(column: BoardColumn, rank: int) -> TableColumn:
    """Return a metric's column; what could not be used stays like errors, if there is any."""
    return TableColumn(column.head, rank=rank, stays_if_any=bool(column.unusable))


def _column(head: str, rank: int = LATER) -> TableColumn:
    """Return a column whose place among others is by its head."""
    return TableColumn(head, rank=RANKS.get(head, rank), stays_if_any=head == "errors")


def group(row: Row) -> str:
    """Return the name of a row's column group: the family, and the cell if there are several."""
    return f"{row.family} {cell_of(row)}".strip()


@dataclass(frozen=True)
class _MainColumns:
    """Which columns a family's table has beside those that every one has."""

    headlines: Sequence[BoardColumn]
    metrics: Sequence[BoardColumn]
    ranked: bool
    memory: bool
    sandbox: bool
    means: bool
    sessions: bool

    def columns(self) -> list[TableColumn]:
        return [
            _name_column("model"),
            _column("kind"),
            *[_column("means")] * self.means,
            TableColumn(f"score {UNIT}", rank=0),
            *(TableColumn(f"{column.head} {UNIT}", rank=HEADLINE) for column in self.headlines),
            *[_column("rank")] * self.ranked,
            TableColumn("n", rank=0),
            *map(_column, ("errors", "unparsable", "infeasible")),
            *(_metric_column(column, METRIC + k) for k, column in enumerate(self.metrics)),
            _column("tokens"),
            *[_column("own tokens"), _column("side tokens")] * self.sessions,
            *map(_column, ("cost", "seconds")),
            *[_column("sandbox seconds")] * self.sandbox,
            *map(_column, MEMORY * self.memory),
        ]

    def line(self, row: Row) -> list[str]:
        return [
            row_name(row),
            row.kind,
            *[", ".join(row.means)] * self.means,
            with_interval(row.score, 3),
            *(headline_text(column.name, row) for column in self.headlines),
            *[rank_text(row.rank)] * self.ranked,
            str(row.n),
            str(row.errors),
            str(row.unparsable),
            str(row.infeasible),
            *(metric_text(column.name, row) for column in self.metrics),
            tokens_text(row.tokens),
            *[_rare(row.own_tokens), _rare(row.side_tokens)] * self.sessions,
            cost_text(row.cost),
            f"{row.seconds:.1f}",
            *[f"{row.sandbox_seconds:.2f}"] * self.sandbox,
            *_ledgers(row) * self.memory,
        ]


def _ledgers(row: Row) -> list[str]:
    """Return what a memory spent: its calls, and its tokens, those apart that somebody awaited."""
    counts = (row.memory_tokens, row.recall_tokens, row.sleep_tokens)
    return [str(row.memory_calls), *map(tokens_text, counts)]


def _rare(tokens: int | UnsetType | None) -> str:
    """Return tokens that only command-line agents have."""
    return "0" if tokens is UNSET else tokens_text(tokens)


def _main(name: str, rows: Sequence[Row]) -> Table:
    columns = _MainColumns(
        columns_at("beside", rows),
        further_metrics(rows),
        ranked=any(row.rank for row in rows),
        memory=any(row.memory_calls for row in rows),
        sandbox=any(row.sandbox_seconds for row in rows if row.agent != "direct"),
        means=any(row.agent != "direct" and row.means != ("direct",) for row in rows),
        sessions=any(row.own_tokens is not UNSET for row in rows),
    )
    return _with_cells(Table(name, columns.columns(), [*map(columns.line, rows)]), rows)


def _with_cells(table: Table, rows: Sequence[Row]) -> Table:
    """Return the table of some rows with their kinds, and with their cells if any row has one."""
    kinds = [row.kind for row in rows]
    if not any(row.cell for row in rows):
        return dataclasses.replace(table, kinds=kinds)
    name, *others = table.columns
    lines = [[line[0], cell_of(r), *line[1:]] for r, line in zip(rows, table.lines, strict=True)]
    columns = [name, _name_column("cell"), *others]
    return dataclasses.replace(table, columns=columns, lines=lines, kinds=kinds)


def rank_text(rank: Rank | None) -> str:
    """Return the ranks that a model may have."""
    if rank is None:
        return "-"
    return str(rank.low) if rank.low == rank.high else f"{rank.low} to {rank.high}"


def columns_at(place: Place, rows: Sequence[Row]) -> list[BoardColumn]:
    """Return the columns of the rows' family at a place that any of the rows has.

    One that the suite names as its headline is left out: it is the score.
    """
    columns = _measured(family(rows[0].family).columns_at(place), rows)
    return [column for column in columns if column.name != rows[0].headline]


def further_metrics(rows: Sequence[Row]) -> list[BoardColumn]:
    """Return the columns after the counts: the family's own, pass@k with several epochs.

    The first is how many episodes had their spelling mended, if any row has such.
    """
    passes = dict.fromkeys(m for row in rows for m in row.metrics if m.startswith("pass"))
    tries = _measured([BoardColumn(name) for name in list(passes)[-2:]], rows)
    return [*_measured(SPELLING[:1], rows), *columns_at("after", rows), *tries]


def _measured(columns: Sequence[BoardColumn], rows: Sequence[Row]) -> list[BoardColumn]:
    return [column for column in columns if any(column.name in row.metrics for row in rows)]


def metric_text(name: str, row: Row) -> str:
    """Return a metric: a gap or a share as a percentage, a ratio as a number.

    One that is unknown is `-`, or `no reference` where that is the reason.
    """
    metric = row.metrics.get(name)
    if metric is None or metric.value is None:
        return NO_REFERENCE if metric and metric.note == NO_REFERENCE else "-"
    return _value_text(name, row, metric)


def _value_text(name: str, row: Row, metric: Estimate) -> str:
    column = family(row.family).column(name)
    if column.prints == "level":
        return _level_text(metric)
    if column.interval:
        return with_interval(metric, 4)
    return percent(metric.value) if column.in_percent else number(metric.value, 3)


def headline_text(name: str, row: Row) -> str:
    """Return a second headline with its interval, `-` for a row without one: nothing is graded."""
    return with_interval(row.metrics[name], 3) if name in row.metrics else "-"


def ramps(rows: Sequence[Row]) -> dict[str, list[str]]:
    """Return the metrics of rows that stand along a dial, in its order.

    A metric is called `NAME@x` along levels or rounds, `NAME@setting=x` along a setting; the key is
    its name up to x. A ramp of which no row has two points is left out. Where a suite names the
    headline, the only ramp is the headline's.
    """
    metrics = {m for row in rows for m in row.metrics if "@" in m and not m.startswith("pass")}
    prefixes = _ramp_prefixes(rows, metrics)
    along: dict[str, list[str]] = {prefix: [] for prefix in prefixes}
    for name in sorted(metrics, key=lambda m: (_split(m)[0], float(_split(m)[1]))):
        if not prefixes or _split(name)[0] in along:
            along.setdefault(_split(name)[0], []).append(name)
    return {
        prefix: points
        for prefix, points in along.items()
        if any(sum(m in row.metrics for m in points) > 1 for row in rows)
    }


def _ramp_prefixes(rows: Sequence[Row], metrics: set[str]) -> Sequence[str]:
    """Return what the metrics of ramps begin with; empty for a family that has all of them."""
    headline = f"{rows[0].headline}@"
    if any(m.startswith(headline) for m in metrics):
        return [headline]
    return family(rows[0].family).along


def _split(metric: str) -> tuple[str, str]:
    """Return `skill@tf=0.2` as (`skill@tf=`, `0.2`), `feasible@10` as (`feasible@`, `10`)."""
    start = max(metric.rindex("@"), metric.rfind("=")) + 1
    return metric[:start], metric[start:]


def _dial(name: str, prefix: str) -> str:
    """Return the title of a ramp: `skill by tf`, `feasible by level`."""
    metric, _, setting = prefix.rstrip("=").partition("@")
    rounds = family(name).rounds
    usual = "after N rounds" if rounds and rounds.along else "by level"
    return f"{metric.replace('_', ' ')} {f'by {setting}' if setting else usual}"


def _ramp(name: str, prefix: str, points: Sequence[str], rows: Sequence[Row]) -> Table:
    """Return the metrics of a ramp, and after them what the family has at the end of its ramps."""
    rows = [row for row in rows if sum(m in row.metrics for m in points) > 1]
    ends = columns_at("ramps", rows)
    columns = [
        _name_column("model"),
        TableColumn("kind", rank=len(points) + 1),
        *_points([_split(m)[1] for m in points]),
        *(TableColumn(end.head, rank=1) for end in ends),
    ]
    lines = [_ramp_line(row, points, ends) for row in rows]
    table = Table(f"{name}: {_dial(name, prefix)}", columns, lines, fixed=True)
    return _with_cells(table, rows)


def _points(heads: Sequence[str]) -> list[TableColumn]:
    """Return a ramp's columns: those left out first are every second one, never an end."""
    last = len(heads) - 1
    order = sorted(range(len(heads)), key=lambda k: (k not in (0, last), -(k & -k), k))
    return [
        TableColumn(head, rank=order.index(k) + 1, called="some points of ramps")
        for k, head in enumerate(heads)
    ]


def _ramp_line(row: Row, points: Sequence[str], ends: Sequence[BoardColumn]) -> list[str]:
    values = [row.metrics[m].value if m in row.metrics else None for m in points]
    numbers = [number(value, 2) for value in values]
    return [row_name(row), row.kind, *numbers, *(_end_text(end.name, row) for end in ends)]


def _end_text(name: str, row: Row) -> str:
    """Return what stands at the end of a row's ramp; nothing where the row has no such metric."""
    return _value_text(name, row, row.metrics[name]) if name in row.metrics else ""


def notes(board: Board) -> list[str]:
    """Return what must be said with the numbers: errors, partial rows, gaps against bounds."""
    headlines = {row.family: row.headline for row in board.rows if row.headline}
    part = part_note(board)
    return [
        *[part] * bool(part),
        *(f"{name}: the score is {score}" for name, score in headlines.items()),
        *["strict reading: no answer is mended in spelling"] * (board.reading == "strict"),
        *(note for row in board.rows for note in _row_notes(row)),
        *(f"{model}: no episode is finished" for model in board.missing),
        *_means_notes(board.rows),
        *tree_notes(board.rows, group),
        *_rank_notes(board.rows),
        *_limit_notes(board.rows),
        *_price_notes(board),
        *(f"{state.suite}: {state.words}" for state in board.commitments or ()),
    ]


def part_note(board: Board) -> str:
    """Return which part of the folders is shown; nothing if all is."""
    return f"only {board.selection.words}: the folders may hold more" if board.selection else ""


def _row_notes(row: Row) -> Iterator[str]:
    name = f"{row.family} {row_name(row)} {cell_of(row)}".strip()
    if row.errors:
        yield f"{name}: {row.errors} of {row.n} episodes ended in an error, not scored"
        yield from (f"  {count} x {message}" for message, count in row.problems.items())
    if row.replies:
        yield f"{name}: {row.replies.told()}"
    if row.notes:
        yield f"{name}: {', '.join(f'{count} x {kind}' for kind, count in row.notes.items())}"
    if row.retried:
        yield f"{name}: {row.retried} of {row.n} episodes took more than one attempt"
    if row.of is not None and row.n < row.of:
        yield f"{name}: {row.n} of {row.of} episodes, in progress or limited"
    if MENDED in row.metrics:
        yield (
            f"{name}: {row.metrics[MENDED].value:.0f} of {row.n - row.errors} episodes had answers"
            f" mended in spelling; strict score {number(row.metrics[STRICT].value, 3)}"
        )
    if tries := [metric for metric in row.metrics if metric.startswith("pass^")]:
        yield f"{name}: {tries[-1]} {with_interval(row.metrics[tries[-1]], 3)}"
    for column in family(row.family).columns_at("notes"):
        share = row.metrics.get(column.name, Estimate.unknown("")).value
        if share is not None and share < 1:
            yield f"{name}: {100 * (1 - share):.0f} % {column.head}"
    for column in family(row.family).columns:
        share = row.metrics.get(column.name, Estimate.unknown("")).value
        if column.unusable and share:
            yield f"{name}: {100 * share:.1f} % {column.unusable}"


def _means_notes(rows: Sequence[Row]) -> Iterator[str]:
    """Yield what agents let models use, and which models have no floor at the same means."""
    means = {row.agent: row.means for row in rows if row.agent != "direct"}
    for agent, names in means.items():
        if names != ("direct",):
            yield f"{agent} may use: {', '.join(names)}"
    floors = {(group(row), row.means) for row in rows if row.kind == "floor"}
    models = dict.fromkeys(
        (group(row), row.means, row.agent)
        for row in rows
        if row.kind == "model" and row.agent != "direct" and row.means != ("direct",)
    )
    for name, allowed, agent in models:
        if (name, allowed) not in floors:
            yield f"{name}: no floor at the means of {agent}: add policies to `models` of its run"


def _rank_notes(rows: Sequence[Row]) -> Iterator[str]:
    """Yield why models of a group are ranked apart, and what its ranks resolve."""
    for name in dict.fromkeys(group(row) for row in rows):
        models = [row for row in rows if row.kind == "model" and group(row) == name]
        yield from _separate_rankings(name, models)
        yield from _resolutions(name, models)


def _separate_rankings(name: str, models: Sequence[Row]) -> Iterator[str]:
    identities = [
        identity(row.means, row.agent, row.memory, row.setup, row.versions) for row in models
    ]
    first, *more = {str(each): each for each in identities}.values() or [{}]
    for each in more:
        setting, value, other = next(differences(first, each, ""))
        yield (
            f"{name}: models that were not asked the same are ranked apart:"
            f" {setting} is {value!r} and {other!r}"
        )


def _resolutions(name: str, models: Sequence[Row]) -> Iterator[str]:
    rankings = {(r.rank.of, r.rank.resolves) for r in models if r.rank}
    for count, resolves in sorted(rankings, key=str):
        if resolves is not None:
            yield (
                f"{name}: {count} models ranked; of two that differ by {resolves:.3f} the"
                " better one would be found 4 times in 5"
            )


def _limit_notes(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the usual limit of a reply, which no row's name says."""
    usual = [row.model for row in rows if row.setup.get("max_tokens") == REPLY_LIMIT]
    if usual:
        yield f"up to {REPLY_LIMIT:,} tokens a reply: {', '.join(dict.fromkeys(usual))}"


def _price_notes(board: Board) -> Iterator[str]:
    for day in sorted(set(board.priced.values())):
        models = [model for model, date in board.priced.items() if date == day]
        yield f"cost at the prices of {day}: {', '.join(models)}"


def row_name(row: Row) -> str:
    """Return the model, and how it was asked if that is not the usual way."""
    setup = sampling_of(row.setup)
    if setup.get("max_tokens") == REPLY_LIMIT:
        del setup["max_tokens"]
    return label(row.model, row.agent, row.memory, setup)


def _without_memory(row: Row) -> str:
    """Return the model and how it was asked, whatever its memory."""
    return f"{row_name(replace(row, memory='none'))} {row.setup.get('base_url', '')}"


def cell_of(row: Row) -> str:
    """Return the settings by which rows of a family differ, in a line."""
    return cell_text(row.cell)


def cell_text(cell: dict[str, Scalar]) -> str:
    """Return a cell's settings in a line."""
    return " ".join(f"{k}={v}" for k, v in cell.items())


def _level_text(estimate: Estimate) -> str:
    if estimate.value is None:
        return estimate.note
    low, high = ("..." if x is None else f"{x:.0f}" for x in (estimate.low, estimate.high))
    return f"{estimate.value:.0f} ({low} to {high})"
