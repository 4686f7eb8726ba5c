"""The tables of a search's page: every number as text, and as the value it is in its report."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import get_args

from markupsafe import Markup

from graders.statistics import Estimate
from harness.evolve.database import Candidate, Status
from harness.evolve.report import Arm, ChampionComparison, NewBest, Score, SearchReport
from harness.evolve.report_text import p_text
from harness.evolve.search import Search
from harness.evolve.verdict_text import NAMES
from harness.formatting import cost_text, tokens_text
from harness.report.svg import tag
from harness.report.tables import TableCell, Value, interval

NEW = "valid and new"
BAR = 160.0  # width of the bar of all tries
OTHERS: tuple[Status, ...] = tuple(s for s in get_args(Status) if s != "valid")
Links = Mapping[str, str]  # from the name of a try of the search to its place on the page


@dataclass(frozen=True)
class SearchLine:
    """A row; the chosen one stands out."""

    cells: tuple[TableCell, ...]
    chosen: bool = False


@dataclass(frozen=True)
class Numbers:
    """A table: its heads, each with whether its column is of numbers."""

    title: str
    heads: tuple[tuple[str, bool], ...]
    lines: tuple[SearchLine, ...]


def per_cent(gap: float | None) -> str:
    """Return a gap; a dash for an unknown one."""
    return "-" if gap is None or isnan(gap) else f"{100 * gap:.2f} %"


def heads_of(words: str, numbers: str) -> tuple[tuple[str, bool], ...]:
    """Return the heads of columns of words and of numbers, each given as `a|b|c`."""
    return (*((w, False) for w in words.split("|")), *((n, True) for n in numbers.split("|")))


def _gap(key: str, gap: float | None) -> TableCell:
    return TableCell(key, per_cent(gap), None if gap is None or isnan(gap) else gap)


def _count(key: str, count: int, tone: str = "") -> TableCell:
    return TableCell(key, f"{count:,}", count, tone=tone if count else "zero")


def _text(key: str, value: Value, link: str = "") -> TableCell:
    return TableCell(key, str(value or "-"), value, link=link)


def estimate_cell(key: str, estimate: Estimate) -> TableCell:
    if estimate.value is None:
        return TableCell(key, "-", small=estimate.note, tone="zero")
    return TableCell(
        key,
        f"{estimate.value:.4f}",
        estimate.value,
        small=interval(estimate, 4),
        low=estimate.low,
        high=estimate.high,
    )


def searches(report: SearchReport) -> Numbers:
    """Return what each search spent, how its tries ended, and what it chose."""
    heads = heads_of(
        "search",
        f"tries|calls|{NEW}|draws|ran|{'|'.join(OTHERS)}|best training gap|validation ratio"
        "|tokens|cost",
    )
    lines = tuple(_arm(f"arms.{k}", a) for k, a in enumerate(report.arms))
    return Numbers("Searches", heads, lines)


def _arm(key: str, arm: Arm) -> SearchLine:
    return SearchLine(
        (
            TableCell(f"{key}.arm", arm.arm, arm.arm, small=", ".join(arm.models)),
            _count(f"{key}.tries", arm.tries),
            _count(f"{key}.calls", arm.calls),
            _status(key, arm, "valid"),
            _count(f"{key}.draws", arm.draws),
            _count(f"{key}.ran", arm.ran),
            *(_status(key, arm, s) for s in OTHERS),
            _gap(f"{key}.training_gap", arm.training_gap),
            _validation(key, arm),
            TableCell(f"{key}.tokens", tokens_text(arm.tokens), arm.tokens),
            TableCell(f"{key}.cost", cost_text(arm.cost), arm.cost),
        )
    )


def _validation(key: str, arm: Arm) -> TableCell:
    """Return the ratio of the program that the search chose, and that program's name."""
    ratio = arm.validation_ratio
    text = "-" if ratio is None else f"{ratio:.4f}"
    return TableCell(f"{key}.validation_ratio", text, ratio, small=arm.champion or "")


def _status(key: str, arm: Arm, status: str) -> TableCell:
    path = f"{key}.statuses.{status}" if status in arm.statuses else ""
    return _count(path, arm.statuses.get(status, 0))


def progress(report: SearchReport, links: Links) -> Numbers:
    """Return each new best on the training instances."""
    heads = heads_of("program|by|of", "try|training gap")
    lines = tuple(_best(f"best_so_far.{k}", p, links) for k, p in enumerate(report.best_so_far))
    return Numbers("Best so far on the training instances", heads, lines)


def _best(key: str, best: NewBest, links: Links) -> SearchLine:
    return SearchLine(
        (
            _text(f"{key}.name", best.name, links[best.name]),
            _text(f"{key}.operator", best.operator),
            _text(f"{key}.model", best.model),
            _count(f"{key}.call", best.call),
            _gap(f"{key}.gap", best.gap),
        )
    )


def lineage(report: SearchReport, links: Links) -> Numbers:
    """Return the champion and its ancestors, the latest first."""
    heads = heads_of("ancestor|by|of|from", "training gap|length")
    lines = tuple(
        SearchLine(_ancestor(f"lineage.{k}", c, links), chosen=k == 0)
        for k, c in enumerate(report.lineage)
    )
    return Numbers("The champion's ancestors", heads, lines)


