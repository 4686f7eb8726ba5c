"""The rows of the tables in `harness.export.columns`, made from run folders, without secrets."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import msgspec
from msgspec.structs import replace

from graders.statistics import Estimate
from harness.board.board import Board, Row, read_board
from harness.board.load import text
from harness.board.ranking import Rank
from harness.board.selection import WHOLE, Selection
from harness.digests import digest
from harness.export.columns import LEADERBOARD, PAIRED, SAMPLES, Column
from harness.export.command import command
from harness.formatting import label
from harness.replay.transcript import Episode, episodes
from harness.secrets import scrubber
from harness.store.folder import Folder
from harness.store.journal import key_of, read_records
from harness.store.manifest import Manifest
from tasks.base import Fields, Grade, Problem, Record, Reference, Reply, Verdict

HEAD = ("suite", "lock", "family", "instance", "level", "settings")  # of `paired`, per instance


@dataclass(frozen=True)
class PublishedRun:
    """A run folder as it is published.

    Attributes:
        name: `<suite>_<digest>`, a valid name of a split. The digest is of the run's beginning:
            the same wherever the folder lies, another for a repetition of the run.
    """

    path: Path
    name: str
    manifest: Manifest
    selection: Selection = WHOLE

    @classmethod
    def open(cls, path: Path, selection: Selection = WHOLE) -> "PublishedRun":
        """Open a run folder; InputError if it is none, or a search for programs."""
        folder = Folder.open(path)
        folder.require_suite()
        name = _run_name(folder.manifest)
        return cls(path, name, _shown(folder.manifest, selection), selection)

    @property
    def is_empty(self) -> bool:
        """Return whether nothing of the run is to be published."""
        return not self.selection.is_whole and not any(self.records())

    def records(self) -> Iterator[Record]:
        """Yield the newest record of every episode that is published."""
        records = read_records(self.path)
        return (r for r in records if self.selection.has(r.model, r.family))

    @property
    def lock(self) -> str:
        """Return the digest of all that was asked."""
        return self.manifest.configuration.lock

    def identity(self, of: Record | Row) -> str:
        """Return the digest of the system that a record or a board row is of."""
        setup = self.manifest.configuration.sampling_setup(of.model)
        return digest([self.lock, of.model, of.agent, of.memory, setup])

    def board(self) -> Board:
        """Return its leaderboard; InputError if it has no finished episode."""
        if self.selection.is_whole:
            return read_board([self.path])
        records = list(self.records())  # of another folder's models there are none here
        models, families = ({getattr(r, name) for r in records} for name in ("model", "family"))
        unfinished = {spec.name for spec in self.manifest.configuration.models}
        names = tuple(sorted(models | unfinished))
        return read_board([self.path], selection=Selection(names, tuple(sorted(families))))


def _shown(manifest: Manifest, selection: Selection) -> Manifest:
    """Return a manifest of the models that are published alone."""
    configuration = manifest.configuration
    specs = tuple(spec for spec in configuration.models if selection.has_model(spec.name))
    prices = {name: p for name, p in manifest.prices.items() if selection.has_model(name)}
    return replace(manifest, configuration=replace(configuration, models=specs), prices=prices)


def _run_name(manifest: Manifest) -> str:
    suite = re.sub(r"\W+", "_", manifest.configuration.suite.name, flags=re.ASCII)
    mark = digest([manifest.beginning, manifest.environment, manifest.shard])
    return f"{suite.strip('_').lower()[:40] or 'run'}_{mark}"


def leaderboard(run: PublishedRun, board: Board) -> Iterator[Fields]:
    """Yield a line for each board row, in its order."""
    clean = _Cleaner(LEADERBOARD)
    for row in board.rows:
        date = board.priced.get(row.model)
        yield clean.row(
            _run_fields(run)
            | {"identity": run.identity(row)}
            | {name: getattr(row, name) for name in Row.__struct_fields__}
            | _score_fields(row)
            | {"priced": str(date) if date else None}
        )


def _run_fields(run: PublishedRun) -> Fields:
    environment = run.manifest.environment
    return {
        "run": run.name,
        "suite": run.manifest.configuration.suite.name,
        "lock": run.lock,
        "created": environment.created,
        "version": environment.packages.get("makespan"),
        "command": command(run.manifest),
    }


def _score_fields(row: Row) -> Fields:
    ranks = {
        f"rank_{end}": getattr(row.rank, end) if row.rank else None
        for end in Rank.__struct_fields__
    }
    return {
        "score": row.score.value,
        "score_low": row.score.low,
        "score_high": row.score.high,
        "score_note": row.score.note,
        "metrics": [_estimate(name, row.metrics[name]) for name in sorted(row.metrics)],
        **ranks,
    }


def _estimate(name: str, estimate: Estimate) -> Fields:
    return {
        "name": name,
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "note": estimate.note,
    }


def samples(run: PublishedRun) -> Iterator[Fields]:
    """Yield a line for each episode: model by model, epoch by epoch, instances in their order."""
    clean = _Cleaner(SAMPLES)
    keys = None
    if not run.selection.is_whole:
        keys = {key_of(r.model, r.epoch, r.instance) for r in run.records()}
    for episode in episodes(run.path, keys):
        yield clean.row(_sample(run, episode))


def _sample(run: PublishedRun, episode: Episode) -> Fields:
    record, instance = episode.record, episode.instance
    same_names = {c.name for c in SAMPLES} & set(Record.__struct_fields__)
    return {
        **{name: getattr(record, name) for name in same_names},
        "run": run.name,
        "lock": run.lock,
        "identity": run.identity(record),
        "seed": instance.seed,
        "index": instance.index,
        "setup": run.manifest.configuration.sampling_setup(record.model),
        **_problem_fields(record.problem),
        **(_grade_fields(record.grade) if record.grade else _no_grade(instance.reference)),
        **_answer_fields(episode),
        "calls": record.calls,
    }


def _problem_fields(problem: Problem | None) -> Fields:
    return {
        "boundary": problem.boundary if problem else None,
        "problem": problem.message if problem else None,
    }


def _grade_fields(grade: Grade) -> Fields:
    return {
        "verdict": grade.verdict.value,
        "score": grade.score,
        "objective": grade.objective,
        "bound": grade.bound,
        "gap": grade.gap,
        "against": grade.against,
        "violations": grade.violations,
        "metrics": [{"name": n, "value": v} for n, v in sorted(grade.metrics.items())],
    }


def _no_grade(reference: Reference) -> Fields:
    """Return the fields of an episode that ended in an error."""
    empty = dict.fromkeys(("score", "objective", "gap", "against"))
    values: Fields = {"bound": reference.bound, "violations": [], "metrics": []}
    return {"verdict": Verdict.error.value, **empty, **values}


def _answer_fields(episode: Episode) -> Fields:
    outcome, calls = episode.outcome, episode.calls
    return {
        "parsed": outcome.answers if outcome else None,
        "called": outcome.calls or None if outcome else None,
        "prompt": calls[0].messages if calls else None,
        "replies": [_reply(call.path, call.reply) for call in calls if call.reply],
    }


def _reply(path: str, reply: Reply) -> Fields:
    return {
        "path": path,
        "text": reply.text,
        "calls": msgspec.json.encode(reply.calls).decode() if reply.calls else "",
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
    """Return a line for each instance, family by family, all systems of the run side by side."""
    groups: dict[tuple[str, str, str], list[Record]] = {}
    for record in run.records():
        groups.setdefault((record.family, record.instance, run.identity(record)), []).append(record)
    clean = _Cleaner(PAIRED)
    return map(clean.row, side_by_side(_cell(run, key[2], g) for key, g in groups.items()))


def _cell(run: PublishedRun, identity: str, group: list[Record]) -> PairedCell:
    first, configuration = group[0], run.manifest.configuration
    grades = [r.grade for r in group if r.grade]
    setup = configuration.sampling_setup(first.model)
    return PairedCell(
        head=_head(run, first),
        identity=identity,
        label=label(first.model, first.agent, first.memory, setup),
        score=_mean(grade.score for grade in grades),
        gap=_mean(grade.gap for grade in grades),
        graded=len(grades),
        errors=len(group) - len(grades),
    )


def _head(run: PublishedRun, record: Record) -> Fields:
    """Return the columns of the instance that a record is of."""
    return {
        "suite": run.manifest.configuration.suite.name,
        "lock": run.lock,
        "family": record.family,
        "instance": record.instance,
        "level": record.level,
        "settings": record.settings,
    }


def _mean(values: Iterable[float | None]) -> float | None:
    numbers = [value for value in values if value is not None]
    return fmean(numbers) if numbers else None


def side_by_side(cells: Iterable[PairedCell]) -> Iterator[Fields]:
    """Yield the lines of `paired`, in order: a lock's family has one list of systems."""
    lines: dict[tuple[str, str, str], dict[str, PairedCell]] = {}
    systems: dict[tuple[str, str], dict[str, str]] = {}
    for cell in cells:
        place = (cell.head["lock"], cell.head["family"])
        systems.setdefault(place, {})[cell.identity] = cell.label
        lines.setdefault((*place, cell.head["instance"]), {})[cell.identity] = cell
    for lock, family, instance in sorted(lines):
        yield _paired_line(lines[lock, family, instance], systems[lock, family])


