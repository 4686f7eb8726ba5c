"""The board as text for a terminal or a file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from graders.statistics import Estimate
from harness.board.board import Board, Row
from harness.board.load import identity, sampling_of
from harness.board.ranking import Rank
from harness.families.family import BoardColumn, Place
from harness.families.registry import family
from harness.formatting import cost_text, label, number, percent, table, tokens_text, with_interval
from harness.log import worded
from harness.store.manifest import differences
from tasks.base import Scalar

KINDS = ("ceiling", "model", "floor")  # in the order of tables over several families
Lines = dict[tuple[str, str, str], dict[str, Row]]  # by kind, name and server; rows by group


def print_board(board: Board) -> None:
    """Print every family's rows, its ramp, and what a reader must know beside them."""
    names = list(dict.fromkeys(row.family for row in board.rows))
    if len(names) > 1:
        print(table("all families", _overview(board.rows)))
    for name in names:
        rows = [row for row in board.rows if row.family == name]
        print(table(name, _main(rows)))
        for prefix, points in ramps(rows).items():
            print(table(f"{name}: {_dial(name, prefix)}", _ramp(rows, points)))
    for note in notes(board):
        print(worded(note))


def contestants(rows: Sequence[Row]) -> list[tuple[str, str, dict[str, Row]]]:
    """Return each model as (its name with how it was asked, kind, its row in each column group).

    A model with one memory has one line: families without rounds do not ask for a memory. Lines
    stand by score where there is one group; else ceilings, models, floors, each by name, since
    there is no order over families.
    """
    lines = _lines(rows)
    if len({group(row) for row in rows}) > 1:
        lines = {key: lines[key] for key in sorted(lines, key=_order)}
    return [(name, kind, cells) for (kind, name, _), cells in lines.items()]


def _lines(rows: Sequence[Row]) -> Lines:
    lines: Lines = {}
    memories = _memories(rows)
    for row in rows:
        name, used = row_name(row), memories.get(_without_memory(row), set())
        if not family(row.family).has_rounds and len(used) == 1:
            name = row_name(replace(row, memory=min(used)))
        lines.setdefault((row.kind, name, row.setup.get("base_url", "")), {})[group(row)] = row
    return lines


def _memories(rows: Sequence[Row]) -> dict[str, set[str]]:
    """Return the memories that each model has in families with rounds."""
    memories: dict[str, set[str]] = {}
    for row in rows:
        if family(row.family).has_rounds:
            memories.setdefault(_without_memory(row), set()).add(row.memory)
    return memories


def _order(key: tuple[str, str, str]) -> tuple[int, str, str]:
    kind, name, server = key
    return KINDS.index(kind), name, server


def group(row: Row) -> str:
    """Return the name of a row's column group: the family, and the cell if there are several."""
    return f"{row.family} {cell_of(row)}".strip()


def _overview(rows: Sequence[Row]) -> list[list[str]]:
    """Return a line a model, two columns a family: score and rank. No average over families."""
    groups = {group(row): False for row in rows} | {group(row): True for row in rows if row.rank}
    head = ["model", "kind"]
    for name, ranked in groups.items():
        head += [f"{name} (95 % interval)", *["rank"] * ranked]
    lines = [head]
    for name, kind, cells in contestants(rows):
        line = [name, kind]
        for column, ranked in groups.items():
            line += _score_and_rank(cells.get(column), ranked)
        lines.append(line)
    return lines


def _score_and_rank(row: Row | None, ranked: bool) -> list[str]:
    score = with_interval(row.score, 3) if row else "-"
    return [score, *[rank_text(row.rank if row else None)] * ranked]


@dataclass(frozen=True)
class _MainColumns:
    """Which columns a family's table has beside those that every one has."""

    headlines: Sequence[BoardColumn]
    metrics: Sequence[BoardColumn]
    ranked: bool
    memory: bool

    def head(self) -> list[str]:
        return [
            "model",
            "kind",
            "score (95 % interval)",
            *(f"{column.head} (95 % interval)" for column in self.headlines),
            *["rank"] * self.ranked,
            "n",
            "errors",
            "unparsable",
            "infeasible",
            *(column.head for column in self.metrics),
            "tokens",
            "cost",
            "seconds",
            *["memory calls", "memory tokens"] * self.memory,
        ]

    def line(self, row: Row) -> list[str]:
        return [
            row_name(row),
            row.kind,
            with_interval(row.score, 3),
            *(headline_text(column.name, row) for column in self.headlines),
            *[rank_text(row.rank)] * self.ranked,
            str(row.n),
            str(row.errors),
            str(row.unparsable),
            str(row.infeasible),
            *(metric_text(column.name, row) for column in self.metrics),
            tokens_text(row.tokens),
            cost_text(row.cost),
            f"{row.seconds:.1f}",
            *[str(row.memory_calls), tokens_text(row.memory_tokens)] * self.memory,
        ]


