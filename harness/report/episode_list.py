"""The episodes of a run as a list for a terminal: the worst first."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.families.registry import family
from harness.formatting import label, number, percent
from harness.report.base import drawings
from harness.store.folder import Folder
from harness.store.journal import read_records
from tasks.base import Noun, Record

_WORST = ("error", "unparsable", "infeasible", "valid")
LEAST = 20  # characters of a reason, however narrow the terminal is


class EpisodeLine(Noun, frozen=True):
    """An episode in a list.

    Attributes:
        contestant: the model, and how it was asked if that is not the usual way.
        verdict: `error` without a grade.
        reason: the first violation in words and how many more there are, or what went wrong.
    """

    id: str
    family: str
    level: int
    model: str
    contestant: str
    epoch: int
    verdict: str
    score: float | None
    gap: float | None
    reason: str

    @property
    def badness(self) -> tuple[int, float, float, str, str, int]:
        """Return what sorts the worst first: by verdict, then by score and gap."""
        score = 0.0 if self.score is None else self.score
        return (
            _WORST.index(self.verdict),
            score,
            -(self.gap or 0.0),
            self.id,
            self.contestant,
            self.epoch,
        )


def episode_lines(path: Path) -> list[EpisodeLine]:
    """Return the finished episodes of a run folder, the worst first.

    Raises:
        InputError: it is no run of a suite.
        StoreFailure: it cannot be read.
    """
    Folder.open(path).require_suite()
    return sorted(map(_line, read_records(path)), key=lambda line: line.badness)


def _line(record: Record) -> EpisodeLine:
    grade = record.grade
    return EpisodeLine(
        record.instance,
        record.family,
        record.level,
        model=record.model,
        contestant=label(record.model, record.agent, record.memory, {}),
        epoch=record.epoch,
        verdict=grade.verdict.value if grade else "error",
        score=grade.score if grade else None,
        gap=grade.gap if grade else None,
        reason=reason(record),
    )


def reason(record: Record) -> str:
    """Return what was wrong in an episode in one line; nothing where nothing was."""
    if record.problem:
        return f"{record.problem.kind or record.problem.boundary}: {record.problem.message}"
    violations = record.grade.violations if record.grade else ()
    if not violations:
        return ""
    more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
    return drawings(family(record.family)).words(violations[0]) + more


def print_lines(lines: Sequence[EpisodeLine], columns: int) -> Iterator[str]:
    """Yield the lines of a table, reasons cut to the width of the terminal."""
    several = len({line.epoch for line in lines}) > 1
    rows = [_cells(line, several) for line in lines]
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]) - 1)] if rows else []
    room = max(LEAST, columns - sum(widths) - 2 * len(widths) - 1)
    for row in rows:
        cells = [f"{cell:{width}}" for cell, width in zip(row, widths, strict=False)]
        yield "  ".join([*cells, _cut(row[-1], room)]).rstrip()


def _cells(line: EpisodeLine, several: bool) -> list[str]:
    who = line.contestant + (f", epoch {line.epoch}" if several else "")
    gap = "" if line.gap is None else f"gap {percent(line.gap)}"
    return [line.verdict, number(line.score, 3), line.id, who, " ".join((gap, line.reason)).strip()]


def _cut(text: str, room: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= room else f"{line[: room - 3]}..."
