"""The parts of a page, and those that a family adds to it.

A family may declare a module of drawings, such as `.rcpsp` in this folder, whose `DRAWINGS` are
declared there. A family without one has its board, its costs and its episodes all the same.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeAlias

from markupsafe import Markup

from harness.board.board import Row
from harness.board.load import sampling_of
from harness.families.family import Family
from harness.formatting import label
from harness.secrets import scrub
from memory.context import MemoryState
from tasks.base import Fields, Instance, Noun, Number, Outcome, Record, Reference

COLOURS = 8  # of series of models; floors have GREYS
GREYS = 4
DASHES = ("", "6 3", "2 3", "8 3 2 3")


@dataclass(frozen=True)
class SeriesStyle:
    """The style of a series: the class of its colour, the dashes of its line."""

    number: int
    label: str
    kind: str
    colour: str
    dash: str


@dataclass(frozen=True, slots=True)
class EpisodeView:
    """A finished episode as figures see it, without its prompts.

    Attributes:
        series: the contestant's key in the looks: its model, and how that was asked.
        outcome: what was parsed; None where the episode ended in an error.
        memory: its memory as it was at the end.
    """

    instance: Instance[Any]
    record: Record
    series: str
    outcome: Outcome | None
    memory: MemoryState


@dataclass(frozen=True)
class Figure:
    """A picture with a caption, and its numbers as a table: a head, then lines."""

    title: str
    caption: str
    picture: Markup
    table: Sequence[Sequence[str]] = ()


Looks = Mapping[str, SeriesStyle]


# One answer ------------------------------------------------------------------


class Load(Noun, frozen=True):
    """A resource: its capacity, how much of it each row uses, when it is down: [start, end)."""

    name: str
    capacity: Number
    use: tuple[Number, ...]
    down: tuple[tuple[Number, Number], ...] = ()


class InstanceFrame(Noun, frozen=True):
    """The part that all answers to one instance share: a row for each task, job or call.

    `sizes`, `windows` (earliest start, latest end) and `dues` are by row; `end` is a limit for all.
    Where `lanes` has a name for each row, the bars of rows with one name stand on one line.
    """

    unit: str
    names: tuple[str, ...]
    sizes: tuple[Number, ...]
    windows: tuple[tuple[Number, Number] | None, ...] = ()
    dues: tuple[Number, ...] = ()
    loads: tuple[Load, ...] = ()
    end: Number | None = None
    lanes: tuple[str, ...] = ()


class Timeline(Noun, frozen=True, tag="timeline"):
    """Rows with a bar each, and beneath them the use of resources.

    Attributes:
        starts: the start of each row's bar, None for a row without one.
        sort: whether rows stand in the order of their own bars. If not, they stand in that of the
            last timeline of the frame, which is the reference's.
        bad: rows that break a constraint: (row, number of the violation).
        links: pairs that break one: (row that is too late, row that waits for it, number).
        over: resources over their capacity: (load, start, end, number of the violation).
        spare: rows that nobody needed.
        mark: a moment of note, such as the makespan.
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
    """Steps in a row, a line a contestant: `1` right, `0` wrong, `x` not usable."""

    title: str
    note: str
    names: tuple[str, ...]
    cells: tuple[str, ...]


class MemoryMap(Noun, frozen=True, tag="blocks"):
    """Rectangles over time: a place in a memory for as long as something lies there.

    Attributes:
        unit, across: what is counted from below, and from left to right.
        names: of the rows, a rectangle each.
        spans: by row the moments [start, end).
        sizes: by row the height.
        places: by row where it lies, from below; None for one that has no place.
        limit: a height of note, such as a capacity.
        bad: rows that break a constraint: (row, number of the violation).
    """

    title: str
    note: str
    unit: str
    across: str
    names: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    sizes: tuple[int, ...]
    places: tuple[int | None, ...]
    limit: int
    bad: tuple[tuple[int, int], ...] = ()


Picture: TypeAlias = Timeline | Strip | MemoryMap


