"""Reports of searches as text for a terminal or a file."""

from collections import Counter
from collections.abc import Mapping, Sequence

from harness.evolve.compare import ArmRuns, Difference, RunComparison
from harness.evolve.domains import domain
from harness.evolve.report import Arm, SearchReport
from harness.evolve.verdict_text import NAMES, verdict_lines
from harness.evolve.verdicts import LEVEL, SMALLEST
from harness.formatting import cost_text, number, percent, tokens_text, with_interval
from harness.screen import UNIT, Screen, Table, TableColumn

KINDS = ("duplicate", "stopped", "failed", "unreadable", "lost")
# the columns of tables: heads in order, each with its rank as `TableColumn` has it
SEARCHES = {
    "search": 0,
    "models": 5,
    "tries": 0,
    "calls": 5,
    "valid and new": 2,
    "draws": 7,
    "ran": 8,
    **dict.fromkeys(KINDS, 6),
    "best training gap": 1,
    "champion": 4,
    "validation ratio": 1,
    "tokens": 3,
    "cost": 3,
}
BEST = {"try": 0, "program": 1, "gap": 0, "by": 3, "of": 2}
LINEAGE = {"ancestor": 0, "by": 3, "of": 2, "training gap": 0, "length": 1}
SCORES = {
    "program": 0,
    "n": 0,
    "failed": 9,
    f"ratio of sums {UNIT}": 0,
    f"skill {UNIT}": 1,
    "median gap": 2,
    "optimal": 3,
    "ms an instance": 4,
}
DIFFERENCES = {
    "against": 0,
    f"ratio of sums {UNIT}": 0,
    f"skill {UNIT}": 4,
    "win": 5,
    "tie": 6,
    "loss": 5,
    "p": 3,
    "p (Holm)": 2,
    "so it is": 1,
}
ARMS = {
    "arm": 0,
    "runs": 0,
    "ratio of sums of each run's champion": 0,
    "skill": 1,
    "valid and new": 3,
    "champion is a seed": 2,
}
PAIRS = {
    "arm": 0,
    "less": 0,
    f"ratio of sums {UNIT}": 0,
    f"skill {UNIT}": 4,
    "p": 3,
    "p (Holm)": 2,
    "so it is": 1,
}
FOLDING = (
    "search",
    "models",
    "program",
    "ancestor",
    "against",
    "arm",
    "less",
    "skill",
    "ratio of sums of each run's champion",
)


def print_report(report: SearchReport, screen: Screen | None = None) -> None:
    """Print the verdict, how the searches went and, once it is over, the champion's scores."""
    screen = screen or Screen()
    tables = _tables(report)
    screen.require(tables)
    screen.say(*verdict_lines(report))
    screen.print(*tables)
    if report.champion is not None:
        screen.say(*remarks(report))
    screen.end()
    if report.champion is not None:
        print(f"\n{report.champion.source.strip()}\n")


def _tables(report: SearchReport) -> list[Table]:
    title = f"{report.domain}, seed {report.seed}: searches"
    tables = [
        _table(title, SEARCHES, [*map(_arm, report.arms)]),
        _table("best so far on the training instances", BEST, _progress(report)),
    ]
    if report.champion is None:
        return tables
    lineage = [
        [c.name, c.operator, c.model or "-", percent(c.gap), str(c.length)] for c in report.lineage
    ]
    tables.append(_table("lineage of the champion", LINEAGE, lineage))
    for split in dict.fromkeys(score.split for score in report.scores):
        about = domain(report.domain).splits[split].about
        tables.append(_table(f"{split} ({about}), seen once", SCORES, _scores(report, split)))
        title = f"the champion less another on {split}"
        tables.append(_table(title, DIFFERENCES, _comparisons(report, split)))
    return tables


def _table(title: str, heads: Mapping[str, int], lines: Sequence[Sequence[str]]) -> Table:
    columns = [
        TableColumn(
            head,
            rank,
            folds=head in FOLDING,
            stays_if_any=head == "failed",
            zeros_count=head in ("win", "tie", "loss"),
        )
        for head, rank in heads.items()
    ]
    return Table(title, columns, lines)


