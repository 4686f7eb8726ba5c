"""The page of one search for programs: its champion, its course, and every try."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.evolve.database import Candidate
from harness.evolve.replay import SearchReplay, replay
from harness.evolve.report_text import remarks
from harness.evolve.search import Search, drawn
from harness.report.assembly import render
from harness.report.boards import run_facts
from harness.report.pack import Pack, compress, shorten
from harness.report.search_figures import cells, course, looks, tree
from harness.report.search_tables import (
    Numbers,
    compared,
    ends,
    lineage,
    problems,
    progress,
    scores,
    searches,
)
from harness.report.svg import shortened
from harness.secrets import scrub
from harness.store.search_plan import SearchPlan
from tasks.base import Fields

ORDER = ("failed", "unreadable", "lost", "stopped", "duplicate", "valid")
WHY = 140  # characters of a reason in the list of tries
Result = tuple[str, str, Numbers, Numbers]  # split, about it, scores, comparisons


@dataclass(frozen=True)
class Try:
    """A program, or a try at one, and the search that it is of."""

    number: int
    search: Search
    candidate: Candidate

    @property
    def key(self) -> tuple[str, str]:
        """Return what no other try has: the search and the name in it."""
        return self.search.arm, self.candidate.name


def build(path: Path) -> tuple[str, bool]:
    """Return the page of a search, and whether that is finished."""
    searched = replay(path)
    report, study = searched.report, searched.study
    tries = _tries(study.searches)
    main = study.searches[0]
    links = {t.candidate.name: f"#e{t.number}" for t in tries if t.search is main}
    index, chunks = _packed(tries, searched)
    champion = report.champion
    page = render(
        "search.html.j2",
        title=study.domain.name,
        about=study.domain.description,
        head=_head(searched),
        results=_results(searched),
        remarks=remarks(report) if champion else [],
        champion=scrub(shorten(champion.source.strip())) if champion else "",
        looks=looks(study.searches),
        course=course(study.searches),
        progress=progress(report, links),
        tree=tree(report, links) if champion else "",
        lineage=lineage(report, links),
        cells=cells(main, champion, links),
        searches=searches(report),
        ends=ends(study.searches),
        problems=problems(report),
        runs=[run_lines(searched)],
        index=index,
        chunks=chunks,
    )
    return page, champion is not None


def _results(searched: SearchReplay) -> list[Result]:
    """Return the champion's results on the splits of the report; nothing without a champion."""
    report = searched.report
    if not report.champion:
        return []
    return [
        (
            split,
            searched.study.domain.splits[split].about,
            scores(report, split),
            compared(report, split),
        )
        for split in searched.study.domain.reported
    ]


def _tries(study: Sequence[Search]) -> list[Try]:
    """Return failures first, else as they came; of the seed programs those of the first search."""
    everyone = [
        (search, c)
        for k, search in enumerate(study)
        for c in (search.tried if k else search.database.everyone)
    ]
    everyone.sort(key=lambda pair: ORDER.index(pair[1].status))
    return [Try(k, search, c) for k, (search, c) in enumerate(everyone)]


# Every try --------------------------------------------------------------------------------------


def _packed(tries: Sequence[Try], searched: SearchReplay) -> tuple[str, list[str]]:
    """Return the list of tries, and the chunks of what opens of each, both compressed."""
    pack, numbers = Pack(), {t.key: t.number for t in tries}
    for t in tries:
        pack.keep(f"{t.number}", _opened(t, searched, pack, numbers))
    chunks = list(pack.chunks())
    names = _names(tries, searched.study.searches)
    lines = [[*_line(t, names), *pack.places[t.number]] for t in tries]
    return compress({**names, "entries": lines}), chunks


def _names(tries: Sequence[Try], study: Sequence[Search]) -> dict[str, list[str]]:
    """Return the names that lines of the list give by number."""
    return {
        "searches": [search.arm for search in study],
        "models": ["", *(model for search in study for model in search.models)],
        "operators": sorted({t.candidate.operator for t in tries}),
        "statuses": list(ORDER),
    }


def _line(t: Try, names: Mapping[str, list[str]]) -> list[Any]:
    """Return a try as the list holds it."""
    c = t.candidate
    return [
        names["statuses"].index(c.status),
        c.name,
        names["searches"].index(t.search.arm),
        names["models"].index(c.model),
        names["operators"].index(c.operator),
        c.gap,
        c.length,
        shortened(scrub(_why(c)), WHY),
    ]


def _why(c: Candidate) -> str:
    """Return what was wrong, if anything."""
    if c.status == "stopped":
        return "worse on the first few training instances than every seed program"
    if c.problem is None:
        return ""
    reason = c.problem.kind + (f": {c.problem.detail}" if c.problem.detail else "")
    return reason + (f" ({c.problem.instance})" if c.problem.instance else "")


def _opened(
    t: Try, searched: SearchReplay, pack: Pack, numbers: Mapping[tuple[str, str], int]
) -> Fields:
    """Return what opens of a try: its prompt where it was read, its reply, its program."""
    c = t.candidate
    call = searched.calls.get(f"{t.search.arm}/{c.name}/{c.operator}" + drawn(c.draws))
    calls = [pack.call(call)] if call else []
    if c.model.startswith("policy/"):
        for packed in calls:
            packed["messages"] = []
    main = searched.study.searches[0].arm
    parents = [
        [name, numbers.get((t.search.arm, name), numbers.get((main, name)))] for name in c.parents
    ]
    program = pack.texts.add(c.source)
    return {"calls": calls, "program": program, "told": _facts(c, parents)}


def _facts(c: Candidate, parents: list[list[Any]]) -> Fields:
    return {
        "program": bool(c.source),
        "thought": scrub(c.thought),
        "parents": parents,
        "why": scrub(shorten(_why(c))),
        "few": c.status == "stopped",
        "island": c.island,
        "seconds": c.seconds,
        "tokens": c.tokens,
        "cost": c.cost,
    }


# The search -------------------------------------------------------------------------------------


def _head(searched: SearchReplay) -> list[tuple[str, str]]:
    report, main = searched.report, searched.report.arms[0]
    best = [("Champion", report.champion.name)] if report.champion else []
    return [
        ("Tries", f"{main.tries:,}"),
        ("Models", ", ".join(main.models)),
        *best,
        ("Seed", str(report.seed)),
        ("Begun", searched.folder.manifest.environment.created[:10]),
    ]


def run_lines(searched: SearchReplay) -> Fields:
    """Return what a reader must know to repeat the search, by its name on the page."""
    plan = searched.study.plan
    return {
        **run_facts(searched.folder.manifest),
        "at most": _budgets(plan),
        "islands": str(plan.islands),
        "lag": str(plan.lag),
        "second axis": plan.axis,
        "edits": plan.edit,
        "migration and reset": f"every {plan.migrate} and every {plan.reset} results",
        "one run of a program": f"{plan.seconds:g} CPU s, {plan.memory_mb} MB"
        + (", may import numpy" if plan.numpy else ""),
        "instances of each split": "all" if plan.limit is None else f"the first {plan.limit}",
        "searches without a model": ", ".join(plan.nulls) or "none",
        "domain lock": plan.lock,
    }


def _budgets(plan: SearchPlan) -> str:
    budgets = {"calls": plan.calls, "tokens": plan.tokens, "cost": plan.cost, "seconds": plan.wall}
    return ", ".join(f"{name} {most}" for name, most in budgets.items() if most is not None)
