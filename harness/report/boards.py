"""The page of runs of suites: a section a family, and every episode."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from harness.board.board import Board, Row, board_of
from harness.board.load import gather
from harness.board.selection import WHOLE, Selection
from harness.board.text import notes, part_note
from harness.calls.prices import Prices
from harness.families.registry import family
from harness.garbage import uncollected
from harness.report.assembly import render
from harness.report.base import Drawings, EpisodeView, Figure, Looks, drawings, looks, series
from harness.report.charts import cost_figure
from harness.report.entries import (
    MOST,
    ORDER,
    EpisodeEntry,
    PageEpisodes,
    is_failure,
    read_episodes,
    verdict_of,
)
from harness.report.pack import Pack, compress
from harness.report.tables import BoardTable, table
from harness.secrets import scrub
from harness.store.folder import Folder
from harness.store.manifest import Configuration, Manifest
from harness.suites.grading import Reading
from tasks.base import Fields, Verdict

FIRST = 3  # failures of each verdict on the page itself, a family

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
    most: int = MOST,
) -> tuple[str, bool]:
    """Return the page of run folders that belong on one board, and whether that is complete.

    Args:
        folders: of the runs.
        prices: the table.
        reading: of spelling.
        selection: the part of the runs that is shown.
        most: episodes in the page's list; boards and pictures are of all.

    Raises:
        InputError: they are no such folders, or nothing is what is selected.
    """
    with uncollected():
        gathered = gather(folders, prices, reading, selection)
        board = board_of(gathered)
    styles = looks(board.rows)
    families = {
        name: drawings(family(name)) for name in dict.fromkeys(r.family for r in board.rows)
    }
    pack = Pack()
    with uncollected():
        episodes = read_episodes(folders, gathered.shares, pack, families, most)
    chunks = list(pack.chunks())
    manifests = [Folder.open(folder).manifest for folder in folders]
    page = render(
        "boards.html.j2",
        suites={m.configuration.lock: m.configuration.suite for m in manifests},
        runs=[run_facts(m) for m in manifests],
        board=board,
        part=part_note(board),
        **_counts(episodes),
        sections=[_section(name, board, episodes, styles, families[name]) for name in families],
        looks=list(styles.values()),
        index=compress(_index(board, episodes.entries, styles, list(families), pack)),
        chunks=chunks,
    )
    return page, board.complete


def _counts(episodes: PageEpisodes) -> Fields:
    """Return how many episodes there are, are listed, and ended in errors."""
    return {
        "episodes": len(episodes.views),
        "listed": len(episodes.entries),
        "each": episodes.each,
        "errors": sum(verdict_of(view.record) is Verdict.error for view in episodes.views),
    }


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
    shown: PageEpisodes,
    styles: Looks,
    pictures: Drawings,
) -> Section:
    numbered = [(k, row) for k, row in enumerate(board.rows) if row.family == name]
    rows = [row for _, row in numbered]
    keys = {series(row, row.setup) for row in rows}
    family_looks = {key: look for key, look in styles.items() if key in keys}
    views = [view for view in shown.views if view.record.family == name]
    inside = [(k, e) for k, e in enumerate(shown.entries) if e.family == name]
    failures = [(k, e) for k, e in inside if e.is_failure]
    return Section(
        name,
        _sentence(family(name).description),
        table(numbered, family_looks),
        notes=_section_notes(rows, board),
        figures=list(_figures(rows, views, family_looks, pictures)),
        failures=[(k, e, family_looks[e.view.series].label) for k, e in _first(failures)],
        failed=sum(is_failure(view.record) for view in views),
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
