"""The screen that a command prints on: tables that fit its width, sentences, and their styles.

Where standard output is no terminal a table has all its columns at their natural width, and
nothing is styled. On a terminal, or with COLUMNS in the environment, columns are left out until
it fits; which ones is said at the end. Styles follow NO_COLOR, FORCE_COLOR and TERM.
"""

import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.base import InputError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

GAP = 2  # spaces between columns; one more stands before the first
FOLDED = 28  # of a name, before a column is left out for it
THINNEST = 6  # of any column on a screen that is too narrow for what always stands
NARROWEST = 30  # that a screen is taken for
EMPTY = 1000  # is added to the rank of a column in which nothing stands
NOTHING = frozenset(("0", "0.0", "-", "", "0.00 %"))
UNIT = "(95 % interval)"
EVERYTHING = "--wide shows all, --columns NAME,NAME chooses"
PIPED = "all are printed where the output is no terminal"


@dataclass(frozen=True)
class TableColumn:
    """A column of a table, and when it is left out.

    Attributes:
        head: what stands above it.
        rank: 0 stays whatever the width; of others those with a larger number go first. Where one
            has to go, those go in which no line has anything.
        folds: whether its cells may stand in several lines, as names do.
        called: in the list of what is left out, where that is not its head.
        stays_if_any: whether it stays if a line has anything in it, such as errors.
        zeros_count: whether it says something if no line has anything in it, such as wins.
    """

    head: str
    rank: int = 1
    folds: bool = False
    called: str = ""
    stays_if_any: bool = False
    zeros_count: bool = False

    @property
    def name(self) -> str:
        """Return what it is called where columns are chosen."""
        return self.called or self.head.removesuffix(UNIT).strip()


@dataclass(frozen=True)
class Table:
    """A title, columns, and lines of cells.

    Attributes:
        kinds: of each line: `model` is bold, `floor` and `ceiling` stand apart and dim. None is a
            table of lines of one kind.
        fixed: whether choosing columns by name does not concern it.
    """

    title: str
    columns: Sequence[TableColumn]
    lines: Sequence[Sequence[str]]
    kinds: Sequence[str] | None = None
    fixed: bool = False


@dataclass(frozen=True)
class _Fitted:
    """A column as it is printed: its place in the table, and its width."""

    place: int
    width: int


