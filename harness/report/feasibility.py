"""Projects that may have no schedule on the page: what is violated, Gantt charts, certificates."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from msgspec.structs import replace as struct_replace

from harness.board.board import Row
from harness.report import rcpsp
from harness.report.base import Detail, Drawings, EpisodeView, Figure, Looks
from harness.report.charts import by_series
from harness.report.confidence import reliability_figure
from tasks.base import Fields
from tasks.feasibility import STARTS

SENTENCES = {
    "unknown_constraint": "There is no constraint {constraint}.",
    "not_infeasible": "The {named} constraints that are named leave a schedule.",
    "not_a_list": "What is named is no list: {value}.",
    "not_a_label": "{value} is no label of a constraint.",
}


def figures(rows: Sequence[Row], episodes: Sequence[EpisodeView], looks: Looks) -> Iterator[Figure]:
    """Yield the mix of violations, and how sure answers were where that was asked for."""
    del rows
    if mix := rcpsp.violation_mix(by_series(episodes, looks)):
        yield mix
    if reliability := reliability_figure(episodes, looks):
        yield reliability


def detail(episode: EpisodeView) -> Detail:
    """Return the answer's Gantt chart beside the reference's, as far as they are schedules."""
    reference = episode.instance.reference
    if reference.answer is not None and reference.answer.get(STARTS) is None:
        unsolved = struct_replace(reference, answer=None)
        episode = replace(episode, instance=struct_replace(episode.instance, reference=unsolved))
    return rcpsp.detail(episode)


def words(violation: Fields) -> str:
    """Return a violation as a sentence."""
    sentence = SENTENCES.get(str(violation["kind"]))
    return sentence.format(**violation) if sentence else rcpsp.words(violation)


DRAWINGS = Drawings(figures, detail, words)
