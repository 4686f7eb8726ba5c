"""Lines of tanks on the page: scores by size, what is violated, gaps, one cycle by tank."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from harness.board.board import Row
from harness.report.base import (
    Detail,
    Drawings,
    EpisodeView,
    Figure,
    InstanceFrame,
    Looks,
    Timeline,
    reference_title,
)
from harness.report.makespans import makespan_figures
from tasks.base import Fields
from tasks.hoist import KEY, PERIOD, HoistLine, move_ids, one_at_a_time, stays

FAR = 2  # times the period of one part at a time: longer ones are not drawn
HOIST = "hoist"  # its line in the picture
KINDS = ("hoist", "too_short", "too_long", "occupied", "missing", "period")
SENTENCES = {
    "unparsable": "No answer could be read: {reason}.",
    "period": "The period is {value}, not a whole number from 1 on.",
    "missing": "The move from {move} has no time.",
    "unknown": "There is no move from {move}.",
    "not_integer": "Where the time of {move} should be stands {value}, which is no whole number.",
    "negative": "The move from {move} begins at {value}, before time 0.",
    "too_short": "A part stays in {tank} for {stay}, {amount} too short.",
    "too_long": "A part stays in {tank} for {stay}, {amount} too long.",
    "occupied": "A part stays in {tank} for {stay}: the next one comes before it is gone.",
    "hoist": "After the move from {first} the hoist is {amount} too late for that from {second}.",
}


def figures(rows: Sequence[Row], episodes: Sequence[EpisodeView], looks: Looks) -> Iterator[Figure]:
    """Return the score by number of tanks for each cell, the mix of violations, and gaps."""
    return makespan_figures(
        rows, episodes, looks, unit="tanks", kinds=KINDS, remark="", length="period"
    )


# One answer ----------------------------------------------------------------------------------


class CycleBar(NamedTuple):
    """A bar of a cycle: a move of the hoist, or a stay in a tank; None is nowhere in the picture.

    Attributes:
        place: where a part is taken up, or the tank.
        lane: the hoist, or the tank.
    """

    place: str
    lane: str
    start: int | None
    size: int


def detail(episode: EpisodeView) -> Detail:
    """Return one cycle of the answer, the hoist and each tank on a line, and the reference's."""
    line: HoistLine = episode.instance.payload
    answer = (episode.outcome.answers[0].value or {}) if episode.outcome else {}
    reference, grade = episode.instance.reference, episode.record.grade
    pictures = []
    if isinstance(answer.get(KEY), dict):
        pictures.append(_cycle("Answer", line, answer, grade.violations if grade else ()))
    if reference.answer is not None:
        pictures.append(_cycle(reference_title(reference), line, reference.answer, ()))
    return Detail(tuple(pictures))


def _cycle(
    title: str, line: HoistLine, answer: Mapping[str, Any], problems: Sequence[Fields]
) -> Timeline:
    period = _drawn_period(line, answer.get(PERIOD))
    times = {
        name: time
        for name, time in answer[KEY].items()
        if period is not None and name in move_ids(line) and type(time) is int
    }
    bars = tuple(_bars(line, period or 1, times))
    missing = len(move_ids(line)) - len(times)
    notes = [f"period {period}"] if period is not None else []
    notes += [f"{missing} of {len(move_ids(line))} moves have no time that can be drawn"] * bool(
        missing
    )
    return Timeline(
        title,
        ", ".join(notes),
        InstanceFrame(
            unit="time units",
            names=tuple(
                f"move from {bar.place}" if bar.lane == HOIST else f"in {bar.place}" for bar in bars
            ),
            sizes=tuple(bar.size for bar in bars),
            lanes=tuple(bar.lane for bar in bars),
        ),
        starts=tuple(bar.start for bar in bars),
        mark=period,
        bad=tuple(_marks(bars, problems)),
    )


def _drawn_period(line: HoistLine, period: object) -> int | None:
    """Return the period of an answer, None where it is none or too long for a picture."""
    longest, _ = one_at_a_time(line)
    return period if type(period) is int and 1 <= period <= FAR * longest else None


def _bars(line: HoistLine, period: int, times: Mapping[str, int]) -> Iterator[CycleBar]:
    """Yield the bars of moves, then those of stays; what goes over the end of a cycle has two."""
    for name, loaded in zip(move_ids(line), line.loaded, strict=True):
        if name in times:
            for start, size in _pieces(times[name], loaded, period):
                yield CycleBar(name, HOIST, start, size)
        else:
            yield CycleBar(name, HOIST, None, loaded)
    for name, stay in stays(line, times).items():
        for start, size in _pieces(times[name] - stay, stay, period):
            yield CycleBar(name, name, start, size)


def _pieces(start: int, size: int, period: int) -> Iterator[tuple[int, int]]:
    """Yield a span of time as it lies in one cycle: start and size of one piece or two."""
    first, size = start % period, min(size, period)
    if size > 0:
        yield first, min(size, period - first)
    if first + size > period:
        yield 0, first + size - period


def _marks(bars: Sequence[CycleBar], problems: Sequence[Fields]) -> Iterator[tuple[int, int]]:
    """Yield the rows of moves and stays that break a rule, each with the violation's number."""
    for row, bar in enumerate(bars):
        for number, problem in enumerate(problems):
            keys = ("move", "first", "second") if bar.lane == HOIST else ("tank",)
            if bar.place in [problem.get(key) for key in keys]:
                yield row, number


def words(violation: Fields) -> str:
    """Return a violation as a sentence."""
    return SENTENCES[str(violation["kind"])].format(**violation)


DRAWINGS = Drawings(figures, detail, words)