class Screen:
    """Standard output, as wide as it is.

    Args:
        columns: the names of the columns to print beside those that always stand; None is as many
            as fit.
        wide: whether all columns are printed, whatever the width.
        way: how to see what is left out.
    """

    def __init__(
        self, columns: Sequence[str] | None = None, *, wide: bool = False, way: str = EVERYTHING
    ) -> None:
        self.width = None if wide else _width()
        self.chosen = None if columns is None else list(dict.fromkeys(map(_plain, columns)))
        self.way = way
        self._left_out: dict[str, None] = {}

    def print(self, *tables: Table) -> None:
        """Print tables, each with a line of space after it."""
        for table in tables:
            print(self.text(table))

    def say(self, *sentences: str) -> None:
        """Print sentences, each broken between words where the screen ends."""
        for sentence in sentences:
            print("\n".join(self._broken(sentence)))

    def entries(self, entries: Sequence[tuple[str, str]]) -> None:
        """Print names, each with what it is beside it, or below it where there is no room."""
        column = max((_cells(name) for name, _ in entries), default=0) + 2 * GAP
        beside = self.width is None or column <= self.width // 2
        for name, text in entries:
            start = " " * GAP + name
            if not beside:
                print("\n".join(self._broken(start)))
            first, *more = self._lines(text, column if beside else 2 * GAP)
            print(f"{start}{' ' * (column - _cells(start))}{first}" if beside else f"    {first}")
            for line in more:
                print(" " * (column if beside else 2 * GAP) + line)

    def end(self) -> None:
        """Say what was left out, and how it is seen."""
        for line in self.left_out():
            print(line)
        self._left_out = {}

    def left_out(self) -> list[str]:
        """Return the lines that say what was left out so far, and how it is seen."""
        if not self._left_out:
            return []
        line = f"left out: {', '.join(self._left_out)} ({self.way})"
        return [_styled(part, "dim") for part in self._broken(line)]

    def require(self, tables: Iterable[Table]) -> None:
        """Refuse names of columns that none of the tables has with an InputError.

        Those that always stand there may be named too.
        """
        columns = [c for table in tables if not table.fixed for c in table.columns]
        unknown = set(self.chosen or ()) - {_plain(column.name) for column in columns}
        if unknown:
            names = dict.fromkeys(column.name for column in columns if column.rank)
            raise InputError(
                f"no column is called {sorted(unknown)[0]!r}: there are {', '.join(names)}"
            )

    def text(self, table: Table) -> str:
        """Return a table as it fits."""
        fitted = self._fitted(table)
        console = _console(_total([f.width for f in fitted]))
        with console.capture() as capture:
            console.print(_grid(table, fitted))
        lines = map(_without_end, capture.get().splitlines())
        return "\n".join([*(_styled(t, "bold") for t in self._broken(table.title)), *lines])

    def _fitted(self, table: Table) -> list[_Fitted]:
        """Return the columns that are printed, in their order; those left out are noted."""
        places = self._places(table)
        natural = [_natural(table, k) for k in places]
        if self.width is None or _total(natural) <= self.width:
            return [_Fitted(k, width) for k, width in zip(places, natural, strict=True)]
        least = [_least(table, k) for k in places]
        if self.chosen is None or table.fixed:
            least = _squeezed(least, self.width)
        widths = _spread(least, natural, self.width)
        return [_Fitted(k, width) for k, width in zip(places, widths, strict=True)]

    def _places(self, table: Table) -> list[int]:
        """Return the places of the columns that are printed: all, the chosen, or those that fit."""
        every = range(len(table.columns))
        if self.chosen is not None and not table.fixed:
            return _chosen(table, self.chosen)
        if self.width is None or _total([_natural(table, k) for k in every]) <= self.width:
            return list(every)
        places = _fitting(table, self.width)
        self._left_out |= {table.columns[k].name: None for k in every if k not in places}
        return places

    def _broken(self, sentence: str) -> list[str]:
        """Return the lines of a sentence, all but the first indented."""
        first = self._lines(sentence, 0)[0]
        rest = sentence[len(first) :].lstrip()
        return [first, *(" " * GAP + line for line in self._lines(rest, GAP))] if rest else [first]

    def _lines(self, text: str, indent: int) -> list[str]:
        """Return a text broken between words where the screen ends, if `indent` stands before."""
        return [text] if self.width is None else _filled(text, self.width - indent)


# Which columns ------------------------------------------------------------------------------


def _chosen(table: Table, names: Sequence[str]) -> list[int]:
    """Return the places of the columns that always stand, then of those chosen by name."""
    places = {_plain(column.name): k for k, column in enumerate(table.columns)}
    always = [k for k in places.values() if not _rank(table, k)]
    return always + [places[n] for n in names if n in places and places[n] not in always]


def _fitting(table: Table, width: int) -> list[int]:
    """Return the places of the columns that stay, and of others by rank while there is room."""
    ranks = [_rank(table, k) for k in range(len(table.columns))]
    places: list[int] = []
    for k in sorted(range(len(ranks)), key=lambda k: (ranks[k], k)):
        widths = [_least(table, place) for place in (*places, k)]
        if not ranks[k] or (ranks[k] < EMPTY and _total(widths) <= width):
            places.append(k)
    return sorted(places)


def _rank(table: Table, k: int) -> int:
    """Return a column's rank: 0 if it stays, `EMPTY` more if nothing stands in it."""
    column = table.columns[k]
    is_empty = all(line[k] in NOTHING for line in table.lines)
    if not column.rank or (column.stays_if_any and not is_empty):
        return 0
    return column.rank + (EMPTY if is_empty and not column.zeros_count else 0)


# Widths -------------------------------------------------------------------------------------


def _width() -> int | None:
    """Return the width that a table has to fit; None if standard output is a file or a pipe."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told):
        return max(NARROWEST, int(told))
    try:
        return max(NARROWEST, os.get_terminal_size(sys.stdout.fileno()).columns)
    except (OSError, ValueError, AttributeError):  # no terminal, or no file at all
        return None


def _total(widths: Sequence[int]) -> int:
    """Return the width of a table, with the space before its first column."""
    return 1 + sum(widths) + GAP * (len(widths) - 1)


def _cells(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def _natural(table: Table, k: int) -> int:
    """Return the width at which nothing in a column is broken."""
    return max(map(_cells, (table.columns[k].head, *(line[k] for line in table.lines))))


def _least(table: Table, k: int) -> int:
    """Return the width at which only a column's head and names are broken."""
    column = table.columns[k]
    words = max(map(_cells, column.head.split()), default=0)
    cells = max((_cells(line[k]) for line in table.lines), default=0)
    return max(min(words, FOLDED), min(cells, FOLDED) if column.folds else cells)