@dataclass(frozen=True)
class Detail:
    """A family's view of one answer: pictures side by side, and a line for each step."""

    pictures: tuple[Picture, ...] = ()
    steps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drawings:
    """The functions of a family's file.

    Attributes:
        figures: gives the figures of the family's board rows and episodes, in the page's order.
        detail: gives the view of one episode that has an outcome and a grade.
        words: gives a violation as a sentence.
        timeline: gives the lines of a terminal for the tool calls of an instance's outcomes by
            name, so many columns wide, beside the best ones; None for a family that draws none.
    """

    figures: Callable[[Sequence[Row], Sequence[EpisodeView], Looks], Iterable[Figure]]
    detail: Callable[[EpisodeView], Detail]
    words: Callable[[Fields], str]
    timeline: Callable[[Instance[Any], Mapping[str, Outcome], int], Iterable[str]] | None = None


def drawings(declared: Family[Any]) -> Drawings:
    """Return a family's own drawings; for one without any no pictures and plain words."""
    place = declared.drawings
    if place is None:
        return Drawings(lambda _rows, _episodes, _looks: (), lambda _: Detail(), plain_words)
    declaration: Drawings = import_module(place, __package__).DRAWINGS
    return declaration


def plain_words(violation: Fields) -> str:
    """Return a violation whose family has no words for it: its kind and its fields."""
    fields = ", ".join(f"{key} {value}" for key, value in violation.items() if key != "kind")
    kind = str(violation["kind"]).replace("_", " ")
    return f"{kind}: {fields}" if fields else kind


def series(contestant: Row | Record, setup: Fields) -> str:
    """Return the key of a contestant: its model, and how that was asked if not the usual way."""
    return label(contestant.model, contestant.agent, contestant.memory, setup)


def in_cell(episode: EpisodeView, cell: Fields) -> bool:
    """Return whether an episode has the settings of a board row's cell."""
    return all(episode.record.settings.get(k) == v for k, v in cell.items())


def of_cell(title: str, cell: Fields) -> str:
    """Return the title of a figure, with the cell in brackets if there is any."""
    settings = ", ".join(f"{k} {v}" for k, v in cell.items())
    return f"{title} ({settings})" if settings else title


def reference_title(reference: Reference) -> str:
    """Return what stands above the picture of a reference."""
    optimal = reference.status == "optimal"
    status = "proven optimum" if optimal else f"reference, {reference.status}"
    return f"Reference ({status})"


def looks(rows: Iterable[Row]) -> dict[str, SeriesStyle]:
    """Return the style of each series: a colour a model, dashes for the ways it was asked.

    Floors are grey beside models. Models come first, then as on the board; without a memory a line
    has no dashes.
    """
    ordered = sorted(rows, key=lambda r: (r.kind != "model", r.kind))
    keys = {series(row, row.setup): row for row in ordered}
    names, colours = _names(keys), _colours(ordered)
    styles = {}
    for number, (key, row) in enumerate(keys.items()):
        colour, turn = colours[row.model]
        dash = DASHES[(turn + _ways(keys, row.model).index(key)) % len(DASHES)]
        styles[key] = SeriesStyle(number, names[key], row.kind, colour=colour, dash=dash)
    return styles


def _colours(rows: Sequence[Row]) -> dict[str, tuple[str, int]]:
    """Return each model's colour, and how often all of its kind had been used up before."""
    policies = all(row.kind != "model" for row in rows)
    colours: dict[str, tuple[str, int]] = {}
    for row in rows:
        letter, many = ("g", GREYS) if row.kind == "floor" and not policies else ("c", COLOURS)
        if row.kind == "ceiling":
            colours[row.model] = "ceiling", 0
        elif row.model not in colours:
            alike = sum(c[0] == letter and c != "ceiling" for c, _ in colours.values())
            colours[row.model] = f"{letter}{alike % many}", alike // many
    return colours


def _ways(keys: Mapping[str, Row], model: str) -> list[str]:
    """Return the keys of a model, those without a memory first."""
    ways = [key for key, row in keys.items() if row.model == model]
    return sorted(ways, key=lambda key: keys[key].memory != "none")


def _names(keys: Mapping[str, Row]) -> dict[str, str]:
    """Return the names of series; agent, setup and server only where they tell two apart."""
    candidates = {
        key: (series(row, {}), series(row, sampling_of(row.setup))) for key, row in keys.items()
    }
    calls = Counter(name for names in candidates.values() for name in set(names))
    return {
        key: next((name for name in names if calls[name] == 1), scrub(key))
        for key, names in candidates.items()
    }