def _ancestor(key: str, c: Candidate, links: Links) -> tuple[TableCell, ...]:
    return (
        _text(f"{key}.name", c.name, links[c.name]),
        _text(f"{key}.operator", c.operator),
        _text(f"{key}.model", c.model),
        TableCell("", ", ".join(c.parents) or "-"),
        _gap(f"{key}.gap", c.gap),
        _count(f"{key}.length", c.length),
    )


def scores(report: SearchReport, split: str) -> Numbers:
    """Return the scores of champions and rules on a split."""
    lines = tuple(_score(f"scores.{k}", s) for k, s in enumerate(report.scores) if s.split == split)
    heads = heads_of("program", "n|failed|ratio of sums|skill|median gap|optimal|ms an instance")
    return Numbers(f"Scores on {split}", heads, lines)


def _score(key: str, s: Score) -> SearchLine:
    seconds = "-" if s.seconds is None else f"{1000 * s.seconds:.1f}"
    return SearchLine(
        (
            TableCell(f"{key}.who", NAMES.get(s.who, s.who), s.who),
            _count(f"{key}.n", s.n),
            _count(f"{key}.failures", s.failures, "errors"),
            estimate_cell(f"{key}.ratio", s.ratio),
            estimate_cell(f"{key}.skill", s.skill),
            _gap(f"{key}.median_gap", s.median_gap),
            TableCell(f"{key}.optimal", f"{100 * s.optimal:.0f} %", s.optimal),
            TableCell(f"{key}.seconds", seconds, s.seconds),
        ),
        s.who == "search",
    )


def compared(report: SearchReport, split: str) -> Numbers:
    """Return the champion less each opponent on a split."""
    lines = tuple(
        _comparison(f"comparisons.{k}", c)
        for k, c in enumerate(report.comparisons)
        if c.split == split
    )
    heads = heads_of("against|so it is", "ratio of sums|skill|win|tie|loss|p|p (Holm)")
    return Numbers(f"The champion less another on {split}", heads, lines)


def _comparison(key: str, c: ChampionComparison) -> SearchLine:
    tone = {"better": "is-better", "worse": "is-worse"}.get(c.verdict, "")
    return SearchLine(
        (
            TableCell(f"{key}.against", NAMES.get(c.against, c.against), c.against),
            TableCell(f"{key}.verdict", c.verdict, c.verdict, tone=tone),
            estimate_cell(f"{key}.ratio", c.ratio),
            estimate_cell(f"{key}.skill", c.skill),
            *(_count(f"{key}.{name}", getattr(c, name)) for name in ("win", "tie", "loss")),
            TableCell(f"{key}.p", p_text(c.p), c.p),
            TableCell(f"{key}.p_holm", p_text(c.p_holm), c.p_holm),
        )
    )


def problems(report: SearchReport) -> Numbers | None:
    """Return kinds of failures by search; None without any."""
    kinds = dict.fromkeys(kind for arm in report.arms for kind in arm.problems)
    lines = tuple(
        SearchLine((TableCell("", kind), *_problem_counts(kind, report))) for kind in kinds
    )
    heads = heads_of("what was wrong", "|".join(arm.arm for arm in report.arms))
    return Numbers("What was wrong", heads, lines) if lines else None


def _problem_counts(kind: str, report: SearchReport) -> Iterator[TableCell]:
    for k, arm in enumerate(report.arms):
        path = f"arms.{k}.problems.{kind}" if kind in arm.problems else ""
        yield _count(path, arm.problems.get(kind, 0))


def ends(study: Sequence[Search]) -> Numbers:
    """Return how tries ended, by model and operator; a search without a model has no operators."""
    groups: dict[tuple[str, str], list[Candidate]] = {}
    for search in study:
        for c in search.tried:
            operator = "" if c.model.startswith("policy/") else c.operator
            groups.setdefault((c.model, operator), []).append(c)
    order = {model: k for k, model in enumerate(dict.fromkeys(model for model, _ in groups))}
    keys = sorted(groups, key=lambda key: (order[key[0]], key[1]))
    heads = heads_of("model|operator|", f"tries|{NEW}|{'|'.join(OTHERS)}|best training gap")
    lines = tuple(_end(model, operator, groups[model, operator]) for model, operator in keys)
    return Numbers("How tries ended, by model and operator", heads, lines)


def _end(model: str, operator: str, tried: Sequence[Candidate]) -> SearchLine:
    counts = Counter(c.status for c in tried)
    gaps = [c.gap for c in tried if c.status in ("valid", "duplicate") and c.gap is not None]
    return SearchLine(
        (
            TableCell("", model),
            _text("", operator),
            TableCell("", "", picture=_bar(counts)),
            _count("", len(tried)),
            _count("", counts["valid"]),
            *(_count("", counts.get(s, 0)) for s in OTHERS),
            _gap("", min(gaps, default=None)),
        )
    )


def _bar(counts: Counter[Status]) -> Markup:
    """Return the shares of the ends side by side."""
    x, parts = 0.0, list[Markup]()
    for status in (s for s in get_args(Status) if s in counts):
        width = BAR * counts[status] / counts.total()
        title = tag("title", f"{counts[status]} {status}")
        parts.append(tag("rect", title, x=x, y=3, width=width, height=12, class_=f"end {status}"))
        x += width
    return tag(
        "svg",
        *parts,
        viewBox=f"0 0 {BAR:g} 18",
        width=BAR,
        height=18,
        class_="ends",
        aria_hidden="true",
    )
