"""The episodes of a page: those in its list, which are packed, and all as its figures see them.

A page of more than `MOST` episodes lists as many of each entrant and verdict, the worst of them;
boards and figures are of all.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from pathlib import Path
from typing import Any

from harness.board.load import ScoredRecord
from harness.families.registry import family
from harness.replay.transcript import Episode, episodes_of
from harness.report.base import Drawings, EpisodeView, series
from harness.report.pack import Pack, shorten
from harness.report.svg import shortened
from harness.secrets import scrub
from harness.store.folder import Folder
from harness.store.journal import key_of
from memory.context import MemoryState
from tasks.base import Record, Verdict

MOST = 10_000  # episodes in a page's list
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
        return unusable_of(self.view.record)

    @property
    def is_failure(self) -> bool:
        """Return whether it is not valid, or not what a reader would take for valid."""
        return is_failure(self.view.record)

    @property
    def family(self) -> str:
        """Return its family."""
        return self.view.record.family


def unusable_of(record: Record) -> int:
    """Return how many per cent of an episode's answers could not be used, down to whole ones."""
    return int(100 * family(record.family).unusable(record.grade)) if record.grade else 0


def is_failure(record: Record) -> bool:
    """Return whether an episode is not valid, or not what a reader would take for valid."""
    return verdict_of(record) is not Verdict.valid or unusable_of(record) >= MOSTLY


def verdict_of(record: Record) -> Verdict:
    """Return the verdict of a record; that of one without a grade is an error."""
    return record.grade.verdict if record.grade else Verdict.error


@dataclass
class PageEpisodes:
    """The episodes of a page.

    Attributes:
        entries: those in its list, in its order.
        views: all, as figures see them.
        each: the most of an entrant and verdict in the list; None where all are there.
    """

    entries: list[EpisodeEntry] = field(default_factory=list)
    views: list[EpisodeView] = field(default_factory=list)
    each: int | None = None


def read_episodes(
    folders: Sequence[Path],
    shares: Sequence[Sequence[ScoredRecord]],
    pack: Pack,
    families: Mapping[str, Drawings],
    most: int = MOST,
) -> PageEpisodes:
    """Pack the episodes that are listed; return them and all others.

    Args:
        folders: of the runs.
        shares: by folder what is shown of it; costs are those of the board.
        pack: takes the episodes.
        families: by name their drawings.
        most: episodes in the list.
    """
    groups = _groups(shares)
    page = PageEpisodes()
    listed: set[int] | None = None
    if sum(map(len, shares)) > most:
        page.each = _each([len(group) for group in groups], most)
        listed = {id(s) for group in groups for s in nsmallest(page.each, group, key=_worst)}
    for folder, share in zip(folders, shares, strict=True):
        for episode, view, is_listed in _replayed(folder, share, listed):
            page.views.append(view)
            if is_listed:
                pictures = families[view.record.family]
                pack.add(episode, view, pictures)
                page.entries.append(_entry(len(page.entries), view, pictures))
        if listed is not None:
            page.views += _unread(folder, share, listed)
    page.entries.sort(key=_rank)
    if listed is None:
        page.views = [entry.view for entry in page.entries]
    return page


def _groups(shares: Iterable[Sequence[ScoredRecord]]) -> list[list[ScoredRecord]]:
    """Return the episodes of each family, entrant and verdict."""
    groups: dict[tuple[object, ...], list[ScoredRecord]] = {}
    for scored in (each for share in shares for each in share):
        r = scored.record
        entrant = (r.family, r.model, r.agent, r.memory, id(scored.setup))
        groups.setdefault((*entrant, verdict_of(r)), []).append(scored)
    return list(groups.values())


def _each(sizes: Iterable[int], most: int) -> int:
    """Return how many of each group can be listed, at least 1, so that there is room for all."""
    room, each = most, 0
    ordered = sorted(sizes)
    for k, size in enumerate(ordered):
        each = room // (len(ordered) - k)
        if size > each:
            break
        room -= size
    return max(1, each)


def _worst(scored: ScoredRecord) -> tuple[float, float, int, str]:
    """Return what sorts the episodes of an entrant and verdict, the worst first."""
    record, grade = scored.record, scored.record.grade
    score, gap = (grade.score, grade.gap or 0.0) if grade else (0.0, 0.0)
    return (score, -gap, record.epoch, record.instance)


def _is_read(scored: ScoredRecord, listed: set[int] | None) -> bool:
    """Return whether an episode is replayed: listed, or of rounds, of which figures show some."""
    return listed is None or id(scored) in listed or family(scored.record.family).has_rounds


def _replayed(
    folder: Path, share: Sequence[ScoredRecord], listed: set[int] | None
) -> Iterator[tuple[Episode, EpisodeView, bool]]:
    """Yield the episodes of a folder's share that are replayed, and whether each is listed."""
    by_key = {
        key_of(s.record.model, s.record.epoch, s.record.instance): s
        for s in share
        if _is_read(s, listed)
    }
    records = {key: scored.record for key, scored in by_key.items()}
    for episode in episodes_of(folder, records):
        replayed = episode.record
        scored = by_key[key_of(replayed.model, replayed.epoch, replayed.instance)]
        view = EpisodeView(
            episode.instance,
            scored.record,
            series(scored.record, scored.setup),
            outcome=episode.outcome,
            memory=episode.memory,
        )
        yield episode, view, listed is None or id(scored) in listed


def _unread(folder: Path, share: Sequence[ScoredRecord], listed: set[int]) -> Iterator[EpisodeView]:
    """Yield the episodes of a folder's share that are not replayed."""
    lines = {line.id: line for line in Folder.open(folder).instances()}
    names: dict[tuple[object, ...], str] = {}
    nothing = MemoryState()
    for scored in share:
        if _is_read(scored, listed):
            continue
        r = scored.record
        entrant = (r.model, r.agent, r.memory, id(scored.setup))
        if entrant not in names:
            names[entrant] = series(r, scored.setup)
        yield EpisodeView(
            lines[r.instance].instance, r, names[entrant], outcome=None, memory=nothing
        )


def _entry(number: int, view: EpisodeView, pictures: Drawings) -> EpisodeEntry:
    return EpisodeEntry(number, view, verdict_of(view.record), why=_why(view, pictures))


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
