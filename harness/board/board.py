"""The leaderboard: rows of a model on a family, each with its interval, errors and references."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from statistics import fmean
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from graders.passes import pass_rates
from graders.spelling import MENDED, STRICT
from graders.statistics import Estimate, by_instance
from harness.board.load import (
    CanonicalFields,
    CommitmentState,
    Gathered,
    ScoredRecord,
    dials_of,
    gather,
    identity,
    text,
)
from harness.board.ranking import Rank, rank
from harness.board.replies import EpisodeCalls, OddReplies, sum_of
from harness.board.selection import WHOLE, Selection
from harness.calls.prices import Prices, load
from harness.costs import sum_or_none
from harness.families.registry import family
from harness.suites.grading import Reading
from tasks.base import NO_REFERENCE, Fields, Grade, Noun, Record, Scalar, Verdict

NO_HEADLINES: Mapping[str, str] = MappingProxyType({})


class Row(Noun, frozen=True):
    """A model's results in one cell of a family.

    Attributes:
        setup: the sampling settings and the server's address, as far as the run set them.
        n: number of its episodes, errors included.
        of: number of episodes that its suite has; None is any number.
        errors: number of episodes that ended in an error. They have no score: score and metrics
            are over the other `n - errors`. A level of nothing but errors makes the score unknown.
        problems: the most frequent reasons of errors, and how often each came.
        tokens: sum over all episodes, the agent's only; None is unknown, as in the next ones.
        cost: sum over all episodes, in US dollars.
        seconds: sum over all episodes.
        memory_tokens: sum over all episodes.
        headline: the measure that is the score, where the suite names one.
        means: what the model might use to answer, sorted; `direct` is nothing but the prompt.
        versions: of its agent and memory: digests of what they say to a model.
        recall_tokens, sleep_tokens: the memory's, while somebody waited and while nobody did.
        sandbox_seconds: CPU seconds of programs.
        own_tokens: of input, the words and tools of command-line agents themselves.
        side_tokens: of other conversations of such agents than their first: of sub-agents, say.
        replies: those that were no plain answers; unset where all were, or nobody knows.
        notes: how often the agent told of each thing that went otherwise than it wanted.
    """

    family: str
    cell: dict[str, Scalar]
    model: str
    agent: str
    memory: str
    setup: Fields
    kind: str
    n: int
    of: int | None
    errors: int
    unparsable: int
    infeasible: int
    problems: dict[str, int]
    score: Estimate
    metrics: dict[str, Estimate]
    tokens: int | None
    cost: float | None
    seconds: float
    memory_calls: int = 0
    memory_tokens: int | None = 0
    retried: int = 0
    rank: Rank | None = None
    headline: str | None = None
    means: tuple[str, ...] = ("direct",)
    versions: tuple[str, ...] = ()
    recall_tokens: int | None = 0
    sleep_tokens: int | None = 0
    sandbox_seconds: float = 0.0
    own_tokens: int | UnsetType | None = UNSET
    side_tokens: int | UnsetType | None = UNSET
    replies: OddReplies | UnsetType = UNSET
    notes: dict[str, int] | UnsetType = UNSET


RARE = ("own_tokens", "side_tokens")  # fields that are columns only where a row has them
# fields of a row that are no columns
APART = ("score", "metrics", "problems", "rank", "replies", "notes")


class Board(Noun, frozen=True):
    """Rows by family and cell, the best score first.

    Ranks are among rows of kind `model` that were asked the same.

    Attributes:
        missing: the models without a row.
        priced: the models whose cost is their stored usage at a table of prices, with its date.
        reading: of spelling; nothing where it is the canonical one.
        selection: what is shown, where that is not all.
        commitments: those behind the seeds; unset where all seeds are public.
    """

    rows: tuple[Row, ...]
    missing: tuple[str, ...] = ()
    priced: dict[str, date] = {}
    reading: Literal["strict"] | UnsetType = UNSET
    selection: Selection | UnsetType = UNSET
    commitments: tuple[CommitmentState, ...] | UnsetType = UNSET

    @property
    def complete(self) -> bool:
        """Return whether every episode of the suites has a grade, of what is shown."""
        return not self.missing and all(
            not row.errors and (row.of is None or row.n >= row.of) for row in self.rows
        )


def read_board(
    folders: Sequence[Path],
    prices: Prices | None = None,
    reading: Reading = "canonical",
    selection: Selection = WHOLE,
) -> Board:
    """Return the board of run folders.

    Args:
        folders: of runs.
        prices: without them the project's own table gives the costs that no provider told.
        reading: whether answers count that were mended in spelling.
        selection: the part of the folders that is shown.

    Raises:
        InputError: what the folders share was not asked the same or is not the same, they hold no
            episode, or nothing is what is selected.
    """
    return board_of(gather(folders, prices or load(None), reading, selection))


def board_of(gathered: Gathered) -> Board:
    """Return the board of what was gathered."""
    board = build_board(
        gathered.records,
        gathered.sizes,
        gathered.missing,
        gathered.priced,
        ranked=gathered.ranked,
        headlines=gathered.headlines,
        dials=gathered.dials,
    )
    reading, selection = gathered.reading, gathered.selection
    return replace(
        board,
        reading=UNSET if reading == "canonical" else reading,
        selection=UNSET if selection.is_whole else selection,
        commitments=gathered.commitments or UNSET,
    )


def build_board(
    records: Sequence[ScoredRecord],
    sizes: dict[str, int],
    missing: tuple[str, ...] = (),
    priced: dict[str, date] | None = None,
    *,
    ranked: bool = True,
    headlines: Mapping[str, str] = NO_HEADLINES,
    dials: Mapping[str, Sequence[str]] | None = None,
) -> Board:
    """Return the board of some records.

    Args:
        records: finished episodes.
        sizes: how many episodes a model should have, by family.
        missing: models without an episode.
        priced: the date of the price table, by each model whose cost is from it.
        ranked: whether rows get ranks.
        headlines: the measure that is the score, by family whose suite names one.
        dials: by family the settings that tell rows apart; None is those of the records.
    """
    scored = _scored(records, dials)
    groups = {key: [each.record for each in group] for key, group in scored.items()}
    calls = _calls_of(scored)
    sizes = _sizes_of_whole_families(groups, sizes)
    rows = {
        key: _with_gain(
            _with_calls(_row(key, group, sizes.get(key.family), headlines), calls[key]), key, groups
        )
        for key, group in groups.items()
    }
    ordered = sorted(_ranked(rows, groups) if ranked else rows.values(), key=_order)
    return Board(tuple(ordered), missing, priced or {})


class Key(NamedTuple):
    """What the records of a row share."""

    family: str
    cell: CanonicalFields
    model: str
    agent: str
    memory: str
    setup: CanonicalFields
    means: tuple[str, ...]
    versions: tuple[str, ...]

    @property
    def identity(self) -> Fields:
        """Return what must be equal, beside the suite, for two rows to be ranked or compared."""
        return identity(
            self.means, self.agent, self.memory, self.setup.fields, versions=self.versions
        )

    @property
    def ranking(self) -> tuple[str, CanonicalFields, CanonicalFields]:
        """Return what the rows of one ranking share."""
        return (self.family, self.cell, CanonicalFields.of(self.identity))


def grouped(
    records: Sequence[ScoredRecord], dials: Mapping[str, Sequence[str]] | None = None
) -> dict[Key, list[Record]]:
    """Return the records of each row; see `build_board` for the dials."""
    groups = _scored(records, dials)
    return {key: [each.record for each in group] for key, group in groups.items()}


def _calls_of(groups: Mapping[Key, Sequence[ScoredRecord]]) -> dict[Key, list[EpisodeCalls]]:
    """Return what journals tell of the calls of each row; nothing where one of them is silent."""
    return {
        key: calls if len(calls := [e.calls for e in group if e.calls]) == len(group) else []
        for key, group in groups.items()
    }


def _scored(
    records: Sequence[ScoredRecord], dials: Mapping[str, Sequence[str]] | None
) -> dict[Key, list[ScoredRecord]]:
    """Return the records of each row, as they were scored."""
    dials = dials_of(scored.record for scored in records) if dials is None else dials
    groups: dict[Key, list[ScoredRecord]] = {}
    rows: dict[tuple[object, ...], list[ScoredRecord]] = {}  # by what is cheap to compare
    for scored in records:
        r = scored.record
        who = (r.family, r.model, r.agent, r.memory, scored.means, scored.versions)
        objects = (id(r.settings), id(scored.setup), *who)
        if objects not in rows:
            rows[objects] = groups.setdefault(_key(scored, dials[r.family]), [])
        rows[objects].append(scored)
    return groups


def _key(scored: ScoredRecord, dials: Sequence[str]) -> Key:
    """Return what a record shares with those of its row."""
    r = scored.record
    return Key(
        r.family,
        CanonicalFields.of({name: r.settings.get(name) for name in dials}),
        r.model,
        agent=r.agent,
        memory=r.memory,
        setup=CanonicalFields.of(scored.setup),
        means=scored.means,
        versions=scored.versions,
    )


def _with_calls(row: Row, calls: Sequence[EpisodeCalls]) -> Row:
    """Return a row with what its journals tell of its calls, if they do."""
    if not calls:
        return row
    odd = sum_of(calls)
    return replace(row, retried=sum(each.retried for each in calls), replies=odd or UNSET)


def _sizes_of_whole_families(groups: Iterable[Key], sizes: dict[str, int]) -> dict[str, int]:
    """Return the sizes of the families that have one cell: those of cells are not known."""
    cells: dict[str, set[CanonicalFields]] = {}
    for key in groups:
        cells.setdefault(key.family, set()).add(key.cell)
    return {name: size for name, size in sizes.items() if len(cells.get(name, ())) == 1}


def _ranked(rows: dict[Key, Row], groups: dict[Key, list[Record]]) -> list[Row]:
    """Return the rows; models that were asked the same and have a score with their rank."""
    rankings: dict[object, list[Key]] = {}
    for key, row in rows.items():
        if row.kind == "model" and row.score.value is not None:
            rankings.setdefault(key.ranking, []).append(key)
    ranked = dict(rows)
    for keys in rankings.values():
        if len(keys) > 1:
            ranks = rank(keys[0].family, [groups[key] for key in keys])
            ranked |= {k: replace(rows[k], rank=r) for k, r in zip(keys, ranks, strict=True)}
    return list(ranked.values())


def _with_gain(row: Row, key: Key, groups: dict[Key, list[Record]]) -> Row:
    """Return a row of a memory with its gain over no memory, and over the same history.

    A gain needs the same model's row of the other memory on the board.
    """
    rounds = family(row.family).rounds
    gains = {}
    for name, baseline in (("learning_gain", "none"), ("gain_over_history", "history")):
        without = _with_memory(key, baseline, groups)
        if rounds and without and row.memory not in ("none", baseline):
            gains[name] = rounds.learning_gain(groups[key], groups[without])
    return replace(row, metrics=row.metrics | gains) if gains else row


def _with_memory(key: Key, memory: str, groups: Iterable[Key]) -> Key | None:
    """Return the key of the same model with another memory, whatever that says to it."""
    sought = key._replace(memory=memory, versions=())
    return next((each for each in groups if each._replace(versions=()) == sought), None)


def _order(row: Row) -> tuple[Any, ...]:
    score = row.score.value
    contestant = (row.model, row.agent, row.memory, text(row.setup))
    return (row.family, text(row.cell), score is None, -(score or 0.0), *contestant)


def _row(key: Key, records: list[Record], size: int | None, headlines: Mapping[str, str]) -> Row:
    records = sorted(records, key=lambda r: (r.instance, r.epoch))  # not as they were answered
    graded = [r for r in records if r.grade]
    verdicts = [r.grade.verdict for r in graded if r.grade]
    headline = headlines.get(key.family)
    score, metrics = _summary(key.family, records, graded, headline)
    return Row(
        family=key.family,
        cell=key.cell.fields,
        model=key.model,
        agent=key.agent,
        memory=key.memory,
        setup=key.setup.fields,
        means=key.means,
        versions=key.versions,
        kind=kind_of(key.family, key.model),
        n=len(records),
        of=size,
        errors=len(records) - len(graded),
        unparsable=verdicts.count(Verdict.unparsable),
        infeasible=verdicts.count(Verdict.infeasible),
        problems=dict(Counter(r.problem.message for r in records if r.problem).most_common(3)),
        score=score,
        metrics=metrics,
        headline=headline,
        notes=_notes(records) or UNSET,
        **_spending(records),
    )


def _notes(records: Sequence[Record]) -> dict[str, int]:
    """Return how often agents told of each thing that went otherwise than they wanted."""
    counts: Counter[str] = Counter()
    for record in records:
        counts.update(record.notes or {})
    return dict(sorted(counts.items()))


def _spending(records: Sequence[Record]) -> Fields:
    """Return the fields of a row that are sums over all episodes."""
    return {
        "tokens": sum_or_none([_tokens(r) for r in records]),
        "cost": sum_or_none([r.cost for r in records]),
        "seconds": round(sum(r.seconds for r in records), 3),
        "memory_calls": sum(r.memory_calls for r in records),
        "memory_tokens": sum_or_none([r.memory_tokens for r in records]),
        "recall_tokens": sum_or_none([r.recall_tokens for r in records]),
        "sleep_tokens": sum_or_none([r.sleep_tokens for r in records]),
        "sandbox_seconds": round(sum(r.sandbox_seconds for r in records), 3),
        "retried": sum(map(_is_retried, records)),
        "own_tokens": _if_any(sum_or_none([r.own_tokens for r in records])),
        "side_tokens": _if_any(sum_or_none([r.side_tokens for r in records])),
    }


def _if_any(tokens: int | None) -> int | UnsetType | None:
    """Return a sum that only command-line agents have, unset where it is zero."""
    return UNSET if tokens == 0 else tokens


def _is_retried(record: Record) -> bool:
    """Return whether a call was tried more than once: the one that failed for good has no reply."""
    lost = record.problem is not None and record.problem.boundary == "provider"
    return record.attempts > record.calls + record.memory_calls + lost


def _summary(
    name: str, records: Sequence[Record], graded: list[Record], headline: str | None
) -> tuple[Estimate, dict[str, Estimate]]:
    """Return score and metrics; no score where a level has nothing but errors."""
    if not graded:
        kinds = {r.problem.kind for r in records if r.problem}
        only_reason = NO_REFERENCE if kinds == {NO_REFERENCE} else "no graded episodes"
        return Estimate.unknown(only_reason), {}
    score, metrics = family(name).summarise(graded)
    metrics |= {k: v for k, v in _passes(name, graded).items() if k not in metrics}
    metrics |= _spelling(name, graded)
    if headline and (estimate := family(name).column(headline).estimate):
        score = estimate(graded)
    empty = {r.level for r in records} - {r.level for r in graded}
    if empty:
        score = Estimate.unknown("only errors at level " + ", ".join(map(str, sorted(empty))))
    return score, metrics


def _passes(name: str, graded: Sequence[Record]) -> dict[str, Estimate]:
    """Return pass@K and pass^K of the best score where instances were asked more than once.

    An episode of many rounds is never all right: such families have none.
    """
    if family(name).has_rounds or not any(record.epoch for record in graded):
        return {}
    return pass_rates(family(name).strata(graded))


def _spelling(name: str, graded: Sequence[Record]) -> dict[str, Estimate]:
    """Return how many episodes had answers mended, and the score without; nothing if none had."""
    count = float(sum(MENDED in r.grade.metrics for r in graded if r.grade))
    if not count:
        return {}
    groups = [by_instance(group, _strict_score) for group in family(name).strata(graded)]
    strict = fmean(fmean(map(fmean, group.values())) for group in groups)
    return {MENDED: Estimate(count, count, count), STRICT: Estimate(strict, None, None)}


def _strict_score(grade: Grade) -> float:
    return grade.metrics.get(STRICT, grade.score)


def _tokens(record: Record) -> int | None:
    if record.input_tokens is None or record.output_tokens is None:
        return None
    return record.input_tokens + record.output_tokens


def kind_of(name: str, model: str) -> str:
    """Return whether a model is a `floor`, a `ceiling` or a `model` in a family."""
    provider, _, policy_name = model.partition("/")
    policy = family(name).policies.get(policy_name) if provider == "policy" else None
    return policy.kind if policy else "model"


def as_csv(board: Board) -> str:
    """Return a line a row; each metric in three columns, its value and the ends of its interval."""
    metrics = list(dict.fromkeys(name for row in board.rows for name in row.metrics))
    rare = [f for f in RARE if any(getattr(row, f) is not UNSET for row in board.rows)]
    fixed = [f for f in Row.__struct_fields__ if f not in (*APART, *RARE)] + rare
    ranks = [f"rank_{f}" for f in Rank.__struct_fields__]
    ends = [f"{name}{end}" for name in ("score", *metrics) for end in ("", "_low", "_high")]
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(fixed + ranks + ends)
    table.writerows(_csv_line(row, fixed, metrics) for row in board.rows)
    return out.getvalue()


def _csv_line(row: Row, fixed: Sequence[str], metrics: Sequence[str]) -> list[Any]:
    values = [getattr(row, f) for f in fixed]
    cells = [text(value) if isinstance(value, dict) else value for value in values]
    cells += msgspec.structs.astuple(row.rank) if row.rank else [None] * len(Rank.__struct_fields__)
    for estimate in (row.score, *map(row.metrics.get, metrics)):
        cells += [estimate.value, estimate.low, estimate.high] if estimate else [None] * 3
    return ["" if cell is None or cell is UNSET else cell for cell in cells]
