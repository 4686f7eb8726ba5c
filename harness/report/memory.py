"""What memories held over time, from the logs that replay gives."""

from collections.abc import Iterator, Sequence
from statistics import mean

from harness.report.base import EpisodeView, Figure, InstanceFrame, Looks, Timeline
from harness.report.charts import by_series
from harness.report.svg import Plot, PlotLine, plain_axis
from memory.context import MemoryState
from memory.notebook import ROUND
from memory.store import MemoryEntry
from memory.text import tokens
from tasks.base import Fields


def memory_figures(episodes: Sequence[EpisodeView], looks: Looks) -> Iterator[Figure]:
    """Tokens of the notes that hold after each round, the mean over episodes, if there are any."""
    lines = []
    for look, group in by_series(episodes, looks).items():
        held = [notes_held(e.memory) for e in group]
        if any(any(h) for h in held):
            longest = max(map(len, held))
            means = [mean(h[k] for h in held if k < len(h)) for k in range(longest)]
            lines.append(PlotLine(look, [(k + 1.0, y) for k, y in enumerate(means)]))
    if not lines:
        return
    rounds = max(x for line in lines for x, _ in line.points)
    most = max(y for line in lines for _, y in line.points)
    plot = Plot("Notes held", plain_axis("round", 0, rounds), plain_axis("tokens", 0, most), lines)
    caption = (
        "Tokens (characters / 4) of the notes that a memory holds after each round, the mean over"
        " episodes. Past rounds that it keeps word for word are not counted."
    )
    ticks = [t for t in plot.x.ticks if t[0] >= 1]
    yield Figure("Notes held", caption, plot.draw(), plot.table(ticks, lambda y: f"{y:.0f}"))


def notes_held(state: MemoryState) -> list[int]:
    """Tokens of the notes that are valid after each date of the log."""
    entries: dict[int, MemoryEntry] = {}
    by_date: dict[str, list[MemoryEntry]] = {}
    for operation in state.log:
        by_date.setdefault(operation.date, []).append(operation.entry)
    found = []
    for date, changed in sorted(by_date.items()):
        entries |= {entry.id: entry for entry in changed}
        notes = (e for e in entries.values() if e.kind != ROUND and e.valid(date))
        found.append(sum(tokens(e.text) for e in notes))
    return found


def notes_timeline(state: MemoryState) -> Timeline | None:
    """From which round until which each note holds; None without notes."""
    notes = [entry for entry in state.entries if entry.kind != ROUND]
    if not notes:
        return None
    dates = sorted({operation.date for operation in state.log})
    place = {date: number for number, date in enumerate(dates, 1)}
    ends = [len(dates) + 1 if e.until is None else place[e.until] for e in notes]
    starts = tuple(place[e.since] for e in notes)
    frame = InstanceFrame(
        unit="round",
        names=tuple(f"{e.kind} {e.id}" for e in notes),
        sizes=tuple(b - a for a, b in zip(starts, ends, strict=True)),
    )
    return Timeline("Notes over time", f"{len(notes)} notes, from when until when", frame, starts)


def told(state: MemoryState) -> Fields | None:
    """A memory's log for the page, past rounds only counted; None if there was no memory."""
    if not state.log and not state.read:
        return None
    notes = [operation for operation in state.log if operation.entry.kind != ROUND]
    return {
        "read": state.read,
        "written": state.written,
        "rounds": len(state.log) - len(notes),
        "counts": state.counts,
        "log": [
            [o.date, o.action, o.entry.id, o.entry.kind, o.entry.text, o.reason] for o in notes
        ],
    }
