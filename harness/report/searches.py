"""The page of several searches for programs: what each came to, and what runs say together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.evolve.compare import ArmRuns, Difference, compare_runs
from harness.evolve.domain import TEST
from harness.evolve.replay import SearchReplay, replay
from harness.evolve.report import Arm, Score, progress
from harness.evolve.report_text import p_text
from harness.evolve.verdict_text import ORDER, WORDS, opponents, verdict_lines
from harness.formatting import cost_text, tokens_text
from harness.report.assembly import render
from harness.report.base import COLOURS, DASHES, Figure, SeriesStyle
from harness.report.pack import compress
from harness.report.search import run_lines
from harness.report.search_tables import Numbers, SearchLine, estimate_cell, heads_of, per_cent
from harness.report.svg import Plot, PlotLine, plain_axis
from harness.report.tables import TableCell
from harness.secrets import scrub
from tasks.base import InputError


@dataclass(frozen=True)
class DomainSection:
    """The searches of one domain, as a section of the page.

    Attributes:
        verdicts: what each search came to, in a line.
        results: a table for each reported split.
        notes: what must be read with the comparison over runs, or why there is none.
        over_runs: its tables.
    """

    name: str
    about: str
    verdicts: Sequence[str]
    results: Sequence[Numbers]
    notes: Sequence[str]
    over_runs: Sequence[Numbers]
    looks: Sequence[SeriesStyle]
    course: Figure
    spent: Numbers


@dataclass(frozen=True)
class NamedSearch:
    """A search and what it is called on the page: its folder's name."""

    name: str
    search: SearchReplay

    @property
    def main(self) -> Arm:
        """Return the work of the search itself, not of those without a model beside it."""
        return self.search.report.arms[0]


def build(paths: Sequence[Path]) -> tuple[str, bool]:
    """Return the page of several searches, and whether all of them are finished.

    Raises:
        InputError: one is there twice, or two have one name.
    """
    searches = [NamedSearch(path.resolve().name, replay(path)) for path in paths]
    _require_different(paths, searches)
    by_domain: dict[str, list[NamedSearch]] = {}
    for each in searches:
        by_domain.setdefault(each.search.report.domain, []).append(each)
    unfinished = [each.name for each in searches if each.search.report.champion is None]
    page = render(
        "searches.html.j2",
        title="Searches for programs",
        head=_head(searches, by_domain),
        unfinished=unfinished,
        domains=[_section(group) for group in by_domain.values()],
        runs=[{"folder": each.name, **run_lines(each.search)} for each in searches],
        index=compress({}),
        chunks=[],
    )
    return page, not unfinished


def _require_different(paths: Sequence[Path], searches: Sequence[NamedSearch]) -> None:
    """Raise InputError where a search is there twice, or two cannot be told apart by name."""
    for k, (path, each) in enumerate(zip(paths, searches, strict=True)):
        manifest = each.search.folder.manifest
        for other, earlier in zip(paths[:k], searches, strict=False):
            if earlier.search.folder.manifest == manifest:
                raise InputError(f"{path} is the same search as {other}: leave one out")
            if earlier.name == each.name:
                raise InputError(f"{path} and {other} have the same name: rename one")


def _head(
    searches: Sequence[NamedSearch], by_domain: dict[str, list[NamedSearch]]
) -> list[tuple[str, str]]:
    calls = sum(arm.calls for each in searches for arm in each.search.report.arms)
    return [
        ("Searches", f"{len(searches)}"),
        ("Domains", ", ".join(by_domain)),
        ("Calls of models", f"{calls:,}"),
    ]


def _section(searches: Sequence[NamedSearch]) -> DomainSection:
    first = searches[0].search.study.domain
    notes, over_runs = _over_runs(searches)
    return DomainSection(
        first.name,
        first.description,
        verdicts=[f"{each.name}: {_verdict(each)}" for each in searches],
        results=[_results(searches, split, first.splits[split].about) for split in first.reported],
        notes=notes,
        over_runs=over_runs,
        looks=_looks(searches),
        course=_course(searches),
        spent=_spent(searches),
    )


def _verdict(each: NamedSearch) -> str:
    lines = [line for line in verdict_lines(each.search.report) if line]
    return scrub(". ".join(lines))


# Results ------------------------------------------------------------------------------------


def _results(searches: Sequence[NamedSearch], split: str, about: str) -> Numbers:
    """Return the champion of each search on a split, and how it stands to the others."""
    heads = (
        *heads_of("search", "ratio of sums|skill"),
        *((WORDS[verdict], False) for verdict in ORDER),
    )
    lines = tuple(
        _result(each, score)
        for each in searches
        for score in each.search.report.scores
        if (score.who, score.split) == ("search", split)
    )
    return Numbers(f"{split}: {about}, seen once by each search", heads, lines)