def _main(rows: Sequence[Row]) -> list[list[str]]:
    columns = _MainColumns(
        columns_at("beside", rows),
        further_metrics(rows),
        ranked=any(row.rank for row in rows),
        memory=any(row.memory_calls for row in rows),
    )
    lines = [_with_cell(rows, cell_of(row), columns.line(row)) for row in rows]
    return [_with_cell(rows, "cell", columns.head()), *lines]


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
    """Return the columns after the counts: the family's own, pass@k with several epochs."""
    passes = dict.fromkeys(m for row in rows for m in row.metrics if m.startswith("pass"))
    tries = _measured([BoardColumn(name) for name in list(passes)[-2:]], rows)
    return [*columns_at("after", rows), *tries]


def _measured(columns: Sequence[BoardColumn], rows: Sequence[Row]) -> list[BoardColumn]:
    return [column for column in columns if any(column.name in row.metrics for row in rows)]


def metric_text(name: str, row: Row) -> str:
    """Return a metric: a gap or a share as a percentage, a ratio as a number, `-` if unknown."""
    metric = row.metrics.get(name)
    if metric is None or metric.value is None:
        return "-"
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


def _with_cell(rows: Sequence[Row], cell: str, line: list[str]) -> list[str]:
    """Return the line with its cell in front, if any row has one."""
    return [cell, *line] if any(row.cell for row in rows) else line


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
    usual = "after N rounds" if family(name).has_rounds else "by level"
    return f"{metric.replace('_', ' ')} {f'by {setting}' if setting else usual}"


def _ramp(rows: Sequence[Row], points: Sequence[str]) -> list[list[str]]:
    """Return the metrics of a ramp, and after them what the family has at the end of its ramps."""
    ends = columns_at("ramps", rows)
    head = ["model", "kind", *(_split(m)[1] for m in points), *(end.head for end in ends)]
    lines = [_with_cell(rows, "cell", head)]
    for row in rows:
        if sum(m in row.metrics for m in points) > 1:
            line = _ramp_line(row, points, ends)
            lines.append(_with_cell(rows, cell_of(row), line))
    return lines


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
        *(note for row in board.rows for note in _row_notes(row)),
        *(f"{model}: no episode is finished" for model in board.missing),
        *_rank_notes(board.rows),
        *_price_notes(board),
    ]


def part_note(board: Board) -> str:
    """Return which part of the folders is shown; nothing if all is."""
    return f"only {board.selection.words}: the folders may hold more" if board.selection else ""


def _row_notes(row: Row) -> Iterator[str]:
    name = f"{row.family} {row_name(row)} {cell_of(row)}".strip()
    if row.errors:
        yield f"{name}: {row.errors} of {row.n} episodes ended in an error, not scored"
        yield from (f"  {count} x {message}" for message, count in row.problems.items())
    if row.retried:
        yield f"{name}: {row.retried} of {row.n} episodes took more than one attempt"
    if row.of is not None and row.n < row.of:
        yield f"{name}: {row.n} of {row.of} episodes, in progress or limited"
    for column in family(row.family).columns_at("notes"):
        share = row.metrics.get(column.name, Estimate.unknown("")).value
        if share is not None and share < 1:
            yield f"{name}: {100 * (1 - share):.0f} % {column.head}"


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


def _price_notes(board: Board) -> Iterator[str]:
    for day in sorted(set(board.priced.values())):
        models = [model for model, date in board.priced.items() if date == day]
        yield f"cost at the prices of {day}: {', '.join(models)}"


def row_name(row: Row) -> str:
    """Return the model, and how it was asked if that is not the usual way."""
    return label(row.model, row.agent, row.memory, sampling_of(row.setup))


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
