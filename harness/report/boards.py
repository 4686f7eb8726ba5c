"""The page of runs of suites: a section a family, and every episode."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from harness.board.board import Board, Row, board_of
from harness.board.load import ScoredRecord, gather
from harness.board.selection import WHOLE, Selection
from harness.board.text import notes, part_note
from harness.calls.prices import Prices
from harness.families.registry import family
from harness.replay.transcript import episodes
from harness.report.assembly import render
from harness.report.base import Drawings, EpisodeView, Figure, Looks, drawings, looks, series
from harness.report.charts import cost_figure
from harness.report.pack import Pack, compress, shorten
from harness.report.svg import shortened
from harness.report.tables import BoardTable, table
from harness.secrets import scrub
from harness.store.folder import Folder
from harness.store.journal import key_of
from harness.store.manifest import Configuration, Manifest
from harness.suites.grading import Reading
from tasks.base import Fields, Verdict

FIRST = 3  # failures of each verdict on the page itself, a family
ORDER = (Verdict.error, Verdict.unparsable, Verdict.infeasible, Verdict.valid)
MOSTLY = 50  # per cent of an episode's answers that could not be used: it is not shown as valid
WHY = 140  # characters of a reason in the list of episodes


@dataclass(frozen=True)
class EpisodeEntry:
    """An episode in the list: enough to sort, filter and find it.

    Attributes:
        number: its place in the order in which episodes were packed.
        view: the episode as figures see it.
        why: the first reason of its verdict, and how many more there are.
    """

    number: int
    view: EpisodeView
    verdict: Verdict
    why: str

    @property
    def unusable(self) -> int:
        """Return how many per cent of its answers could not be used, down to whole ones."""
        grade = self.view.record.grade
        return int(100 * family(self.family).unusable(grade)) if grade else 0

    @property
    def is_failure(self) -> bool:
        """Return whether it is not valid, or not what a reader would take for valid."""
        return self.verdict is not Verdict.valid or self.unusable >= MOSTLY

    @property
    def family(self) -> str:
        """Return its family."""
        return self.view.record.family


Numbered = tuple[int, EpisodeEntry]  # with its place on the page


@dataclass(frozen=True)
class Section:
    """A family's part of the page."""

    name: str
    description: str
    table: BoardTable
    notes: Sequence[str]
    figures: Sequence[Figure]
    failures: Sequence[tuple[int, EpisodeEntry, str]]
    failed: int


def build(
    folders: Sequence[Path],
    prices: Prices,
    reading: Reading = "canonical",
    selection: Selection = WHOLE,
) -> tuple[str, bool]:
    """Return the page of run folders that belong on one board, and whether that is complete.

    Raises:
        InputError: they are no such folders, or nothing is what is selected.
    """
    gathered = gather(folders, prices, reading, selection)
    board = board_of(gathered)
    styles = looks(board.rows)
    families = {
        name: drawings(family(name)) for name in dict.fromkeys(r.family for r in board.rows)
    }
    pack = Pack()
    entries = _entries(folders, gathered.shares, pack, families)
    chunks = list(pack.chunks())
    manifests = [Folder.open(folder).manifest for folder in folders]
    page = render(
        "boards.html.j2",
        suites={m.configuration.lock: m.configuration.suite for m in manifests},
        runs=[run_facts(m) for m in manifests],
        board=board,
        part=part_note(board),
        episodes=len(entries),
        errors=sum(e.verdict is Verdict.error for e in entries),
        sections=[_section(name, board, entries, styles, families[name]) for name in families],
        looks=list(styles.values()),
        index=compress(_index(board, entries, styles, list(families), pack)),
        chunks=chunks,
    )
    return page, board.complete


def _entries(
    folders: Sequence[Path],
    shares: Sequence[Sequence[ScoredRecord]],
    pack: Pack,
    families: dict[str, Drawings],
) -> list[EpisodeEntry]:
    """Pack the shares of all folders; return their episodes in the order of the page."""
    entries: list[EpisodeEntry] = []
    for folder, share in zip(folders, shares, strict=True):
        entries += _read(folder, share, pack, families, len(entries))
    return sorted(entries, key=_rank)


def _index(
    board: Board, entries: Sequence[EpisodeEntry], styles: Looks, families: list[str], pack: Pack
) -> Fields:
    """Return what the page's script lists."""
    return {
        "rows": board.rows,
        "series": [[look.label, look.kind, look.colour] for look in styles.values()],
        "families": families,
        "entries": [_line(e, styles, families, pack) for e in entries],
    }


def _read(
    folder: Path,
    share: Sequence[ScoredRecord],
    pack: Pack,
    families: dict[str, Drawings],
    start: int,
) -> Iterator[EpisodeEntry]:
    """Pack a folder's share of the episodes as they are replayed; their costs are the board's."""
    by_key = {key_of(s.record.model, s.record.epoch, s.record.instance): s for s in share}
    for number, episode in enumerate(episodes(folder, by_key), start):
        replayed = episode.record
        scored = by_key[key_of(replayed.model, replayed.epoch, replayed.instance)]
        view = EpisodeView(
            episode.instance,
            scored.record,
            series(scored.record, scored.setup),
            outcome=episode.outcome,
            memory=episode.memory,
        )
        pictures = families[scored.record.family]
        pack.add(episode, view, pictures)
        yield EpisodeEntry(number, view, _verdict(view), why=_why(view, pictures))


