"""The page of runs of suites: a section a family, and every episode."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from harness.board.board import Board, read_board
from harness.board.load import scored_records
from harness.board.text import notes
from harness.calls.prices import Prices
from harness.families.registry import family
from harness.replay.transcript import episodes
from harness.report.assembly import render
from harness.report.base import Drawings, EpisodeView, Figure, Looks, drawings, looks, series
from harness.report.charts import cost_figure
from harness.report.pack import Pack, compress, shorten
from harness.report.tables import BoardTable, table
from harness.secrets import scrub
from harness.store.folder import Folder
from harness.store.journal import key_of
from harness.store.manifest import Manifest
from tasks.base import Fields, Verdict

FIRST = 3  # failures of each verdict told on the page itself, a family
ORDER = (Verdict.error, Verdict.unparsable, Verdict.infeasible, Verdict.valid)
WHY = 140  # characters of a reason in the list of episodes


@dataclass(frozen=True)
class EpisodeEntry:
    """An episode in the list: enough to sort, filter and find it."""

    number: int
    seen: EpisodeView
    verdict: Verdict
    why: str


@dataclass(frozen=True)
class Section:
    """A family's part of the page."""

    name: str
    about: str
    table: BoardTable
    notes: Sequence[str]
    figures: Sequence[Figure]
    failures: Sequence[tuple[int, EpisodeEntry, str]]
    failed: int


def build(folders: Sequence[Path], prices: Prices) -> tuple[str, bool]:
    """The page of run folders that belong on one board, and whether that is complete.

    InputError if they are no such folders.
    """
    board = read_board(folders, prices)
    looked = looks(board.rows)
    pack, entries = Pack(), list[EpisodeEntry]()
    families = {name: drawings(name) for name in dict.fromkeys(r.family for r in board.rows)}
    for folder in folders:
        entries += _read(folder, prices, pack, families, len(entries))
    entries.sort(key=_rank)
    chunks = list(pack.chunks())
    sections = [_section(name, board, entries, looked, families[name]) for name in families]
    index = {
        "rows": board.rows,
        "series": [[look.label, look.kind, look.colour] for look in looked.values()],
        "families": list(families),
        "entries": [_line(e, looked, list(families), pack) for e in entries],
    }
    manifests = [Folder.open(folder).manifest for folder in folders]
    suites = {m.configuration.lock: m.configuration.suite for m in manifests}
    page = render(
        "boards.html.j2",
        suites=suites,
        runs=[told(m) for m in manifests],
        board=board,
        episodes=len(entries),
        errors=sum(e.verdict is Verdict.error for e in entries),
        sections=sections,
        looks=list(looked.values()),
        index=compress(index),
        chunks=chunks,
    )
    return page, board.complete


def _read(
    folder: Path, prices: Prices, pack: Pack, families: dict[str, Drawings], start: int
) -> Iterator[EpisodeEntry]:
    """Pack a folder's episodes as they are replayed; their costs are those of the board."""
    records = (a for a, _ in scored_records(Folder.open(folder), prices))
    asked = {key_of(a.record.model, a.record.epoch, a.record.instance): a for a in records}
    for number, episode in enumerate(episodes(folder), start):
        known = episode.record
        one = asked[key_of(known.model, known.epoch, known.instance)]
        record, who = one.record, series(one.record, one.setup)
        seen = EpisodeView(episode.instance, record, who, episode.outcome, episode.memory)
        drawn = families[record.family]
        pack.add(episode, seen, drawn)
        yield EpisodeEntry(number, seen, _verdict(seen), _why(seen, drawn))


def _verdict(seen: EpisodeView) -> Verdict:
    return seen.record.grade.verdict if seen.record.grade else Verdict.error


def _why(seen: EpisodeView, drawn: Drawings) -> str:
    """The first reason, and how many more there are."""
    if seen.record.problem:
        told, more = f"{seen.record.problem.boundary}: {seen.record.problem.message}", 0
    elif seen.record.grade and seen.record.grade.violations:
        wrong = seen.record.grade.violations
        told, more = drawn.words(wrong[0]), len(wrong) - 1
    else:
        return ""
    told = scrub(shorten(told))
    told = told if len(told) <= WHY else told[: WHY - 1] + "…"
    return f"{told} (+{more} more)" if more else told


def _rank(entry: EpisodeEntry) -> tuple[Any, ...]:
    """Failures first, those of models before those of policies; then the worst score."""
    record, grade = entry.seen.record, entry.seen.record.grade
    policy = record.model.startswith("policy/")
    score = grade.score if grade else 0.0
    gap = grade.gap if grade and grade.gap is not None else 0.0
    return (ORDER.index(entry.verdict), policy, score, -gap, entry.number)


def _line(entry: EpisodeEntry, looked: Looks, families: list[str], pack: Pack) -> list[Any]:
    """What the list of episodes holds of one."""
    seen, grade = entry.seen, entry.seen.record.grade
    score = round(grade.score, 6) if grade else None
    gap = round(grade.gap, 6) if grade and grade.gap is not None else None
    return [
        families.index(seen.record.family),
        looked[seen.series].number,
        seen.instance.id,
        seen.instance.level,
        seen.record.epoch,
        ORDER.index(entry.verdict),
        score,
        gap,
        entry.why,
        *pack.where[entry.number],
    ]


def _section(
    name: str, board: Board, entries: Sequence[EpisodeEntry], looked: Looks, drawn: Drawings
) -> Section:
    numbered = [(k, row) for k, row in enumerate(board.rows) if row.family == name]
    rows = [row for _, row in numbered]
    mine = [(k, e) for k, e in enumerate(entries) if e.seen.record.family == name]
    seen = [e.seen for _, e in mine]
    keys = {series(row, row.setup) for row in rows}
    own = {key: look for key, look in looked.items() if key in keys}
    figures = [*drawn.figures(rows, seen, own)]
    if costs := cost_figure(rows, seen, own):
        figures.append(costs)
    failed = [(k, e) for k, e in mine if e.verdict is not Verdict.valid]
    first = [one for v in ORDER[:-1] for one in [f for f in failed if f[1].verdict is v][:FIRST]]
    priced = {m: day for m, day in board.priced.items() if m in {row.model for row in rows}}
    said = [scrub(note) for note in notes(Board(tuple(rows), (), priced))]
    return Section(
        name,
        _sentence(family(name).about),
        table(numbered, own),
        said,
        figures,
        [(k, e, own[e.seen.series].label) for k, e in first],
        len(failed),
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def told(manifest: Manifest) -> Fields:
    """What a reader must know to repeat a run; the name of a key's variable is no secret."""
    how, where = manifest.configuration, manifest.environment
    sampling = {k: v for k, v in msgspec.to_builtins(how.sampling).items() if v not in (None, {})}
    return {
        "models": ", ".join(spec.name for spec in how.models),
        "servers": scrub(", ".join(dict.fromkeys(s.base_url for s in how.models if s.base_url))),
        "agent": how.agent,
        "memory": how.memory,
        "epochs": str(how.epochs),
        "sampling": scrub(", ".join(f"{k} {v}" for k, v in sampling.items())) or "as provided",
        "versions": "; ".join(f"{k}: {v}" for k, v in how.versions.items()),
        "begun": where.created,
        "software": ", ".join(f"{k} {v}" for k, v in where.packages.items()),
        "Python": f"{where.python} on {where.platform}",
        "commit": where.commit or "",
    }
