"""Audits as text for a terminal or a file."""

from collections.abc import Sequence
from typing import Any

from graders.statistics import Estimate
from harness.formatting import number, table, with_interval
from harness.replay.audit import AuditReport, ExamRow

UNKNOWN = Estimate.unknown("-")
HELD = ("error", "bare_error", "role_prior", "logit", "stale", "fresh")
SAID = ("entries", "named", "by_chance", "supported")


def print_shortcuts(findings: Sequence[Any]) -> None:
    """Print how often each shortcut is right, beside chance and its limit."""
    lines = [["shortcut", "level", "rounds", "right", "chance", "may differ by", "passes"]]
    lines += [
        [
            f.shortcut,
            str(f.level),
            str(f.rounds),
            f"{f.accuracy:.3f} (+- {f.sure:.3f})",
            f"{f.chance:.3f}",
            f"{f.limit:.2f}",
            "yes" if f.passes else "NO",
        ]
        for f in findings
    ]
    print(table("shortcuts", lines))
    for finding in findings:
        if finding.passes and finding.limit > finding.tolerance:
            print(
                f"{finding.shortcut}, level {finding.level}:"
                f" {finding.rounds} rounds are too few to tell"
            )


def print_report(report: AuditReport) -> None:
    """Print what replays, and what the memories' notes are worth."""
    print(f"replayed: {report.replayed} of {report.episodes} episodes, digest {report.digest}")
    for line in report.differ:
        print(f"  {line}")
    if report.rows:
        print(table("memories: held-out clashes from the notes alone", _held(report.rows)))
        print(table("memories: what the notes say", _said(report.rows)))
    for row in report.rows:
        print(_verdict(row))
    for line in report.unexamined:
        print(f"no exam of {line}")


def _held(rows: Sequence[ExamRow]) -> list[list[str]]:
    head = [
        "model",
        "memory",
        "users",
        "held out",
        "error with notes",
        "without",
        "role prior",
        "logit",
        "gain (95 % interval)",
        "stale",
        "fresh",
    ]
    lines = [head]
    for row in rows:
        error, bare, prior, logit, stale, fresh = (_value(row, name) for name in HELD)
        lines.append(
            [
                row.model,
                row.memory,
                str(row.users),
                str(row.held_out),
                error,
                bare,
                prior,
                logit,
                with_interval(row.gain, 3),
                stale,
                fresh,
            ]
        )
    return lines


def _said(rows: Sequence[ExamRow]) -> list[list[str]]:
    head = ["model", "memory", "notes a user", "weight named", "of other roles", "notes supported"]
    return [head, *([row.model, row.memory, *(_value(row, n) for n in SAID)] for row in rows)]


def _value(row: ExamRow, name: str) -> str:
    return number(row.metrics.get(name, UNKNOWN).value, 3)


def _verdict(row: ExamRow) -> str:
    """Return a sentence on the notes; they help only if the interval excludes zero."""
    row_name = f"{row.model} + {row.memory}"
    if not row.metrics["entries"].value:
        return f"{row_name}: nothing is noted"
    if row.gain.low is not None and row.gain.low > 0:
        return f"{row_name}: the notes help"
    if row.gain.high is not None and row.gain.high < 0:
        return f"{row_name}: the notes mislead"
    return f"{row_name}: no sign that the notes help"