def _verdict(view: EpisodeView) -> Verdict:
    return view.record.grade.verdict if view.record.grade else Verdict.error


def _why(view: EpisodeView, pictures: Drawings) -> str:
    """Return the first reason, and how many more there are; empty without any."""
    problem, grade = view.record.problem, view.record.grade
    if problem:
        reason, more = f"{problem.boundary}: {problem.message}", 0
    elif grade and grade.violations:
        reason, more = pictures.words(grade.violations[0]), len(grade.violations) - 1
    else:
        return ""
    reason = shortened(scrub(shorten(reason)), WHY)
    return f"{reason} (+{more} more)" if more else reason


def _rank(entry: EpisodeEntry) -> tuple[Any, ...]:
    """Order failures first, those of models before those of policies; then the worst score."""
    record, grade = entry.view.record, entry.view.record.grade
    policy = record.model.startswith("policy/")
    score = grade.score if grade else 0.0
    gap = grade.gap if grade and grade.gap is not None else 0.0
    return (ORDER.index(entry.verdict), policy, score, -gap, entry.number)


def _line(entry: EpisodeEntry, styles: Looks, families: list[str], pack: Pack) -> list[Any]:
    """Return an episode as the list of episodes holds it."""
    view, grade = entry.view, entry.view.record.grade
    score = round(grade.score, 6) if grade else None
    gap = round(grade.gap, 6) if grade and grade.gap is not None else None
    return [
        families.index(entry.family),
        styles[view.series].number,
        view.instance.id,
        view.instance.level,
        view.record.epoch,
        ORDER.index(entry.verdict),
        score,
        gap,
        entry.why,
        entry.unusable,
        *pack.places[entry.number],
    ]


def _section(
    name: str,
    board: Board,
    entries: Sequence[EpisodeEntry],
    styles: Looks,
    pictures: Drawings,
) -> Section:
    numbered = [(k, row) for k, row in enumerate(board.rows) if row.family == name]
    rows = [row for _, row in numbered]
    keys = {series(row, row.setup) for row in rows}
    family_looks = {key: look for key, look in styles.items() if key in keys}
    inside = [(k, e) for k, e in enumerate(entries) if e.family == name]
    views = [e.view for _, e in inside]
    failed = [(k, e) for k, e in inside if e.is_failure]
    return Section(
        name,
        _sentence(family(name).description),
        table(numbered, family_looks),
        notes=_section_notes(rows, board),
        figures=list(_figures(rows, views, family_looks, pictures)),
        failures=[(k, e, family_looks[e.view.series].label) for k, e in _first(failed)],
        failed=len(failed),
    )


def _figures(
    rows: Sequence[Row], views: Sequence[EpisodeView], styles: Looks, pictures: Drawings
) -> Iterator[Figure]:
    yield from pictures.figures(rows, views, styles)
    if costs := cost_figure(rows, views, styles):
        yield costs


def _first(failed: Sequence[Numbered]) -> list[Numbered]:
    """Return the first few failures of each verdict."""
    by_verdict = ([pair for pair in failed if pair[1].verdict is v] for v in ORDER)
    return [pair for pairs in by_verdict for pair in pairs[:FIRST]]


def _section_notes(rows: Sequence[Row], board: Board) -> list[str]:
    models = {row.model for row in rows}
    dates = {model: day for model, day in board.priced.items() if model in models}
    part = Board(tuple(rows), (), priced=dates, reading=board.reading)
    return [scrub(note) for note in notes(part)]


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def run_facts(manifest: Manifest) -> Fields:
    """Return what a reader must know to repeat a run, by its name on the page."""
    configuration, environment = manifest.configuration, manifest.environment
    servers = dict.fromkeys(s.base_url for s in configuration.models if s.base_url)
    return {
        "models": ", ".join(spec.name for spec in configuration.models),
        "servers": scrub(", ".join(servers)),
        "agent": configuration.agent,
        "memory": configuration.memory,
        "epochs": str(configuration.epochs),
        "sampling": scrub(_sampling(configuration)) or "as provided",
        "versions": "; ".join(f"{k}: {v}" for k, v in configuration.versions.items()),
        "begun": environment.created,
        "software": ", ".join(f"{k} {v}" for k, v in environment.packages.items()),
        "Python": f"{environment.python} on {environment.platform}",
        "commit": environment.commit or "",
    }


def _sampling(configuration: Configuration) -> str:
    settings = msgspec.to_builtins(configuration.sampling).items()
    return ", ".join(f"{k} {v}" for k, v in settings if v not in (None, {}))
