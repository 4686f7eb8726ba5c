"""Flow time on the page: score by level, and what the machine did beside the optimum."""

from collections.abc import Iterator, Sequence

from graders.exact.flow import simulate, srpt
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
from harness.report.charts import by_series as grouped
from harness.report.charts import gap_figure, gap_of, level_figures
from tasks.base import Fields, Outcome
from tasks.flow_machine import OneMachine, spelled
from tasks.flow_payload import Flow

SENTENCES = {
    "unparsable": "Turn {turn}: no answer could be read: {reason}.",
    "no_decision": "Turn {turn}: where the job should be stands {value}.",
    "unknown_job": "Turn {turn}: {value} is no job that is there.",
    "unfinished": "{amount} jobs were not done at the end.",
    "surplus": "There are {amount} decisions after the end.",
}


def figures(rows: Sequence[Row], episodes: Sequence[EpisodeView], looks: Looks) -> Iterator[Figure]:
    """Yield score by level, and gaps."""
    caption = (
        "The least total flow time over that of the episode, 0 if it is unfinished, with a 95 %"
        " interval. The optimum sees all sizes and is the same number at every level, so a fall is"
        " the price of what does not show."
    )
    yield from level_figures(rows, looks, "score", "operations a job", caption)
    groups = grouped(episodes, looks)
    if groups:
        gaps = {look: [gap_of(e) for e in group] for look, group in groups.items()}
        yield gap_figure(gaps, "Every gap is against a proven optimum.")


def detail(episode: EpisodeView) -> Detail:
    """Return what ran when, and beside it in the optimum; a row is a stretch of one job."""
    flow: Flow = episode.instance.payload
    pictures = []
    if episode.outcome:
        pictures.append(_picture("Answer", _replayed(flow, episode.outcome)))
    title = reference_title(episode.instance.reference)
    pictures.append(_picture(title, simulate(flow, srpt)))
    return Detail(tuple(pictures))


def _replayed(flow: Flow, outcome: Outcome) -> OneMachine:
    machine = OneMachine(flow)
    for parsed in outcome.answers:
        if not machine.is_over:
            machine.decide(spelled(flow, parsed))
    return machine


def _picture(title: str, machine: OneMachine) -> Timeline:
    """Return the stretches in which jobs ran, from first to last."""
    spans = machine.spans
    frame = InstanceFrame(
        unit="time units",
        names=tuple(span.job for span in spans),
        sizes=tuple(span.end - span.start for span in spans),
    )
    note = f"total flow time {machine.total:,}, {len(machine.completed)} jobs done"
    starts = tuple(span.start for span in spans)
    return Timeline(title, note, frame, starts=starts, mark=machine.time)


def words(violation: Fields) -> str:
    """Return a violation as a sentence."""
    fields = {"turn": "?", "reason": "no answer", **violation}
    return SENTENCES[str(violation["kind"])].format(**fields)


DRAWINGS = Drawings(figures, detail, words)
