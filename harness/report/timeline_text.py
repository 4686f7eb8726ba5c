"""An episode's tool calls on its virtual clock, as text: a line a call, a bar from start to end."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import starmap

from graders.exact.tools import OPTIMA, reference
from graders.tools import grade
from tasks.base import Called, Fields, Grade, Instance, Outcome
from tasks.tools import performed, read
from tasks.tools_clock import arguments_of
from tasks.tools_payload import Errand, Hidden

LEGEND = "= needed   ~ not needed   x error"


def drawing(
    instance: Instance[Errand], outcomes: Mapping[str, Outcome], columns: int
) -> Iterator[str]:
    """Yield the lines: each outcome by its name, then the reference's, all to the same scale.

    Args:
        instance: whose calls these are.
        outcomes: by the name that stands above each.
        columns: width of the drawing.
    """
    best = instance.reference
    if best.answer is None:
        best = reference(instance.payload)
    answer = best.answer or {}
    runs = {name: performed(instance, outcome) for name, outcome in outcomes.items()}
    optimum = performed(instance, read(answer, "")).calls
    chart = _Chart(instance, [*(run.calls for run in runs.values()), optimum], columns)
    yield f"{instance.id}, {instance.payload.track}: {LEGEND}"
    for name, run in runs.items():
        yield ""
        yield _heading(name, grade(instance, run))
        yield from chart.lines(run.calls)
    yield ""
    yield _title(instance, answer)
    yield from chart.lines(optimum)


def _heading(name: str, graded: Grade) -> str:
    time, share = graded.metrics["time"], graded.metrics["completion"]
    return f"{name}: time {time:.0f}, {100 * share:.0f} % complete, score {graded.score:.3f}"


def _title(instance: Instance[Errand], answer: Mapping[str, object]) -> str:
    """Return which optimum the reference is, and the values of all optima."""
    optima = answer.get(OPTIMA)
    values = starmap(_optimum, optima.items() if isinstance(optima, dict) else ())
    track = "free" if instance.payload.track == "plan" else "barrier"
    return f"reference, the {track} optimum: {'; '.join(values)}"


def _optimum(name: str, best: Fields) -> str:
    clairvoyant = ", clairvoyant" if "clairvoyant" in best else ""
    return f"{name} {best['objective']} ({best['status']}{clairvoyant})"


class _Chart:
    """Calls as lines, a name and a bar each, on one scale.

    The scale has columns for virtual time from 0 to the last end of any of the lists of calls.
    """

    def __init__(
        self, instance: Instance[Errand], lists: Sequence[Sequence[Called]], columns: int
    ) -> None:
        calls = [called for each in lists for called in each]
        longest = max((len(_words(called)) for called in calls), default=0)
        self._width = min(longest, columns * 2 // 5)
        self._columns = columns - self._width - 18
        self._last = max((called.result.end for called in calls), default=1)
        self._offers = {offer.name: offer for offer in instance.payload.tools}
        self._needed = {step.key for step in Hidden(instance.payload).steps()}
        self._planned = instance.payload.track == "plan"

    def lines(self, calls: Sequence[Called]) -> Iterator[str]:
        """Yield a line a call, the number of a turn at its first one."""
        before = 0
        for called in calls:
            turn = "" if self._planned or called.turn == before else str(called.turn)
            before = called.turn
            text, result = _words(called), called.result
            name = text if len(text) <= self._width else f"{text[: self._width - 3]}..."
            bar = self._bar(result.start, result.end, self._mark(called))
            yield f"{turn:>3} {name:<{self._width}} |{bar}| {result.start}-{result.end}"

    def _mark(self, called: Called) -> str:
        if called.result.status != "ok":
            return "x"
        key = self._offers[called.call.name].key(arguments_of(called.call) or {})
        return "=" if key in self._needed else "~"

    def _bar(self, start: int, end: int, mark: str) -> str:
        """Return a call from start to end: at least one column."""
        first = start * self._columns // self._last
        length = max(1, end * self._columns // self._last - first)
        return (" " * first + mark * length)[: self._columns].ljust(self._columns)


def _words(called: Called) -> str:
    """Return a call in a few words, without what moves a terminal's cursor."""
    values = (arguments_of(called.call) or {}).values()
    text = f"{called.call.name} {', '.join(map(str, values))}"
    return "".join(c if c.isprintable() else " " for c in text)
