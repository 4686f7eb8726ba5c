"""The command `watch`."""

import sys
from argparse import Namespace
from time import sleep
from typing import TYPE_CHECKING

from harness.cli.runs import chosen
from harness.formatting import cost_text
from harness.watch.frame import ModelProgress, Slow, Snapshot
from harness.watch.read import FrameReader

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

WIDE = 200  # columns where there is no terminal
TABLE = 110  # columns that a table needs


def watch(options: Namespace) -> int:
    """`makespan watch`: a frame every few seconds until all is done; status 1 if it was not."""
    from rich.console import Console
    from rich.live import Live

    terminal = sys.stdout.isatty()
    console = Console(highlight=False, markup=False, emoji=False, width=None if terminal else WIDE)
    [folder] = chosen(options.folder)
    reader = FrameReader(folder)
    frame = reader.frame()
    try:
        if terminal and not options.once:
            # a screen of its own: what is drawn anew from the top survives a new size
            first = view(frame, console)
            with Live(first, console=console, auto_refresh=False, screen=True) as live:
                while not frame.complete:
                    sleep(options.every)
                    frame = reader.frame()
                    live.update(view(frame, console), refresh=True)
        while not (terminal or options.once or frame.complete):
            console.print(view(frame, console))
            sleep(options.every)
            frame = reader.frame()
    except KeyboardInterrupt:  # the way to leave; the run goes on
        pass
    console.print(view(frame, console))
    return 0 if frame.complete or options.once else 1


def view(frame: Snapshot, console: "Console") -> "RenderableType":
    """A frame for a terminal: a table if there is room, else a few lines for each model."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [Text(line) for line in _head(frame)]
    if console.width >= TABLE:
        parts.append(_table(frame))
    else:
        parts += [Text(line) for m in frame.models for line in (m.model, f"  {_line(m)}")]
    parts += [Text(line) for line in _failures(frame)]
    parts += [Text(f"{u.model}: {100 * u.share:.1f} % {u.words}") for u in frame.unusable]
    if frame.slowest:
        parts.append(Text("slowest calls:" if frame.finished is not None else "slowest episodes:"))
    parts += [Text(_slow(slow), no_wrap=True, overflow="ellipsis") for slow in frame.slowest]
    return Group(*parts)


def _head(frame: Snapshot) -> list[str]:
    life = "no sign of life" if frame.silent is None else f"last heard {_span(frame.silent)} ago"
    lines = [f"{frame.suite}   {frame.folder}   {life}"]
    count, total = frame.instances
    if count < total:
        lines.append(f"instances: {count} of {total} are made")
    if frame.stopped and not frame.complete:
        lines.append(f"it seems to be stopped: makespan resume {frame.folder}")
    return lines


def _table(frame: Snapshot) -> "RenderableType":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("model", overflow="fold")
    for name in NAMES:
        table.add_column(name, justify="right", no_wrap=True)
    for m in frame.models:
        table.add_row(m.model, *_cells(m))
    return table


NAMES = (
    "done",
    "errors",
    "of",
    "at once",
    "allowed",
    "slowed down",
    "answers/min",
    "left",
    "cost",
    "in the end",
)


def _cells(m: ModelProgress) -> list[str]:
    counts = [m.done, m.errors, m.total, m.in_flight, m.allowed, m.complaints]
    rate = "-" if m.rate is None else f"{m.rate:.0f}"
    left = _span(60 * m.minutes_left) if m.minutes_left else "-"
    end = "-" if m.cost is not None and m.projected is None else cost_text(m.projected)
    return ["-" if c is None else str(c) for c in counts] + [rate, left, cost_text(m.cost), end]


def _line(m: ModelProgress) -> str:
    """The same as in the table, for a narrow screen."""
    done, errors, total, flying, allowed, complaints, rate, left, cost, end = _cells(m)
    parts = [f"{done} of {total} done", f"{errors} errors" if m.errors else ""]
    if not m.ended:
        parts.append(f"{flying} calls at once ({allowed} allowed)")
    parts += [f"slowed down {complaints} times" if m.complaints else "", f"{rate} answers/min"]
    parts += [f"{left} left" if left != "-" else "", f"cost {cost}"]
    parts.append("" if m.ended or end == "-" else f"in the end {end}")
    return ", ".join(filter(None, parts))


def _failures(frame: Snapshot) -> list[str]:
    """Return what failed, the most frequent first."""
    return [
        f"{title}: " + ", ".join(f"{n} {kind}" for kind, n in ordered)
        for title, counts in (
            ("failed attempts", frame.failures),
            ("episodes ended in errors", frame.problems),
        )
        if (ordered := sorted(counts.items(), key=lambda item: -item[1]))
    ]


def _slow(slow: Slow) -> str:
    state = f"under way {slow.path}".rstrip() if slow.under_way else "ended"
    return f"  {_span(slow.seconds):>8}  {slow.attempts} attempts  {state}  {slow.label}"


def _span(seconds: float) -> str:
    """Seconds, minutes or hours, whichever is readable."""
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
