"""Migrations on the page: the score by hosts and by staleness, moves and what they leave free."""

from collections.abc import Iterator, Sequence
from typing import Any

from harness.board.board import Row
from harness.report.base import (
    Detail,
    Drawings,
    EpisodeView,
    Figure,
    InstanceFrame,
    Looks,
    SeriesStyle,
    Strip,
    Timeline,
    of_cell,
    plain_words,
    reference_title,
)
from harness.report.charts import by_level, level_figures
from harness.report.svg import Plot, PlotLine, level_axis, score_axis
from tasks.base import Fields, Instance, Outcome, short
from tasks.vms import performed, read
from tasks.vms_course import PLAN, STOP, TURN, WAIT, Course
from tasks.vms_payload import Cluster
from tasks.vms_placement import Placement

ANEW = SeriesStyle(-1, "greedy, planned anew", "floor", colour="g0", dash="2 3")
SENTENCES = {
    "unparsable": "No answer could be read: {reason}.",
    "not_a_list": "Where the moves should be stands {value}.",
    "not_a_move": "{value} is no move.",
    "unknown": "Move {move}: there is no VM {value}.",
    "destination": "Move {move}: {vm} cannot have host {host}, node {numa}, or is there.",
    "pinned": "Move {move}: {vm} may not be moved.",
    "again": "Move {move}: {vm} was moved already.",
    "too_many": "There are {amount} moves too many.",
    "no_room": "Move {move}: node {numa} of {host} lacks {amount} of {resource} for {vm}.",
    "apart": "Move {move}: {vm} may not be on {host}, where {other} is.",
}
MARKS = {"1": "made", "0": "not made", "x": "not in order"}


def figures(rows: Sequence[Row], episodes: Sequence[EpisodeView], looks: Looks) -> Iterator[Figure]:  # noqa: ARG001
    """Yield the score by hosts, and by the events between a question and its moves."""
    caption = (
        "Share of the possible gain: 0 is doing nothing, 1 the optimum, with a 95 % interval."
        " Invalid answers have 0."
    )
    yield from level_figures(rows, looks, "score", "hosts", caption)
    yield from staleness(rows, looks)
    churn = f"{caption} The bound knows all events."
    yield from level_figures(rows, looks, "score", "events a turn", churn, "churn")


def staleness(rows: Sequence[Row], looks: Looks) -> Iterator[Figure]:
    """Yield quality against staleness: the score of plans by the events before they are made.

    Args:
        rows: the family's board rows.
        looks: the styles of their series.
    """
    for cell in {str(row.cell): row.cell for row in rows}.values():
        inside = [row for row in rows if row.cell == cell]
        lines = [by_level(row, "score", looks, "delay") for row in inside]
        counts = sorted({x for line in lines for x, _ in line.points})
        if len(counts) < 2:
            continue
        # what greedy scores after the events is of the instances, and no agent's: any row has it
        points = by_level(inside[0], "planned_anew", looks, "delay").points
        lines.append(PlotLine(ANEW, points, dots=True))
        title = of_cell("Quality against staleness", cell)
        heights = [y for line in lines for _, y in line.points]
        axis = level_axis("events before the moves are made", counts)
        plot = Plot(title, axis, score_axis("share of the possible gain", heights), lines=lines)
        caption = (
            "Share of the possible gain by how many events the plan did not know, against the"
            " optimum that knows them. The dotted line is a greedy plan made after the events."
        )
        table = plot.table([(x, f"{x:g}") for x in counts], lambda y: f"{y:.3f}")
        yield Figure(title, caption, plot.draw(), table=table)


# One answer ----------------------------------------------------------------------------------


def detail(episode: EpisodeView) -> Detail:
    """Return what became of each move, and free cores by node, beside the reference's."""
    instance: Instance[Cluster] = episode.instance
    courses = [("Answer", _course(instance, episode.outcome))]
    if instance.reference.answer is not None:
        outcome = read(instance.reference.answer, "")
        courses.append((reference_title(instance.reference), _course(instance, outcome)))
    answer = courses[0][1]
    counts = [f"{answer.steps.count(mark)} {word}" for mark, word in MARKS.items()]
    names = ("this answer", "reference")[: len(courses)]
    strip = Strip("Moves", ", ".join(counts), names, cells=tuple(c.steps for _, c in courses))
    free = [_free("Shown", Placement(instance.payload))]
    free += [_free(title, course.placement) for title, course in courses]
    return Detail((strip, *free), tuple(_steps(episode.outcome, answer)))


def _course(instance: Instance[Cluster], outcome: Outcome | None) -> Course:
    answers = performed(instance.payload, outcome).answers if outcome else ()
    return Course(instance.payload).play(answers)


def _free(title: str, placement: Placement) -> Timeline:
    """Return the nodes as rows, each with a bar of its free cores."""
    nodes = [
        (f"{host.id} node {k}", node.cpu)
        for host in placement.cluster.hosts
        for k, node in enumerate(host.numas)
    ]
    whole = (placement.free - placement.fragments()) // placement.cluster.chunk
    note = f"{placement.fragments()} of {placement.free} free cores in fragments, {whole} chunks"
    frame = InstanceFrame(
        unit="cores", names=tuple(name for name, _ in nodes), sizes=tuple(placement.cpu)
    )
    starts = tuple(cpu - free for (_, cpu), free in zip(nodes, placement.cpu, strict=True))
    return Timeline(title, note, frame, starts=starts)


def _steps(outcome: Outcome | None, course: Course) -> Iterator[str]:
    """Yield a line for each move that an answer wrote."""
    entries = _entries(course.cluster, outcome) if outcome else ()
    for number, (entry, mark) in enumerate(zip(entries, course.steps, strict=False), 1):
        yield f"move {number}: {_move_words(entry)}: {MARKS[mark]}"


def _entries(cluster: Cluster, outcome: Outcome) -> Iterator[Any]:
    """Yield what stands where a move should be; turns without a move are passed over."""
    for parsed in performed(cluster, outcome).answers:
        answer = parsed.value or {}
        if cluster.track == "plan":
            moves = answer.get(PLAN)
            yield from moves if isinstance(moves, list) else ()
        elif answer.get(TURN) not in (None, WAIT, STOP):
            yield answer[TURN]


def _move_words(entry: Any) -> str:
    if not isinstance(entry, dict):
        return str(short(entry))
    vm, host, numa = (short(entry.get(name)) for name in ("vm", "host", "numa"))
    return f"{vm} to {host}, node {numa}"


def words(violation: Fields) -> str:
    """Return a violation as a sentence."""
    sentence = SENTENCES.get(str(violation["kind"]))
    return sentence.format(**violation) if sentence else f"{plain_words(violation)}."


DRAWINGS = Drawings(figures, detail, words)
