"""Memory mapping on the page: scores by tensors, what is violated, gaps, the memory over time."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.board.board import Row
from harness.report.base import (
    Detail,
    Drawings,
    EpisodeView,
    Figure,
    Looks,
    MemoryMap,
    reference_title,
)
from harness.report.charts import by_series, gap_figure, gap_of, level_figures
from harness.report.makespans import violation_figures
from tasks.allocation import KEY, TensorProgram
from tasks.base import Fields

KINDS = ("overlap", "outside", "missing")
SENTENCES = {
    "unparsable": "No answer could be read: {reason}.",
    "missing": "{tensor} has no offset.",
    "unknown": "There is no tensor {tensor}.",
    "not_integer": "The offset of {tensor} is {value}, which is no whole number.",
    "outside": "{tensor} at offset {offset} is outside the memory.",
    "overlap": "{first} and {second} share units {low} to {high} in [{start}, {end}).",
}


def figures(rows: Sequence[Row], episodes: Sequence[EpisodeView], looks: Looks) -> Iterator[Figure]:
    """Yield score and share that fits by number of tensors, the mix of violations, and gaps."""
    caption = (
        "The least peak over the peak, or the benefit over the most that can be had (bounds, where"
        " the optimum is not proven), 0 for an answer that breaks a rule, with a 95 % interval."
    )
    yield from level_figures(rows, looks, "score", "tensors", caption)
    within = "Share of answers whose peak is within the memory, with a 95 % interval."
    yield from level_figures(rows, looks, "fits", "tensors", within)
    yield from violation_figures(episodes, looks, kinds=KINDS, remark="")
    gaps = {look: [gap_of(e) for e in group] for look, group in by_series(episodes, looks).items()}
    if gaps:
        yield gap_figure(gaps, "Where an optimum is not proven, the gap is to a bound.")


# One answer ----------------------------------------------------------------------------------


def detail(episode: EpisodeView) -> Detail:
    """Return where the tensors lie over time: in the answer, in the reference."""
    program: TensorProgram = episode.instance.payload
    answer = (episode.outcome.answers[0].value or {}) if episode.outcome else {}
    reference, grade = episode.instance.reference, episode.record.grade
    pictures = []
    if isinstance(answer.get(KEY), dict):
        pictures.append(_memory("Answer", program, answer[KEY], grade.violations if grade else ()))
    if reference.answer is not None:
        pictures.append(_memory(reference_title(reference), program, reference.answer[KEY], ()))
    return Detail(tuple(pictures))


def _memory(
    title: str, program: TensorProgram, offsets: Mapping[str, Any], problems: Sequence[Fields]
) -> MemoryMap:
    outside = {problem["tensor"] for problem in problems if problem["kind"] == "outside"}
    places = tuple(
        None if tensor.id in outside else _place(offsets.get(tensor.id))
        for tensor in program.tensors
    )
    return MemoryMap(
        title,
        _note(program, places),
        unit="units",
        across="moments",
        names=tuple(tensor.id for tensor in program.tensors),
        spans=tuple((tensor.start, tensor.end) for tensor in program.tensors),
        sizes=tuple(tensor.size for tensor in program.tensors),
        places=places,
        limit=program.capacity,
        bad=tuple(_marks(program, places, problems)),
    )


def _place(offset: object) -> int | None:
    return offset if type(offset) is int else None


def _note(program: TensorProgram, places: Sequence[int | None]) -> str:
    """Return the peak or the benefit of what has a place, and how much has none."""
    placed = [(t, at) for t, at in zip(program.tensors, places, strict=True) if at is not None]
    ends = [at + tensor.size for tensor, at in placed]
    notes = [f"peak {max(ends)} of {program.capacity}"] if ends else []
    if program.objective == "benefit":
        notes = [f"saves {sum(tensor.benefit for tensor, _ in placed)}"]
    rest = len(places) - len(placed)
    return ", ".join([*notes, *[f"{rest} of {len(places)} tensors have no place"] * bool(rest)])


def _marks(
    program: TensorProgram, places: Sequence[int | None], problems: Sequence[Fields]
) -> Iterator[tuple[int, int]]:
    """Yield the rows of tensors that overlap, each with the number of the violation."""
    for row, (tensor, place) in enumerate(zip(program.tensors, places, strict=True)):
        for number, problem in enumerate(problems):
            if place is not None and tensor.id in (problem.get("first"), problem.get("second")):
                yield row, number


def words(violation: Fields) -> str:
    """Return a violation as a sentence."""
    return SENTENCES[str(violation["kind"])].format(**violation)


DRAWINGS = Drawings(figures, detail, words)
