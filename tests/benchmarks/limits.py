"""What a benchmark promises, and how fast this machine is today."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import process_time

from harness.formatting import table

USUAL = 0.016  # CPU s of `yardstick` on the machine on which limits in seconds were set
ROUNDS, ITEMS = 15, 60_000


@dataclass(frozen=True)
class Limit:
    """A measured value and the most (or, with `least`, the least) that it may be."""

    what: str
    value: float
    limit: float
    least: bool = False

    @property
    def kept(self) -> bool:
        """Whether the promise holds."""
        return self.value >= self.limit if self.least else self.value <= self.limit

    @property
    def ratio(self) -> float | None:
        """The share of the limit that is used, at most 1 where it is kept; None of a limit of 0."""
        above, below = (self.limit, self.value) if self.least else (self.value, self.limit)
        return above / below if below else None

    def __str__(self) -> str:
        sign = "at least" if self.least else "at most"
        return (
            f"{'ok  ' if self.kept else 'FAIL'} {self.what}: {self.value:.4g}"
            f" ({sign} {self.limit:g})"
        )


def promises(limits: Sequence[Limit]) -> str:
    """Return a table of limits: what was measured, what is promised, and the ratio of the two."""
    rows = [
        (
            each.what,
            f"{each.value:.4g}",
            f"{'at least' if each.least else 'at most'} {each.limit:g}",
            "-" if each.ratio is None else f"{each.ratio:.2f}",
            "ok" if each.kept else "FAIL",
        )
        for each in limits
    ]
    count = sum(each.kept for each in limits)
    head = ("promise", "measured", "promised", "ratio", "")
    return table(f"{count} of {len(limits)} promises kept", [head, *rows])


def cpu_limit(what: str, seconds: float, most: float, *, scale: float = 1.0) -> Limit:
    """Return a limit of CPU time, which is a ratio: to the yardstick, measured now.

    Args:
        what: was measured, without its unit.
        seconds: of CPU that it took here.
        most: it may take, on a machine where the yardstick takes `USUAL`.
        scale: from seconds to the unit of `most`.
    """
    unit = {1.0: "s", 1e3: "ms", 1e6: "µs"}[scale]
    factor = yardstick() / USUAL
    took = scale * seconds
    words = f"{what}: CPU {unit} at usual speed ({took:.4g} here, {factor:.2f} times slower)"
    return Limit(words, took / factor, most)


def yardstick() -> float:
    """Return the CPU seconds of a fixed piece of plain Python, the least of some rounds.

    It does what checkers and boards do most: looks names up, compares small numbers, fills lists.
    """
    names = [f"T{number % 997:04d}" for number in range(ITEMS)]
    rounds = []
    for _ in range(ROUNDS):
        began = process_time()
        starts: dict[str, int] = {}
        late: list[tuple[int, str]] = []
        for number, name in enumerate(names):
            end = starts.get(name, 0) + number % 7
            starts[name] = end
            if end > number % 89:
                late.append((end, name))
        late.sort()
        rounds.append(process_time() - began)
    return min(rounds)
