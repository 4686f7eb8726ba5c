"""The page of one search for programs: what it found, how it went, and every try."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.evolve.database import Candidate
from harness.evolve.domain import REPORTED
from harness.evolve.replay import SearchReplay, replay
from harness.evolve.report_text import remarks
from harness.evolve.search import Search, drawn
from harness.report.assembly import render
from harness.report.boards import told
from harness.report.pack import Pack, compress, shorten
from harness.report.search_figures import cells, course, looks, tree
from harness.report.search_tables import (
    compared,
    ends,
    lineage,
    problems,
    progress,
    scores,
    searches,
)
from harness.secrets import scrub
from harness.store.folder import Folder
from tasks.base import Fields

ORDER = ("failed", "unreadable", "lost", "stopped", "duplicate", "valid")
WHY = 140  # characters of a reason in the list of tries


@dataclass(frozen=True)
class Try:
    """A program, or a try at one, and the search that it is of."""

    number: int
    search: Search
    found: Candidate

    @property
    def key(self) -> tuple[str, str]:
        """No other has it."""
        return self.search.arm, self.found.name


def build(path: Path) -> tuple[str, bool]:
    """The page of a search, and whether that is finished."""
    seen = replay(path)
    report, study = seen.report, seen.study
    [main, *_] = study.searches
    tries = _tries(study.searches)
    links = {t.found.name: f"#e{t.number}" for t in tries if t.search is main}
    index, chunks = _packed(tries, seen)
    domain, champion = study.domain, report.champion
    results = (
        [
            (split, domain.splits[split].about, scores(report, split), compared(report, split))
            for split in REPORTED
        ]
        if champion
        else []
    )
    page = render(
        "search.html.j2",
        title=domain.name,
        about=domain.description,
        head=_head(seen),
        results=results,
        said=remarks(report) if champion else [],
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
        runs=[_run(seen.folder, study.searches)],
        index=index,
        chunks=chunks,
    )
    return page, champion is not None


def _tries(found: Sequence[Search]) -> list[Try]:
    """Failures first, else as they came; of the seed programs those of the first search."""
    everyone = [
        (search, c)
        for k, search in enumerate(found)
        for c in (search.tried if k else search.database.everyone)
    ]
    everyone.sort(key=lambda pair: ORDER.index(pair[1].status))
    return [Try(k, search, c) for k, (search, c) in enumerate(everyone)]


# Every try --------------------------------------------------------------------------------------


def _packed(tries: Sequence[Try], seen: SearchReplay) -> tuple[str, list[str]]:
    """The list of tries and what opens of each, compressed."""
    pack, numbers = Pack(), {t.key: t.number for t in tries}
    for t in tries:
        pack.keep(f"{t.number}", _opened(t, seen, pack, numbers))
    chunks = list(pack.chunks())
    searched = seen.study.searches
    names = {
        "searches": [one.arm for one in searched],
        "models": ["", *(model for one in searched for model in one.models)],
        "operators": sorted({t.found.operator for t in tries}),
        "statuses": list(ORDER),
    }
    lines = [[*_line(t, names), *pack.where[t.number]] for t in tries]
    return compress({**names, "entries": lines}), chunks


def _line(t: Try, names: Mapping[str, list[str]]) -> list[Any]:
    """What the list holds of a try."""
    c = t.found
    why = scrub(_why(c))
    return [
        names["statuses"].index(c.status),
        c.name,
        names["searches"].index(t.search.arm),
        names["models"].index(c.model),
        names["operators"].index(c.operator),
        c.gap,
        c.length,
        why if len(why) <= WHY else why[: WHY - 1] + "…",
    ]


def _why(c: Candidate) -> str:
    """What was wrong, if anything."""
    if c.status == "stopped":
        return "worse on the first few training instances than every seed program"
    if c.problem is None:
        return ""
    told = c.problem.kind + (f": {c.problem.detail}" if c.problem.detail else "")
    return told + (f" ({c.problem.instance})" if c.problem.instance else "")


def _opened(
    t: Try, seen: SearchReplay, pack: Pack, numbers: Mapping[tuple[str, str], int]
) -> Fields:
    """What opens of a try: its prompt where it was read, its reply, its program, its parents."""
    c = t.found
    call = seen.calls.get(f"{t.search.arm}/{c.name}/{c.operator}" + drawn(c.draws))
    calls = [pack.call(call)] if call else []
    if c.model.startswith("policy/"):
        for one in calls:
            one["messages"] = []
    main = seen.study.searches[0].arm
    parents = [
        [name, numbers.get((t.search.arm, name), numbers.get((main, name)))] for name in c.parents
    ]
    return {
        "calls": calls,
        "program": pack.texts.add(c.source),
        "told": {
            "program": bool(c.source),
            "thought": scrub(c.thought),
            "parents": parents,
            "why": scrub(shorten(_why(c))),
            "few": c.status == "stopped",
            "island": c.island,
            "seconds": c.seconds,
            "tokens": c.tokens,
            "cost": c.cost,
        },
    }


# What it was ------------------------------------------------------------------------------------


def _head(seen: SearchReplay) -> list[tuple[str, str]]:
    report, main = seen.report, seen.report.arms[0]
    best = [("Champion", report.champion.name)] if report.champion else []
    return [
        ("Tries", f"{main.tries:,}"),
        ("Models", ", ".join(main.models)),
        *best,
        ("Seed", str(report.seed)),
        ("Begun", seen.folder.manifest.environment.created[:10]),
    ]


def _run(folder: Folder, found: Sequence[Search]) -> Fields:
    """What a reader must know to repeat the search."""
    plan = found[0].plan
    budgets = {"tokens": plan.tokens, "cost": plan.cost, "seconds": plan.wall}
    known = [f"{name} {most}" for name, most in budgets.items() if most is not None]
    return {
        **told(folder.manifest),
        "at most": ", ".join([f"calls {plan.calls}", *known]),
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
