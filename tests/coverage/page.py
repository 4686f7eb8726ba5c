"""The files of the coverage page: a line each simulation, and tables between marks."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from tests.coverage.rows import Row

TABLE, PAGE = Path("docs/coverage.csv"), Path("docs/coverage.md")
HEAD = (
    "part",
    "what",
    "scenario",
    "n",
    "goal",
    "nominal",
    "real",
    "boards",
    "half_width",
    "verdict",
)


class Reason(NamedTuple):
    """Why lines that match hold too seldom, or too often; None matches any."""

    part: str
    what: str
    scenario: str
    text: str
    often: bool | None = None
    most: int = 10**9


REASONS = (
    Reason("means", "mean of scores", "15 % invalid*", "two heaps of values: wider than need be"),
    Reason("means", "*", "skill*", "rare large losses: a sample without one knows nothing of them"),
    Reason("means", "*", "exponential, 4 in 5*", "most values are 0: a sample may have none else"),
    Reason("means", "mean*", "exponential", "skewness of 2 at few values", most=20),
    Reason("means", "mean of scores", "beta(20*", "skewed scores near 1, few values", most=10),
    Reason(
        "means", "mean of scores", "90 % complete*", "few values: often none is incomplete", most=20
    ),
    Reason(
        "means", "mean of scores", "30 % complete*", "few values: often none is complete", most=20
    ),
    Reason(
        "means",
        "mean of scores",
        "60 rounds*",
        "perfect rows are given the width of trials in clusters, whose spread they do not show",
    ),
    Reason("means", "median", "*", "between order statistics of few values", most=10),
    Reason(
        "shares",
        "share",
        "*",
        "a count is whole: coverage moves in steps (Brown, Cai & DasGupta 2001)",
    ),
    Reason(
        "shares",
        "*",
        "*",
        "near 0 or 1, or few clusters: held too often, not too seldom",
        often=True,
    ),
    Reason("shares", "*", "*alike by 0.5", "few clusters, or all that went wrong is in a few"),
    Reason(
        "forecasts",
        "*",
        "*",
        "a part near 0, which is an end of what it can be: the other side alone can miss",
        often=True,
    ),
    Reason("epochs", "*", "*", "few instances, or shares near 0 or 1: coverage moves in steps"),
    Reason("halves", "*", "*", "the curve is not the fit's: flat ends or a step are fitted badly"),
    Reason("compare", "p < .05, equal means", "*", "p tests equal distributions, and these differ"),
    Reason(
        "compare", "interval", "skill, *", "rare large losses: few samples have them", often=False
    ),
    Reason("compare", "interval", "binary*", "near 0 or 1, or few trials: added pairs widen it"),
    Reason("compare", "interval", "*", "few trials: the wider of two intervals", often=True),
    Reason("rules", "interval", "*", "good rules differ on few instances, and there much"),
    Reason("*", "skill_over_mddc", "*", "good rules differ on few instances, and there much"),
    Reason("tools", "ratio_*", "*", "over the complete answers alone, of which there are few"),
    Reason("rcpsp-makespan", "quality@*", "*", "two heaps: infeasible, or near the bound"),
    Reason(
        "flow", "over_fifo", "*", "a share of what FIFO leaves, which may be little: heavy tails"
    ),
    Reason("allocation", "fits", "*", "few fit, and those at the lowest levels: whole counts"),
    Reason(
        "pods", "score@*", "policy/random-200", "one level alone: nearly all of its values are 1"
    ),
    Reason("hoist", "score@12", "*", "one level alone: 20 values, of which few are far off"),
    Reason("ladders", "*", "*", "few contexts: draws of them are in steps", most=10),
    Reason("temporal", "score@*", "policy/naive", "one answer in a hundred is right: whole counts"),
    Reason("*", "half_level", "*", "near an end of the ramp, or few instances a level"),
    Reason("*", "gap_*", "*", "nearly all gaps are 0: the horizon is the optimum, or nearly"),
    Reason("*", "mean_of_ratios", "*", "a small reference makes a ratio of any size"),
    Reason(
        "tardiness",
        "ratio_of_sums",
        "*",
        "the largest jobs decide it, and cells differ in them: counted as chance, which it is not",
        often=True,
    ),
    Reason(
        "*",
        "*",
        "*",
        "held too often: what an index fixes beforehand (its cell, its role) is"
        " counted as chance, or there are few values",
        often=True,
    ),
    Reason("*", "*", "*", "fewer than 20 values a level", most=10),
    Reason("*", "skill@*", "*", "40 values of which few lose, but much"),
)


def reason(row: Row) -> str:
    """Why a line does not hold what it should; empty if nobody knows."""
    for one in REASONS:
        if (
            all(
                fnmatchcase(*pair)
                for pair in (
                    (row.part, one.part),
                    (row.what, one.what),
                    (row.scenario, one.scenario),
                )
            )
            and row.n <= one.most
            and one.often in (None, row.real > (row.nominal or 0))
        ):
            return one.text
    return ""


def as_csv(rows: Iterable[Row]) -> str:
    """The lines as CSV."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(HEAD)
    for row in rows:
        cells = [getattr(row, name) for name in HEAD]
        table.writerow(["" if cell is None else cell for cell in cells])
    return out.getvalue()


def read_csv(path: Path = TABLE) -> list[Row]:
    """The lines of the page; none where it has not been made."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        lines: list[dict[str, Any]] = list(csv.DictReader(file))
    for line in lines:
        line |= {name: line[name] or None for name in ("half_width", "nominal")}
        del line["verdict"]
    return [msgspec.convert(line, Row, strict=False) for line in lines]


def write(rows: Sequence[Row]) -> None:
    """Write the CSV, and the tables between the marks of the page."""
    TABLE.write_text(as_csv(rows), encoding="utf-8")
    text = PAGE.read_text("utf-8")
    for part in dict.fromkeys(row.part for row in rows):
        text = between(text, part, table([row for row in rows if row.part == part]))
    PAGE.write_text(between(text, "missed", missed(rows)), encoding="utf-8")


def between(text: str, mark: str, lines: str) -> str:
    """The text with the lines between `<!-- MARK -->` and `<!-- end -->`; ValueError without."""
    pattern = re.compile(rf"(<!-- {re.escape(mark)} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"docs/coverage.md has no <!-- {mark} --> ... <!-- end -->")
    return pattern.sub(lambda match: f"{match[1]}{lines}\n{match[2]}", text)


def table(rows: Sequence[Row]) -> str:
    """What held how often, a column for each n; what does not is bold."""
    counts = sorted({row.n for row in rows})
    cells: dict[tuple[str, str], dict[int, str]] = {}
    for row in rows:
        real = f"{100 * row.real:.1f}"
        marked = real if row.verdict != "no" else f"**{real}**"
        cells.setdefault((row.what, row.scenario), {})[row.n] = marked
    lines = [
        ["interval of", "scenario", *(f"n = {n}" for n in counts)],
        ["---"] * (2 + len(counts)),
    ]
    lines += [[*names, *(of.get(n, "") for n in counts)] for names, of in cells.items()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def missed(rows: Sequence[Row]) -> str:
    """The lines that do not hold, by their reasons."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if row.verdict == "no":
            groups.setdefault(reason(row) or "unexplained", []).append(row)
    lines = ["| why | lines | lowest | highest |", "|---|---|---|---|"]
    for text, group in sorted(groups.items(), key=lambda one: -len(one[1])):
        ends = [100 * f(row.real for row in group) for f in (min, max)]
        lines.append(f"| {text} | {len(group)} | {ends[0]:.1f} | {ends[1]:.1f} |")
    return "\n".join(lines)
