"""Tool tasks on the page: score by level, and calls on the virtual clock beside the optimum."""

from collections.abc import Iterator, Sequence

from graders.exact.tools import OPTIMA
from harness.board.board import Row
from harness.report.base import (
    Detail,
    Drawings,
    EpisodeView,
    Figure,
    InstanceFrame,
    Looks,
    Timeline,
    plain_words,
)
from harness.report.charts import level_figures
from harness.report.timeline_text import drawing
from tasks.base import Called, Fields, Instance, Outcome
from tasks.tools import performed, read
from tasks.tools_clock import arguments_of
from tasks.tools_payload import Errand, Hidden

FAULTS = {"unknown": "dependency", "refused": "refused"}  # of a call: its status, its violation
SENTENCES = {
    "unparsable": "No answer could be read: {reason}.",
    "wrong": "The value given for {key} is wrong: {value}.",
    "not_done": "The change of step {step} was not made.",
    "unasked": "{tool} made {amount} changes that were not asked for.",
    "dependency": "Turn {turn}: {tool} was called with an input that was not known.",
    "refused": "Turn {turn}: the call of {tool} was refused.",
}


def figures(rows: Sequence[Row], episodes: Sequence[EpisodeView], looks: Looks) -> Iterator[Figure]:  # noqa: ARG001
    """Yield score by level."""
    caption = (
        "Complete answers by how close their time is to the optimum, others 0, with a 95 %"
        " interval."
    )
    yield from level_figures(rows, looks, "score", "needed calls", caption)


def detail(episode: EpisodeView) -> Detail:
    """Return the calls as they ran, beside those of the track's optimum."""
    instance, grade = episode.instance, episode.record.grade
    pictures = []
    if episode.outcome:
        wrong = grade.violations if grade else ()
        pictures.append(_calls("Answer", instance, episode.outcome, wrong))
    reference = instance.reference
    if reference.answer is not None and OPTIMA in reference.answer:
        track = "free" if instance.payload.track == "plan" else "turn by turn"
        title = f"Reference ({track}, {reference.status})"
        pictures.append(_calls(title, instance, read(reference.answer, ""), ()))
    return Detail(tuple(pictures))


def _calls(
    title: str, instance: Instance[Errand], outcome: Outcome, wrong: Sequence[Fields]
) -> Timeline:
    calls = performed(instance, outcome).calls
    faults = [n for n, v in enumerate(wrong) if v["kind"] in FAULTS.values()]
    faulty = [k for k, called in enumerate(calls) if called.result.status in FAULTS]
    end = max((called.result.end for called in calls), default=0)
    frame = InstanceFrame(
        unit="virtual time",
        names=tuple(map(_name, calls)),
        sizes=tuple(called.result.end - called.result.start for called in calls),
    )
    return Timeline(
        title,
        _note(calls, end, planned=instance.payload.track == "plan"),
        frame,
        starts=tuple(called.result.start for called in calls),
        bad=tuple(zip(faulty, faults, strict=False)),
        spare=tuple(k for k, called in enumerate(calls) if _spare(instance, called)),
        mark=end or None,
    )


def _note(calls: Sequence[Called], end: int, *, planned: bool) -> str:
    """Return the time and the number of calls, and of turns where they are not planned."""
    note = f"time {end}, {_many(len(calls), 'call')}"
    turns = len({called.turn for called in calls})
    return note if planned else f"{note} in {_many(turns, 'turn')}"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _name(called: Called) -> str:
    """Return a call in a few words."""
    values = (arguments_of(called.call) or {}).values()
    return f"{called.call.name} {', '.join(map(str, values))}".replace("\n", " ")[:60]


def _spare(instance: Instance[Errand], called: Called) -> bool:
    """Return whether a call gave a result that the request does not need."""
    if called.result.status != "ok":
        return False
    offers = {offer.name: offer for offer in instance.payload.tools}
    key = offers[called.call.name].key(arguments_of(called.call) or {})
    return key not in {step.key for step in Hidden(instance.payload).steps()}


def words(violation: Fields) -> str:
    """Return a violation as a sentence."""
    if violation["kind"] == "wrong" and violation["value"] is None:
        return f"No value is given for {violation['key']}."
    sentence = SENTENCES.get(str(violation["kind"]))
    return sentence.format(**violation) if sentence else f"{plain_words(violation)}."


DRAWINGS = Drawings(figures, detail, words, timeline=drawing)