def _squeezed(widths: Sequence[int], width: int) -> list[int]:
    """Return widths that fit: the widest column is made narrower, as far as that can be."""
    squeezed = list(widths)
    while _total(squeezed) > width and max(squeezed) > THINNEST:
        squeezed[squeezed.index(max(squeezed))] -= 1
    return squeezed


def _spread(widths: Sequence[int], natural: Sequence[int], width: int) -> list[int]:
    """Return widths with what is left over given to columns in their order."""
    spread = list(widths)
    for k, most in enumerate(natural):
        spread[k] += max(0, min(most - spread[k], width - _total(spread)))
    return spread


# How it looks -------------------------------------------------------------------------------


def _console(width: int) -> "Console":
    """Return standard output for rich; without any style if NO_COLOR is set."""
    from rich.console import Console

    console = Console(width=width + 1, highlight=False, markup=False, emoji=False)
    if console.no_color:  # rich itself leaves bold and dim
        console = Console(
            width=width + 1, highlight=False, markup=False, emoji=False, color_system=None
        )
    return console


def _styled(text: str, style: str) -> str:
    from rich.text import Text

    console = _console(_cells(text))
    with console.capture() as capture:
        console.print(Text(text, style=style), soft_wrap=True, end="")
    return capture.get()


def _without_end(line: str) -> str:
    """Return a line without the spaces at its end, which would wrap; its styles stay closed."""
    end = re.search(r"(?: |\x1b\[[0-9;]*m)*$", line)
    assert end is not None
    return line[: end.start()] + end[0].replace(" ", "")


def _grid(table: Table, fitted: Sequence[_Fitted]) -> "Grid":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as Grid

    grid = Grid(box=SIMPLE_HEAD, pad_edge=False, padding=(0, GAP - 1, 0, 0), border_style="dim")
    heads = _heads([table.columns[f.place].head for f in fitted], [f.width for f in fitted])
    for f, head in zip(fitted, heads, strict=True):
        numeric = _is_numeric(table.lines[0][f.place]) if table.lines else False
        grid.add_column(
            head, justify="right" if numeric else "left", width=f.width, overflow="fold"
        )
    for k in _ordered(table):
        kind = table.kinds[k] if table.kinds else ""
        if k == _first_yardstick(table):
            grid.add_section()
        style = "dim" if kind in ("floor", "ceiling") else ""
        grid.add_row(*(_cell(table, k, f.place) for f in fitted), style=style)
    return grid


def _is_numeric(cell: str) -> bool:
    return cell[:1].isdigit() or cell[:1] in "-$"


def _ordered(table: Table) -> list[int]:
    """Return the places of the lines as they are printed: models first."""
    places = range(len(table.lines))
    if table.kinds is None:
        return list(places)
    kinds = table.kinds
    return sorted(places, key=lambda k: kinds[k] != "model")


def _first_yardstick(table: Table) -> int | None:
    """Return the place of the first line below the models, if there are both."""
    kinds = table.kinds or []
    below = [k for k, kind in enumerate(kinds) if kind != "model"]
    return below[0] if below and len(below) < len(kinds) else None


def _cell(table: Table, k: int, place: int) -> "Text":
    from rich.text import Text

    text, column = table.lines[k][place], table.columns[place]
    if column.stays_if_any and text not in NOTHING:
        return Text(text, style="red")
    is_name = table.kinds is not None and table.kinds[k] == "model" and not place
    return Text(text, style="bold" if is_name else "")


def _heads(heads: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Return heads broken between words, all equally high, with the space above."""
    broken = [_filled(head, width) for head, width in zip(heads, widths, strict=True)]
    height = max(map(len, broken), default=1)
    return ["\n".join([*[""] * (height - len(lines)), *lines]) for lines in broken]


def _filled(text: str, width: int) -> list[str]:
    from rich.text import Text

    lines = Text(text).wrap(_console(width), width, overflow="fold")
    return [line.plain.rstrip() for line in lines] or [""]


def _plain(name: str) -> str:
    """Return the name of a column in one spelling."""
    return name.strip().lower().replace("_", " ").replace("-", " ")
