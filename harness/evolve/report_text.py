"""Reports of searches as text for a terminal or a file."""

from collections import Counter
from collections.abc import Sequence

from harness.evolve.compare import ArmRuns, Difference, RunComparison
from harness.evolve.domains import domain
from harness.evolve.report import Arm, SearchReport
from harness.evolve.verdict_text import NAMES, verdict_lines
from harness.evolve.verdicts import LEVEL, SMALLEST
from harness.formatting import cost_text, number, percent, table, tokens_text, with_interval

KINDS = ("duplicate", "stopped", "failed", "unreadable", "lost")
SEARCHES = (
    f"search|models|tries|calls|valid and new|draws|ran|{'|'.join(KINDS)}"
    "|best training gap|champion|validation ratio|tokens|cost"
)
ARMS = "arm|runs|ratio of sums of each run's champion|skill|valid and new|champion is a seed"
PAIRS = "arm|less|ratio of sums (95 % interval)|skill (95 % interval)|p|p (Holm)|so it is"


def print_report(report: SearchReport) -> None:
    """Print the verdict, how the searches went and, once it is over, the champion's scores."""
    for line in verdict_lines(report):
        print(line)
    print(table(f"{report.domain}, seed {report.seed}: searches", _arms(report)))
    print(table("best so far on the training instances", _progress(report)))
    if report.champion is None:
        return
    lineage = [["ancestor", "by", "of", "training gap", "length"]]
    lineage += [
        [c.name, c.operator, c.model or "-", percent(c.gap), str(c.length)] for c in report.lineage
    ]
    print(table("lineage of the champion", lineage))
    for split in dict.fromkeys(score.split for score in report.scores):
        description = domain(report.domain).splits[split].about
        print(table(f"{split} ({description}), seen once", _scores(report, split)))
        print(table(f"the champion less another on {split}", _comparisons(report, split)))
    print("\n".join(remarks(report)))
    print(f"\n{report.champion.source.strip()}\n")


def _arms(report: SearchReport) -> list[list[str]]:
    return [SEARCHES.split("|"), *map(_arm, report.arms)]


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
    rows = [["try", "program", "gap", "by", "of"]]
    for p in report.best_so_far:
        rows.append([str(p.call), p.name, percent(p.gap), p.operator, p.model or "-"])
    return rows


def _scores(report: SearchReport, split: str) -> list[list[str]]:
    rows = [
        [
            "program",
            "n",
            "failed",
            "ratio of sums (95 % interval)",
            "skill (95 % interval)",
            "median gap",
            "optimal",
            "ms an instance",
        ]
    ]
    for s in report.scores:
        if s.split == split:
            rows.append(
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
            )
    return rows


def _comparisons(report: SearchReport, split: str) -> list[list[str]]:
    rows = [
        [
            "against",
            "ratio of sums (95 % interval)",
            "skill (95 % interval)",
            "win",
            "tie",
            "loss",
            "p",
            "p (Holm)",
            "so it is",
        ]
    ]
    for c in report.comparisons:
        if c.split == split:
            counts = [str(c.win), str(c.tie), str(c.loss)]
            rows.append(
                [
                    NAMES.get(c.against, c.against),
                    with_interval(c.ratio, 4),
                    with_interval(c.skill, 4),
                    *counts,
                    p_text(c.p),
                    p_text(c.p_holm),
                    c.verdict,
                ]
            )
    return rows


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


def print_comparison(comparison: RunComparison) -> None:
    """Print the comparison of arms over runs."""
    title = f"{comparison.domain}, {comparison.split}, {comparison.evaluations} tries a run"
    print(table(title, [ARMS.split("|"), *map(_runs, comparison.arms)]))
    print(
        table(
            "differences over runs", [PAIRS.split("|"), *map(_difference, comparison.differences)]
        )
    )
    for note in comparison.notes:
        print(note)


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
