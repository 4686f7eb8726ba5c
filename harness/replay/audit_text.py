"""Audits as text for a terminal or a file."""

from collections.abc import Mapping, Sequence
from typing import Any

from graders.statistics import Estimate
from harness.formatting import number, with_interval
from harness.replay.audit import AuditReport, ExamRow
from harness.screen import UNIT, Screen, Table, TableColumn

UNKNOWN = Estimate.unknown("-")
HELD = ("error", "bare_error", "role_prior", "logit", "stale", "fresh")
NAMED = ("shortcut", "model", "memory")
SAID = ("entries", "named", "by_chance", "supported")


def print_shortcuts(findings: Sequence[Any], screen: Screen | None = None) -> None:
    """Print how often each shortcut is right, beside chance and its limit."""
    screen = screen or Screen()
    heads = {
        "shortcut": 0,
        "level": 1,
        "rounds": 3,
        "right": 0,
        "chance": 1,
        "may differ by": 2,
        "passes": 0,
    }
    lines = [
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
    table = _table("shortcuts", heads, lines)
    screen.require([table])
    screen.print(table)
    screen.say(
        *(
            f"{f.shortcut}, level {f.level}: {f.rounds} rounds are too few to tell"
            for f in findings
            if f.passes and f.limit > f.tolerance
        )
    )
    screen.end()


def print_report(report: AuditReport, screen: Screen | None = None) -> None:
    """Print what replays, and what the memories' notes are worth."""
    screen = screen or Screen()
    tables = [_held(report.rows), _said(report.rows)] if report.rows else []
    screen.require(tables)
    screen.say(f"replayed: {report.replayed} of {report.episodes} episodes, digest {report.digest}")
    screen.say(*(f"  {line}" for line in report.differ))
    screen.print(*tables)
    screen.say(*map(_verdict, report.rows))
    screen.say(*(f"no exam of {line}" for line in report.unexamined))
    screen.end()


def _table(title: str, heads: Mapping[str, int], lines: Sequence[Sequence[str]]) -> Table:
    """Return a table; its heads have their ranks, as `TableColumn` has it."""
    columns = [TableColumn(head, rank, folds=head in NAMED) for head, rank in heads.items()]
    return Table(title, columns, lines)


def _held(rows: Sequence[ExamRow]) -> Table:
    heads = {
        "model": 0,
        "memory": 0,
        "users": 0,
        "held out": 5,
        "error with notes": 1,
        "without": 1,
        "role prior": 2,
        "logit": 3,
        f"gain {UNIT}": 0,
        "stale": 4,
        "fresh": 4,
    }
    return _table("memories: held-out clashes from the notes alone", heads, [*map(_exam, rows)])


def _exam(row: ExamRow) -> list[str]:
    error, bare, prior, logit, stale, fresh = (_value(row, name) for name in HELD)
    return [
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


def _said(rows: Sequence[ExamRow]) -> Table:
    heads = {
        "model": 0,
        "memory": 0,
        "notes a user": 2,
        "weight named": 1,
        "of other roles": 3,
        "notes supported": 1,
    }
    lines = [[row.model, row.memory, *(_value(row, name) for name in SAID)] for row in rows]
    return _table("memories: what the notes say", heads, lines)


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
