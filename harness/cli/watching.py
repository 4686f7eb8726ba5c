"""The command `watch`."""

import sys
from argparse import Namespace
from time import sleep
from typing import TYPE_CHECKING

from harness.printed import cost_text
from harness.watch import Frame, Standing, read_frame

if TYPE_CHECKING:
    from rich.console import RenderableType


def watch(options: Namespace) -> int:
    """`makespan watch`: a frame every few seconds until all is done; status 0."""
    from rich.console import Console
    from rich.live import Live

    width = None if sys.stdout.isatty() else 200
    console = Console(highlight=False, markup=False, emoji=False, width=width)
    frame = read_frame(options.folder)
    if options.once or not sys.stdout.isatty():
        console.print(view(frame))
        while not (options.once or frame.complete):
            sleep(options.every)
            frame = read_frame(options.folder)
            console.print(view(frame))
        return 0
    with Live(view(frame), console=console, auto_refresh=False) as live:
        while not frame.complete:
            sleep(options.every)
            frame = read_frame(options.folder)
            live.update(view(frame), refresh=True)
    return 0


def view(frame: Frame) -> "RenderableType":
    """A frame for the terminal."""
    from rich.console import Group
    from rich.text import Text

    life = "no sign of life" if frame.silent is None else f"last heard {_span(frame.silent)} ago"
    head = Text(f"{frame.suite}   {frame.folder}   {life}")
    parts: list[RenderableType] = [head, _models(frame)]
    for title, counts in (
        ("failed attempts", frame.failures),
        ("episodes ended in errors", frame.problems),
    ):
        if counts:
            ordered = sorted(counts.items(), key=lambda item: -item[1])
            parts.append(Text(f"{title}: " + ", ".join(f"{n} {kind}" for kind, n in ordered)))
    if frame.slowest:
        parts.append(Text("slowest episodes:"))
    for slow in frame.slowest:
        state = f"under way, at {slow.path}" if slow.under_way else "ended"
        took = f"  {_span(slow.seconds):>8}  {slow.attempts} attempts  {slow.episode}  {state}"
        parts.append(Text(took, no_wrap=True, overflow="ellipsis"))
    return Group(*parts)


def _models(frame: Frame) -> "RenderableType":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("model")
    for name in ("done", "errors", "of", "at once", "allowed", "complaints", "answers/min",
                 "left", "cost", "in the end"):  # fmt: skip
        table.add_column(name, justify="right", no_wrap=True)
    for m in frame.models:
        table.add_row(m.model, *_cells(m))
    return table


def _cells(m: Standing) -> list[str]:
    counts = [m.done, m.errors, m.total, m.flying, m.allowed, m.complaints]
    rate = "-" if m.rate is None else f"{m.rate:.0f}"
    left = "-" if m.minutes_left is None else _span(60 * m.minutes_left)
    return ["-" if c is None else str(c) for c in counts] + [
        rate, left, cost_text(m.cost), cost_text(m.projected)
    ]  # fmt: skip


def _span(seconds: float) -> str:
    """Seconds, minutes or hours, whichever is readable."""
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
