"""The figures of the peers as one table."""

from collections.abc import Callable, Sequence

from tests.benchmarks.peers.base import AT_ONCE
from tests.benchmarks.peers.measure import LARGE, SETTLED, Borne, Figures, Killed

Row = tuple[str, Callable[[Figures], str]]
ROWS: list[Row] = [
    (f"CPU s, {LARGE} samples", lambda f: f"{f.costs.cpu:.2f}"),
    ("CPU ms, a sample more", lambda f: f"{f.costs.margin:.2f}"),
    ("wall s", lambda f: f"{f.costs.wall:.1f}"),
    ("peak MB", lambda f: f"{f.costs.peak:.0f}"),
    ("log, bytes a sample", lambda f: "-" if f.costs.log is None else f"{f.costs.log:.0f}"),
    (f"places of {AT_ONCE} filled", lambda f: f"{100 * f.costs.filled:.1f}"),
    ("  where an answer takes, s", lambda f: f"{f.costs.latency:g}"),
    ("start, CPU s", lambda f: f"{f.costs.start:.2f}"),
    ("kill -9: answered calls asked again", lambda f: _again(f.killed)),
    (f"  of those answered {SETTLED:g} s before", lambda f: _lost(f.killed)),
    ("  answered in the end, exit status", lambda f: _ended(f.killed)),
    ("20 % faults, as it comes: answered, status", lambda f: _borne(f.plain)),
    ("20 % faults, most patient", lambda f: _borne(f.patient)),
]


def table(peers: Sequence[Figures]) -> str:
    """A Markdown table, a column a peer."""
    cells = [["", *(f.version for f in peers)]]
    cells += [[what, *(value(f) for f in peers)] for what, value in ROWS]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [_line(row, widths) for row in cells]
    rule = "|".join(["", "-" * (widths[0] + 2), *("-" * (w + 1) + ":" for w in widths[1:]), ""])
    return "\n".join([lines[0], rule, *lines[1:]])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        text.rjust(width) if k else text.ljust(width)
        for k, (text, width) in enumerate(zip(row, widths, strict=True))
    )
    return f"| {' | '.join([first, *rest])} |"


def _again(killed: Killed | None) -> str:
    return f"{killed.again} of {killed.answered}" if killed else "-"


def _lost(killed: Killed | None) -> str:
    return f"{killed.lost} of {killed.settled}" if killed else "-"


def _ended(killed: Killed | None) -> str:
    return f"{killed.finished}, {_exit(killed.status)}" if killed else "-"


def _borne(borne: Borne | None) -> str:
    if borne is None:
        return "-"
    return f"{borne.answered} of {borne.samples}, {_exit(borne.status)}"


def _exit(status: int | None) -> str:
    return "not ended" if status is None else str(status)