def _result(each: NamedSearch, score: Score) -> SearchLine:
    report = each.search.report
    verdicts = (", ".join(opponents(report, score.split, verdict)) or "-" for verdict in ORDER)
    return SearchLine(
        (
            _name(each),
            estimate_cell("", score.ratio),
            estimate_cell("", score.skill),
            *(TableCell("", text) for text in verdicts),
        )
    )


def _name(each: NamedSearch) -> TableCell:
    return TableCell("", each.name, each.name, small=", ".join(each.main.models))


def _over_runs(searches: Sequence[NamedSearch]) -> tuple[list[str], list[Numbers]]:
    """Return the notes and tables of a comparison over runs, or why these cannot be compared."""
    runs = [(each.search.folder, each.search.report) for each in searches]
    try:
        comparison = compare_runs(runs, TEST)
    except InputError as error:
        return [f"Not compared over runs: {scrub(str(error))}."], []
    arms = Numbers(
        f"Arms on {TEST}, {comparison.evaluations} tries a run",
        heads_of("arm", "runs|ratio of sums of each run's champion|skill|champion is a seed"),
        tuple(map(_arm, comparison.arms)),
    )
    differences = Numbers(
        "Differences over runs",
        (*heads_of("arm|less", "ratio of sums|skill|p|p (Holm)"), ("so it is", False)),
        tuple(map(_difference, comparison.differences)),
    )
    return list(comparison.notes), [arms, differences]


def _arm(arm: ArmRuns) -> SearchLine:
    ratios, skills = (" ".join(f"{v:.4f}" for v in vs) for vs in (arm.ratios, arm.skills))
    cells = (arm.name, str(len(arm.ratios)), ratios, skills, str(arm.seeds))
    return SearchLine(tuple(TableCell("", text) for text in cells))


def _difference(d: Difference) -> SearchLine:
    return SearchLine(
        (
            TableCell("", d.arm),
            TableCell("", d.against),
            estimate_cell("", d.ratio),
            estimate_cell("", d.skill),
            *(TableCell("", p_text(p)) for p in (d.p, d.p_holm)),
            TableCell("", d.verdict),
        )
    )


# Work ---------------------------------------------------------------------------------------


def _spent(searches: Sequence[NamedSearch]) -> Numbers:
    heads = heads_of(
        "search", "seed|tries|calls|valid and new|best training gap|validation ratio|tokens|cost"
    )
    return Numbers("What each search spent", heads, tuple(map(_work, searches)))


def _work(each: NamedSearch) -> SearchLine:
    arm = each.main
    ratio = "-" if arm.validation_ratio is None else f"{arm.validation_ratio:.4f}"
    counts = (arm.tries, arm.calls, arm.statuses.get("valid", 0))
    return SearchLine(
        (
            _name(each),
            TableCell("", str(each.search.report.seed)),
            *(TableCell("", f"{count:,}") for count in counts),
            TableCell("", per_cent(arm.training_gap)),
            TableCell("", ratio, small=arm.champion or ""),
            TableCell("", tokens_text(arm.tokens)),
            TableCell("", cost_text(arm.cost)),
        )
    )


def _looks(searches: Sequence[NamedSearch]) -> list[SeriesStyle]:
    return [
        SeriesStyle(
            k,
            each.name,
            "model",
            colour=f"c{k % COLOURS}",
            dash=DASHES[k // COLOURS % len(DASHES)],
        )
        for k, each in enumerate(searches)
    ]


def _course(searches: Sequence[NamedSearch]) -> Figure:
    """Return the best training gap after each try, a line a search."""
    lines = [
        PlotLine(look, list(_points(each)), steps=True)
        for look, each in zip(_looks(searches), searches, strict=True)
    ]
    gaps = [y for line in lines for _, y in line.points] or [0.0]
    most = max(1, *(each.main.tries for each in searches))
    x, y = plain_axis("tries", 0, most), plain_axis("training gap, %", min(gaps), max(gaps))
    plot = Plot("Best training gap so far", x, y, lines=lines)
    caption = (
        "Ratio of sums on the training instances less 1, of the best valid program after so many"
        " tries. It is what the searches strove for, not what their programs are worth."
    )
    table = plot.table(x.ticks, lambda v: f"{v:.2f} %")
    return Figure("Best training gap so far, %", caption, plot.draw(), table=table)


def _points(each: NamedSearch) -> Iterator[tuple[float, float]]:
    """Yield the best gap at each try that bettered it, and at the end; of the seeds the last."""
    best = {float(p.call): 100 * p.gap for p in progress(each.search.study.searches[0])}
    yield from best.items()
    if best:
        yield float(each.main.tries), list(best.values())[-1]
