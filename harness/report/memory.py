"""The notes of memories over time, from the logs that replay gives."""

from collections.abc import Iterable, Iterator, Sequence
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
    """Yield the tokens of the notes that hold after each round, if there are any.

    They are the mean over episodes.
    """
    means = {
        look: _mean_by_round([notes_held(e.memory) for e in group])
        for look, group in by_series(episodes, looks).items()
    }
    lines = [
        PlotLine(look, [(k, y) for k, y in enumerate(values, 1)])
        for look, values in means.items()
        if any(values)
    ]
    if not lines:
        return
    rounds = max(x for line in lines for x, _ in line.points)
    most = max(y for line in lines for _, y in line.points)
    x_axis, y_axis = plain_axis("round", 0, rounds), plain_axis("tokens", 0, most)
    plot = Plot("Notes held", x_axis, y_axis, lines=lines)
    caption = (
        "Tokens (characters / 4) of the notes that a memory holds after each round, the mean over"
        " episodes. Past rounds that it keeps word for word are not counted."
    )
    table = plot.table([t for t in x_axis.ticks if t[0] >= 1], lambda y: f"{y:.0f}")
    yield Figure("Notes held", caption, plot.draw(), table=table)


def _mean_by_round(tokens_by_round: Sequence[Sequence[int]]) -> list[float]:
    """Return the mean after each round over the episodes that have so many."""
    longest = max(map(len, tokens_by_round))
    return [mean(h[k] for h in tokens_by_round if k < len(h)) for k in range(longest)]


def notes_held(state: MemoryState) -> list[int]:
    """Return the tokens of the notes that are valid after each date of the log."""
    entries: dict[int, MemoryEntry] = {}
    by_date: dict[str, list[MemoryEntry]] = {}
    for operation in state.log:
        by_date.setdefault(operation.date, []).append(operation.entry)
    counts = []
    for date, changed in sorted(by_date.items()):
        entries |= {entry.id: entry for entry in changed}
        counts.append(_note_tokens(entries.values(), date))
    return counts


def _note_tokens(entries: Iterable[MemoryEntry], date: str) -> int:
    return sum(tokens(e.text) for e in entries if e.kind != ROUND and e.valid(date))


def notes_timeline(state: MemoryState) -> Timeline | None:
    """Return from which round until which each note holds; None without notes."""
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
    note = f"{len(notes)} notes, from when until when"
    return Timeline("Notes over time", note, frame, starts=starts)


def log_facts(state: MemoryState) -> Fields | None:
    """Return a memory's log for the page, past rounds only counted; None without a memory."""
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