def _arm(arm: Arm) -> list[str]:
    return [
        arm.arm,
        ", ".join(arm.models),
        str(arm.tries),
        str(arm.calls),
        str(arm.statuses.get("valid", 0)),
        str(arm.draws),
        str(arm.ran),
        *(str(arm.statuses.get(kind, 0)) for kind in KINDS),
        percent(arm.training_gap),
        arm.champion or "-",
        number(arm.validation_ratio, 4),
        tokens_text(arm.tokens),
        cost_text(arm.cost),
    ]


def _progress(report: SearchReport) -> list[list[str]]:
    return [
        [str(p.call), p.name, percent(p.gap), p.operator, p.model or "-"]
        for p in report.best_so_far
    ]


def _scores(report: SearchReport, split: str) -> list[list[str]]:
    return [
        [
            NAMES.get(s.who, s.who),
            str(s.n),
            str(s.failures),
            with_interval(s.ratio, 4),
            with_interval(s.skill, 4),
            percent(s.median_gap),
            f"{100 * s.optimal:.0f} %",
            "-" if s.seconds is None else f"{1000 * s.seconds:.1f}",
        ]
        for s in report.scores
        if s.split == split
    ]


def _comparisons(report: SearchReport, split: str) -> list[list[str]]:
    return [
        [
            NAMES.get(c.against, c.against),
            with_interval(c.ratio, 4),
            with_interval(c.skill, 4),
            *map(str, (c.win, c.tie, c.loss)),
            p_text(c.p),
            p_text(c.p_holm),
            c.verdict,
        ]
        for c in report.comparisons
        if c.split == split
    ]


def p_text(p: float | None) -> str:
    """Return a p-value as text; `-` of a comparison that is no test."""
    return "below 0.001" if p is not None and p < 0.001 else number(p, 3)


def remarks(report: SearchReport) -> list[str]:
    """Return the sentences that belong to the numbers of a finished search."""
    assert report.champion is not None
    lines = [
        f"champion: {report.champion.name}, chosen on validation; strongest published rule"
        f" there: {report.strongest_rule}"
    ]
    lines += [f"rediscovery: it behaves like the published rule {r}" for r in report.rediscovery]
    if report.champion.operator == "seed":
        lines.append("nothing found was better on validation than this seed program")
    problems = Counter(report.arms[0].problems)
    if problems:
        kinds = ", ".join(f"{count} x {kind}" for kind, count in problems.most_common())
        lines.append(f"failures: {kinds}")
    tests = sum(c.p is not None for c in report.comparisons)
    lines.append(
        f"better or worse stand where p (sign test, by Holm over {tests} comparisons) is below"
        f" {LEVEL}, both intervals exclude 0, wins and losses lie the same way, and the"
        f" ratio of sums differs by {SMALLEST} or more"
    )
    lines.append(
        "all this is of this program: of the model one run says nothing (makespan evolve compare)"
    )
    return lines


def print_comparison(comparison: RunComparison, screen: Screen | None = None) -> None:
    """Print the comparison of arms over runs."""
    screen = screen or Screen()
    title = f"{comparison.domain}, {comparison.split}, {comparison.evaluations} tries a run"
    tables = [
        _table(title, ARMS, [*map(_runs, comparison.arms)]),
        _table("differences over runs", PAIRS, [*map(_difference, comparison.differences)]),
    ]
    screen.require(tables)
    screen.print(*tables)
    screen.say(*comparison.notes)
    screen.end()


def _runs(arm: ArmRuns) -> list[str]:
    return [
        arm.name,
        str(len(arm.ratios)),
        _join(arm.ratios),
        _join(arm.skills),
        " ".join(map(str, arm.valid_and_new)),
        str(arm.seeds),
    ]


def _difference(d: Difference) -> list[str]:
    return [
        d.arm,
        d.against,
        with_interval(d.ratio, 4),
        with_interval(d.skill, 4),
        p_text(d.p),
        p_text(d.p_holm),
        d.verdict,
    ]


def _join(values: Sequence[float]) -> str:
    return " ".join(number(v, 4) for v in values)