def _paired_line(cells: Mapping[str, PairedCell], labels: Mapping[str, str]) -> Fields:
    """Return an instance's line: its cells and all systems' labels, both by identity."""
    order = sorted(labels, key=lambda identity: (labels[identity], identity))
    row = [cells.get(identity) for identity in order]
    return next(iter(cells.values())).head | {
        "systems": [labels[identity] for identity in order],
        "identities": order,
        "scores": [cell.score if cell else None for cell in row],
        "gaps": [cell.gap if cell else None for cell in row],
        "graded": [cell.graded if cell else 0 for cell in row],
        "errors": [cell.errors if cell else 0 for cell in row],
    }


def cells_of(row: Fields) -> Iterator[PairedCell]:
    """Yield the cells of a line of `paired`."""
    head = {name: row[name] for name in HEAD}
    parts = ("identities", "systems", "scores", "gaps", "graded", "errors")
    for values in zip(*(row[name] for name in parts), strict=True):
        identity, system, score, gap, graded, errors = values
        yield PairedCell(head, identity, system, score=score, gap=gap, graded=graded, errors=errors)


class _Cleaner:
    """Makes rows ready for a table: secrets out, then JSON columns as text."""

    def __init__(self, columns: tuple[Column, ...]) -> None:
        self._columns, self._clean = columns, scrubber()

    def row(self, values: Fields) -> Fields:
        """Return the values of all columns, in their order."""
        return {c.name: self._cell(c, values[c.name]) for c in self._columns}

    def _cell(self, column: Column, value: Any) -> Any:
        if column.kind == "json" and value is not None:
            return text(self._clean(msgspec.to_builtins(value)))
        return self._clean(value)
