"""The champion as a module of its own, with where it came from."""

from harness.evolve.report import Score, SearchReport
from harness.evolve.report_text import p_text
from harness.formatting import number, percent
from harness.store.folder import Folder


def champion_text(folder: Folder, report: SearchReport) -> str:
    """Return a champion's module: comments with the provenance, then the program's source.

    Args:
        folder: of the search.
        report: of the search, which is finished.
    """
    champion, configuration = report.champion, folder.manifest.configuration
    assert champion is not None
    environment = folder.manifest.environment
    packages = ", ".join(f"{name} {version}" for name, version in environment.packages.items())
    lines = [
        f"A program for the domain {report.domain}, found by makespan evolve.",
        f"Run: {', '.join(spec.name for spec in configuration.models)}, seed {report.seed},"
        f" {report.arms[0].tries} tries, begun {environment.created}",
        f"Versions: {packages}; commit {environment.commit or 'unknown'}; domain {_lock(folder)}",
        f"Program: {champion.name}, by {champion.operator} of {champion.model or 'nobody'}",
        *(
            f"Ancestor: {c.name}, by {c.operator} of {c.model or 'nobody'}, training gap"
            f" {percent(c.gap)}"
            for c in report.lineage[1:]
        ),
        *(_score_line(s) for s in report.scores if s.who == "search"),
        *(
            f"Against {c.against} on {c.split}: {c.verdict}, p (Holm) {p_text(c.p_holm)}"
            for c in report.comparisons
        ),
        *(f"It behaves like the published rule {rule}." for rule in report.rediscovery),
        *([f"Thought: {champion.thought}"] if champion.thought else []),
    ]
    head = "\n".join(f"# {' '.join(line.split())}" for line in lines)
    return f"{head}\n\n{champion.source.strip()}\n"


def _lock(folder: Folder) -> str:
    plan = folder.manifest.configuration.evolve
    assert plan is not None
    return plan.lock


def _score_line(score: Score) -> str:
    ratio = number(score.ratio.value, 4)
    return f"On {score.split} ({score.n} instances): ratio of sums {ratio}, {score.failures} failed"
