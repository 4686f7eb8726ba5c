"""The rows of the tables in `harness.export.columns`, made from run folders, without secrets."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import msgspec

from graders.statistics import Estimate
from harness.board.board import Board, Row, read_board
from harness.board.load import text
from harness.board.ranking import Rank
from harness.calls.recorded import RecordedCall
from harness.digests import digest
from harness.export.columns import LEADERBOARD, PAIRED, SAMPLES, Column
from harness.export.command import command
from harness.formatting import label
from harness.replay.transcript import Episode, episodes
from harness.secrets import scrubber
from harness.store.folder import Folder
from harness.store.journal import read_records
from harness.store.manifest import Manifest
from tasks.base import Fields, Record, Verdict

HEAD = ("suite", "lock", "family", "instance", "level", "settings")  # of `paired`, per instance


@dataclass(frozen=True)
class PublishedRun:
    """A run folder as it is published.

    Attributes:
        name: `<suite>_<digest>`, a valid name of a split. It is of what the run was at its
            beginning: the same wherever the folder lies, and another for whoever runs the same.
    """

    path: Path
    name: str
    manifest: Manifest

    @classmethod
    def open(cls, path: Path) -> "PublishedRun":
        """Open a run folder; InputError if it is none, or a search for programs."""
        folder = Folder.open(path)
        folder.require_suite()
        manifest = folder.manifest
        suite = re.sub(r"\W+", "_", manifest.configuration.suite.name, flags=re.ASCII)
        mark = digest([manifest.configuration, manifest.environment, manifest.shard])
        return cls(path, f"{suite.strip('_').lower()[:40] or 'run'}_{mark}", manifest)

    @property
    def lock(self) -> str:
        """What was asked."""
        return self.manifest.configuration.lock

    def identity(self, of: Record | Row) -> str:
        """The system that a record or a board row is of."""
        setup = self.manifest.configuration.sampling_setup(of.model)
        return digest([self.lock, of.model, of.agent, of.memory, setup])

    def board(self) -> Board:
        """Its leaderboard; InputError if it has no finished episode."""
        return read_board([self.path])


def leaderboard(run: PublishedRun, board: Board) -> Iterator[Fields]:
    """A line for each board row, in its order."""
    clean = _Cleaner(LEADERBOARD)
    for row in board.rows:
        yield clean.row(
            {
                "run": run.name,
                "suite": run.manifest.configuration.suite.name,
                "lock": run.lock,
                "identity": run.identity(row),
                "created": run.manifest.environment.created,
                "version": run.manifest.environment.packages.get("makespan"),
                "command": command(run.manifest),
            }
            | {name: getattr(row, name) for name in Row.__struct_fields__}
            | {
                "score": row.score.value,
                "headline": row.headline,
                "score_low": row.score.low,
                "score_high": row.score.high,
                "score_note": row.score.note,
                "metrics": [_estimate(name, row.metrics[name]) for name in sorted(row.metrics)],
                "priced": str(board.priced[row.model]) if row.model in board.priced else None,
            }
            | {
                f"rank_{end}": getattr(row.rank, end) if row.rank else None
                for end in Rank.__struct_fields__
            }
        )


def _estimate(name: str, one: Estimate) -> Fields:
    return {"name": name, "value": one.value, "low": one.low, "high": one.high, "note": one.note}


def samples(run: PublishedRun) -> Iterator[Fields]:
    """A line for each episode: model by model, epoch by epoch, instances in their order."""
    clean = _Cleaner(SAMPLES)
    for episode in episodes(run.path):
        yield clean.row(_sample(run, episode))


def _sample(run: PublishedRun, episode: Episode) -> Fields:
    record, instance, grade = episode.record, episode.instance, episode.record.grade
    problem, outcome = record.problem, episode.outcome
    plain = {c.name for c in SAMPLES} & set(Record.__struct_fields__)
    return {name: getattr(record, name) for name in plain} | {
        "run": run.name,
        "lock": run.lock,
        "identity": run.identity(record),
        "seed": instance.seed,
        "index": instance.index,
        "setup": run.manifest.configuration.sampling_setup(record.model),
        "verdict": grade.verdict.value if grade else Verdict.error.value,
        "score": grade.score if grade else None,
        "objective": grade.objective if grade else None,
        "bound": grade.bound if grade else instance.reference.bound,
        "gap": grade.gap if grade else None,
        "against": grade.against if grade else None,
        "violations": grade.violations if grade else [],
        "metrics": [{"name": n, "value": v} for n, v in sorted(grade.metrics.items())]
        if grade
        else [],
        "boundary": problem.boundary if problem else None,
        "problem": problem.message if problem else None,
        "parsed": outcome.answers if outcome else None,
        "called": outcome.calls or None if outcome else None,
        "prompt": episode.calls[0].messages if episode.calls else None,
        "replies": [_reply(call) for call in episode.calls if call.reply],
        "calls": record.calls,
    }


def _reply(call: RecordedCall) -> Fields:
    assert call.reply is not None
    reply = call.reply
    made = msgspec.json.encode(reply.calls).decode() if reply.calls else ""
    return {
        "path": call.path,
        "text": reply.text,
        "calls": made,
        "finish": reply.finish,
        "model": reply.model,
    }


@dataclass(frozen=True)
class PairedCell:
    """One system on one instance, its epochs together: a cell of the table `paired`.

    Attributes:
        head: the instance's own columns.
    """

    head: Fields
    identity: str
    label: str
    score: float | None
    gap: float | None
    graded: int
    errors: int


def paired(run: PublishedRun) -> Iterator[Fields]:
    """A line for each instance, family by family, all systems of the run side by side."""
    groups: dict[tuple[str, str, str], list[Record]] = {}
    for record in read_records(run.path):
        groups.setdefault((record.family, record.instance, run.identity(record)), []).append(record)
    clean = _Cleaner(PAIRED)
    return map(clean.row, side_by_side(_cell(run, key[2], g) for key, g in groups.items()))


def _cell(run: PublishedRun, identity: str, group: list[Record]) -> PairedCell:
    one, configuration = group[0], run.manifest.configuration
    head = {
        "suite": configuration.suite.name,
        "lock": run.lock,
        "family": one.family,
        "instance": one.instance,
        "level": one.level,
        "settings": one.settings,
    }
    grades = [r.grade for r in group if r.grade]
    return PairedCell(
        head=head,
        identity=identity,
        label=label(one.model, one.agent, one.memory, configuration.sampling_setup(one.model)),
        score=_mean(grade.score for grade in grades),
        gap=_mean(grade.gap for grade in grades),
        graded=len(grades),
        errors=len(group) - len(grades),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return fmean(found) if found else None


def side_by_side(cells: Iterable[PairedCell]) -> Iterator[Fields]:
    """The lines of `paired`, in order: a lock's family has one list of systems."""
    lines: dict[tuple[str, str, str], dict[str, PairedCell]] = {}
    systems: dict[tuple[str, str], dict[str, str]] = {}
    for cell in cells:
        place = (cell.head["lock"], cell.head["family"])
        systems.setdefault(place, {})[cell.identity] = cell.label
        lines.setdefault((*place, cell.head["instance"]), {})[cell.identity] = cell
    for lock, family, instance in sorted(lines):
        found, named = lines[lock, family, instance], systems[lock, family]
        order = sorted(named, key=lambda identity: (named[identity], identity))
        row = [found.get(identity) for identity in order]
        yield next(iter(found.values())).head | {
            "systems": [named[identity] for identity in order],
            "identities": order,
            "scores": [cell.score if cell else None for cell in row],
            "gaps": [cell.gap if cell else None for cell in row],
            "graded": [cell.graded if cell else 0 for cell in row],
            "errors": [cell.errors if cell else 0 for cell in row],
        }


def cells_of(row: Fields) -> Iterator[PairedCell]:
    """The cells of a line of `paired`."""
    head = {name: row[name] for name in HEAD}
    parts = ("identities", "systems", "scores", "gaps", "graded", "errors")
    for values in zip(*(row[name] for name in parts), strict=True):
        yield PairedCell(head, *values)


class _Cleaner:
    """Makes rows ready for a table: secrets out, then JSON columns as text."""

    def __init__(self, columns: tuple[Column, ...]) -> None:
        self._columns, self._clean = columns, scrubber()

    def row(self, values: Fields) -> Fields:
        """The values of all columns, in their order."""
        return {c.name: self._cell(c, values[c.name]) for c in self._columns}

    def _cell(self, column: Column, value: Any) -> Any:
        if column.kind == "json" and value is not None:
            return text(self._clean(msgspec.to_builtins(value)))
        return self._clean(value)
