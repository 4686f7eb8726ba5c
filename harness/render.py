"""The board as text for a terminal or a file."""

from collections.abc import Sequence

from graders.statistics import Estimate
from harness.board import Board, Row
from harness.registry import family


def print_board(board: Board) -> None:
    """Print every family's rows, its ramp, and what a reader must know beside them."""
    for name in dict.fromkeys(row.family for row in board.rows):
        rows = [row for row in board.rows if row.family == name]
        for title, lines in ((name, _main(rows)), (f"{name} by level", _ramp(rows))):
            if len(lines) > 1:
                print(table(title, lines))
    for note in notes(board):
        print(note)


def table(title: str, lines: Sequence[Sequence[str]]) -> str:
    """A table at its natural width; a narrow terminal breaks lines, but loses nothing."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for head, cell in zip(lines[0], lines[1], strict=True):
        numeric = cell[:1].isdigit() or cell[:1] in "-$"
        table.add_column(head, justify="right" if numeric else "left", no_wrap=True)
    for line in lines[1:]:
        table.add_row(*line)
    console = Console(width=1000, highlight=False, color_system=None)
    with console.capture() as text:
        console.print(table)
    return "\n".join(line.rstrip() for line in text.get().splitlines())


def _main(rows: Sequence[Row]) -> list[list[str]]:
    shown, noted = family(rows[0].family).shown, any(row.memory_calls for row in rows)
    head = ["model", "kind", "score (95 % interval)", "n", "errors", "unparsable", "infeasible",
            *(name.replace("_", " ") for name in shown), "tokens", "cost", "seconds",
            *["memory calls", "memory tokens"] * noted]  # fmt: skip
    lines = [_with_cell(rows, "cell", head)]
    for row in rows:
        line = [
            _model(row),
            row.kind,
            _with_interval(row.score, 3),
            str(row.n),
            str(row.errors),
            str(row.unparsable),
            str(row.infeasible),
            *(_shown(name, row) for name in shown),
            _tokens(row.tokens),
            "unknown" if row.cost is None else f"${row.cost:.4f}" if row.cost else "0",
            f"{row.seconds:.1f}",
            *[str(row.memory_calls), _tokens(row.memory_tokens)] * noted,
        ]
        lines.append(_with_cell(rows, _cell(row), line))
    return lines


def _tokens(count: int | None) -> str:
    return "unknown" if count is None else f"{count:,}"


def _shown(name: str, row: Row) -> str:
    """A metric beside the headline: a gap or a share as a percentage, a ratio as a number."""
    found = row.metrics.get(name)
    if found is None or found.value is None:
        return "-"
    return _with_interval(found, 4) if name == "ratio_of_sums" else f"{100 * found.value:.2f} %"


def _with_cell(rows: Sequence[Row], cell: str, line: list[str]) -> list[str]:
    """The line with its cell in front, where any row has one."""
    return [cell, *line] if any(row.cell for row in rows) else line


def _ramp(rows: Sequence[Row]) -> list[list[str]]:
    """Success at each level, and the level at which half succeed."""
    names = dict.fromkeys(m for row in rows for m in row.metrics if "@" in m)
    levels = sorted(names, key=lambda m: float(m.split("@")[1]))
    if all(sum(m in row.metrics for m in levels) < 2 for row in rows):
        return []
    halves = any("half_level" in row.metrics for row in rows)
    head = ["model", "kind", *(m.split("@")[1] for m in levels), *["half succeed at"] * halves]
    lines = [_with_cell(rows, "cell", head)]
    for row in rows:
        if sum(m in row.metrics for m in levels) < 2:
            continue
        shares = [row.metrics[m].value if m in row.metrics else None for m in levels]
        half = row.metrics.get("half_level", Estimate.unknown(""))
        line = [_model(row), row.kind, *map(_number, shares), *[_half(half)] * halves]
        lines.append(_with_cell(rows, _cell(row), line))
    return lines


def notes(board: Board) -> list[str]:
    """What must be said with the numbers: errors, partial rows, gaps against bounds."""
    found = []
    for row in board.rows:
        who = f"{row.family} {_model(row)} {_cell(row)}".strip()
        if row.errors:
            found.append(f"{who}: {row.errors} of {row.n} episodes ended in an error, not scored")
            found += [f"  {count} x {message}" for message, count in row.problems.items()]
        if row.retried:
            found.append(f"{who}: {row.retried} of {row.n} episodes took more than one attempt")
        if row.of is not None and row.n < row.of:
            found.append(f"{who}: {row.n} of {row.of} episodes, in progress or limited")
        proven = row.metrics.get("gap_proven", Estimate.unknown("")).value
        if proven is not None and proven < 1:
            found.append(f"{who}: {100 * (1 - proven):.0f} % of gaps are against a bound")
    return [*found, *(f"{model}: no episode is finished" for model in board.missing)]


def _model(row: Row) -> str:
    """The model, and how it was asked where that is not the usual way."""
    extra = [x for x, usual in ((row.agent, "direct"), (row.memory, "none")) if x != usual]
    sampling = [f"{k}={v}" for k, v in row.setup.items() if k != "base_url"]
    return " ".join([" + ".join([row.model, *extra]), *sampling])


def _cell(row: Row) -> str:
    return " ".join(f"{k}={v}" for k, v in row.cell.items())


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _with_interval(estimate: Estimate, digits: int) -> str:
    value, low, high = estimate.value, estimate.low, estimate.high
    if value is None:
        return estimate.note
    if low is None or high is None:
        return f"{value:.{digits}f} ({estimate.note})"
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _half(estimate: Estimate) -> str:
    if estimate.value is None:
        return estimate.note
    low, high = ("..." if x is None else f"{x:.0f}" for x in (estimate.low, estimate.high))
    return f"{estimate.value:.0f} ({low} to {high})"
