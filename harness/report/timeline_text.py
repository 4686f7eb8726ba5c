"""An episode's tool calls on its virtual clock, as text: a line a call, a bar from start to end."""

from collections.abc import Iterator, Mapping, Sequence

from graders.exact.tools import OPTIMA, reference
from graders.tools import grade
from tasks.base import Called, Instance, Outcome
from tasks.tools import performed, read
from tasks.tools_clock import arguments_of
from tasks.tools_payload import Errand, Hidden

LEAST = 60  # columns
LEGEND = "= needed   ~ not needed   x error"


def drawing(
    instance: Instance[Errand], outcomes: Mapping[str, Outcome], columns: int
) -> Iterator[str]:
    """The lines: each outcome by its name, then the reference's, all to the same scale."""
    known = instance.reference
    if known.answer is None:
        known = reference(instance.payload)
    made = {name: performed(instance, outcome) for name, outcome in outcomes.items()}
    best = performed(instance, read(known.answer, ""))
    calls = {name: outcome.calls for name, outcome in made.items()} | {"": best.calls}
    last = max((c.result.end for listed in calls.values() for c in listed), default=1)
    words = {name: [_words(c) for c in listed] for name, listed in calls.items()}
    longest = max((len(w) for listed in words.values() for w in listed), default=0)
    wide = min(longest, columns * 2 // 5)
    scale = _Scale(last, columns - wide - 18)
    yield f"{instance.id}, {instance.payload.track}: {LEGEND}"
    for name, outcome in made.items():
        found = grade(instance, outcome)
        time, done = found.metrics["time"], found.metrics["completion"]
        yield ""
        yield f"{name}: time {time:.0f}, {100 * done:.0f} % complete, score {found.score:.3f}"
        yield from _calls(instance, calls[name], words[name], wide, scale)
    yield ""
    yield _title(instance, known.answer or {})
    yield from _calls(instance, best.calls, words[""], wide, scale)


def _title(instance: Instance[Errand], answer: Mapping[str, object]) -> str:
    """What the reference is, and the other optimum."""
    optima = answer.get(OPTIMA)
    told = [
        f"{name} {one['objective']} ({one['status']}{', clairvoyant' * ('clairvoyant' in one)})"
        for name, one in (optima.items() if isinstance(optima, dict) else ())
    ]
    which = "free" if instance.payload.track == "plan" else "barrier"
    return f"reference, the {which} optimum: {'; '.join(told)}"


class _Scale:
    """Columns for virtual time from 0 to the last end."""

    def __init__(self, last: int, columns: int) -> None:
        self.last, self.columns = last, columns

    def bar(self, start: int, end: int, mark: str) -> str:
        """A call from start to end: at least one column."""
        first = start * self.columns // self.last
        length = max(1, end * self.columns // self.last - first)
        return (" " * first + mark * length)[: self.columns].ljust(self.columns)


def _calls(
    instance: Instance[Errand],
    calls: Sequence[Called],
    words: Sequence[str],
    wide: int,
    scale: _Scale,
) -> Iterator[str]:
    offers = {offer.name: offer for offer in instance.payload.tools}
    needed = {one.key for one in Hidden(instance.payload).steps()}
    planned, before = instance.payload.track == "plan", 0
    for called, text in zip(calls, words, strict=True):
        result, mark = called.result, "x"
        if result.status == "ok":
            key = offers[called.call.name].key(arguments_of(called.call) or {})
            mark = "=" if key in needed else "~"
        turn = "" if planned or called.turn == before else str(called.turn)
        before = called.turn
        shown = text if len(text) <= wide else f"{text[: wide - 3]}..."
        bar = scale.bar(result.start, result.end, mark)
        yield f"{turn:>3} {shown:<{wide}} |{bar}| {result.start}-{result.end}"


def _words(called: Called) -> str:
    """A call in a few words, as a model wrote it but for what moves a terminal's cursor."""
    values = (arguments_of(called.call) or {}).values()
    text = f"{called.call.name} {', '.join(map(str, values))}"
    return "".join(c if c.isprintable() else " " for c in text)
