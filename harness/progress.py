"""Progress on standard error: a live bar on a terminal, a line now and then elsewhere."""

import sys
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

EVERY = 30.0  # seconds between lines where there is no terminal


class Progress:
    """Counts what is done of `total` (None: unknown); silent where it all took under `EVERY`."""

    def __init__(self, what: str, total: int | None, *, quiet: bool = False) -> None:
        self.what, self.total = what, total
        self.done, self.errors = 0, 0
        self.cost: float | None = 0.0
        self._began = self._said = monotonic()
        self._bar: Bar | None = None
        self._quiet = quiet

    def __enter__(self) -> "Progress":
        if not self._quiet and sys.stderr.isatty():
            self._bar = _bar()
            self._bar.start()
            self._task = self._bar.add_task(self.what, total=self.total, note="")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()
        elif self._said > self._began:
            self._say()

    def add(self, *, cost: float | None = 0.0, error: bool = False) -> None:
        """Count one more that is done."""
        self.done += 1
        self.errors += error
        self.cost = None if self.cost is None or cost is None else self.cost + cost
        if self._bar:
            self._bar.update(self._task, completed=self.done, note=self._note())
        elif monotonic() - self._said >= EVERY:
            self._said = monotonic()
            self._say()

    @property
    def _rate(self) -> float:
        return self.done / max(monotonic() - self._began, 1e-9)

    def _note(self) -> str:
        parts = [f"{self._rate:.3g}/s"]
        if self.errors:
            parts.append(f"{self.errors} errors")
        if self.cost is None or self.cost:
            parts.append("cost unknown" if self.cost is None else f"${self.cost:.2f}")
        return ", ".join(parts)

    def _say(self) -> None:
        if self._quiet:
            return
        of = "" if self.total is None else f" of {self.total}"
        left = ""
        if self.total is not None and self.done:
            left = f", {(self.total - self.done) / self._rate:.0f} s left"
        print(f"{self.what}: {self.done}{of}{left}, {self._note()}", file=sys.stderr)


def _bar() -> "Bar":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeElapsedColumn as Elapsed
    from rich.progress import TimeRemainingColumn as Remaining

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Elapsed(),
        TextColumn("left"),
        Remaining(),
        TextColumn("{task.fields[note]}"),
        console=Console(stderr=True),
        transient=True,
    )
