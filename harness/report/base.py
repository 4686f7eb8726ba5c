"""What the page is made of, and what a family adds to it.

A family NAME may have one file `harness/report/NAME.py`, found by name, with the functions of
`Drawings`. A family without one has its board, its costs and its episodes all the same.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from markupsafe import Markup

from harness.board.board import Row
from harness.formatting import label
from harness.secrets import scrub
from memory.context import MemoryState
from tasks.base import Fields, Instance, Noun, Number, Outcome, Record

COLOURS = 8  # of series of models; floors have GREYS
GREYS = 4
DASHES = ("", "6 3", "2 3", "8 3 2 3")


@dataclass(frozen=True)
class SeriesStyle:
    """How a series is drawn: the class of its colour, the dashes of its line."""

    number: int
    label: str
    kind: str
    colour: str
    dash: str


@dataclass(frozen=True)
class EpisodeView:
    """A finished episode as figures see it, without its prompts.

    Attributes:
        series: who answered, and how it was asked; a key of the looks.
        outcome: what was parsed; None where the episode ended in an error.
        memory: what its memory held at the end.
    """

    instance: Instance[Any]
    record: Record
    series: str
    outcome: Outcome | None
    memory: MemoryState


@dataclass(frozen=True)
class Figure:
    """A picture with what it says in words, and its numbers as a table: head, then lines."""

    title: str
    caption: str
    picture: Markup
    table: Sequence[Sequence[str]] = ()


Looks = Mapping[str, SeriesStyle]


# What is drawn of one answer ------------------------------------------------------------------


class Load(Noun, frozen=True):
    """A resource: its capacity, how much of it each row uses, when it is down: [start, end)."""

    name: str
    capacity: Number
    use: tuple[Number, ...]
    down: tuple[tuple[Number, Number], ...] = ()


class InstanceFrame(Noun, frozen=True):
    """What the answers to one instance have in common: a row a thing to be done.

    `sizes`, `windows` (earliest start, latest end) and `dues` are by row; `end` is a limit for all.
    """

    unit: str
    names: tuple[str, ...]
    sizes: tuple[Number, ...]
    windows: tuple[tuple[Number, Number] | None, ...] = ()
    dues: tuple[Number, ...] = ()
    loads: tuple[Load, ...] = ()
    end: Number | None = None


class Timeline(Noun, frozen=True, tag="timeline"):
    """Rows with a bar each, and beneath them the use of resources.

    Attributes:
        starts: of each row's bar, None where there is none to draw.
        sort: whether rows stand in the order of their own bars; else in that of the last
            timeline of their frame, which is the reference's.
        bad: (row, number of the violation that it has a part in).
        links: (row that is too late, row that waits for it, number of the violation).
        over: (load, start, end, number of the violation).
        spare: rows that nobody needed.
        mark: a moment that is told, such as the makespan.
    """

    title: str
    note: str
    frame: InstanceFrame
    starts: tuple[Number | None, ...]
    sort: bool = False
    bad: tuple[tuple[int, int], ...] = ()
    links: tuple[tuple[int, int, int], ...] = ()
    over: tuple[tuple[int, Number, Number, int], ...] = ()
    spare: tuple[int, ...] = ()
    mark: Number | None = None


class Strip(Noun, frozen=True, tag="strip"):
    """Steps in a row, a line for each who took them: `1` right, `0` wrong, `x` not usable."""

    title: str
    note: str
    names: tuple[str, ...]
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Detail:
    """What a family shows of one answer: pictures side by side, and a line for each step."""

    pictures: tuple[Timeline | Strip, ...] = ()
    steps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drawings:
    """What a family's file holds.

    Attributes:
        figures: of the family's board rows and episodes, in the order of the page.
        detail: of one episode that has an outcome and a grade.
        words: a violation as a sentence.
    """

    figures: Callable[[Sequence[Row], Sequence[EpisodeView], Looks], Iterable[Figure]]
    detail: Callable[[EpisodeView], Detail]
    words: Callable[[Fields], str]


def drawings(name: str) -> Drawings:
    """A family's own drawings, or none and plain words."""
    where = f"{__package__}.{name}"
    if find_spec(where) is None:
        return Drawings(lambda _rows, _episodes, _looks: (), lambda _: Detail(), plain_words)
    module = import_module(where)
    return Drawings(module.figures, module.detail, module.words)


def plain_words(violation: Fields) -> str:
    """A violation whose family has no words for it: its kind and its fields."""
    rest = ", ".join(f"{key} {value}" for key, value in violation.items() if key != "kind")
    kind = str(violation["kind"]).replace("_", " ")
    return f"{kind}: {rest}" if rest else kind


def series(of: Row | Record, setup: Fields) -> str:
    """The key of who answered, and how it was asked where that is not the usual way."""
    return label(of.model, of.agent, of.memory, setup)


def looks(rows: Iterable[Row]) -> dict[str, SeriesStyle]:
    """A colour a model, dashes for the ways it was asked; floors are grey beside models.

    Models come first, then as on the board; without a memory a line has no dashes.
    """
    ordered = sorted(rows, key=lambda r: (r.kind != "model", r.kind))
    keys = {series(row, row.setup): row for row in ordered}
    names = _names(keys)
    policies = all(row.kind != "model" for row in ordered)
    colours: dict[str, tuple[str, int]] = {}  # and how often all were used up
    for row in ordered:
        letter, many = ("g", GREYS) if row.kind == "floor" and not policies else ("c", COLOURS)
        if row.kind == "ceiling":
            colours[row.model] = "ceiling", 0
        elif row.model not in colours:
            alike = sum(c[0] == letter and c != "ceiling" for c, _ in colours.values())
            colours[row.model] = f"{letter}{alike % many}", alike // many
    found = {}
    for number, (key, row) in enumerate(keys.items()):
        ways = [k for k, r in keys.items() if r.model == row.model]
        ways.sort(key=lambda k: keys[k].memory != "none")
        colour, turn = colours[row.model]
        dash = DASHES[(turn + ways.index(key)) % len(DASHES)]
        found[key] = SeriesStyle(number, names[key], row.kind, colour, dash)
    return found


def _names(keys: Mapping[str, Row]) -> dict[str, str]:
    """What series are called: how and where they were asked only where it tells them apart."""
    ways = {
        key: (series(r, {}), series(r, {n: v for n, v in r.setup.items() if n != "base_url"}))
        for key, r in keys.items()
    }
    calls = Counter(name for names in ways.values() for name in set(names))
    return {k: next((n for n in names if calls[n] == 1), scrub(k)) for k, names in ways.items()}
