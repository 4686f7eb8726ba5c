"""What a benchmark promises, and how fast this machine is today."""

from dataclasses import dataclass
from time import process_time

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

    def __str__(self) -> str:
        sign = "at least" if self.least else "at most"
        return (
            f"{'ok  ' if self.kept else 'FAIL'} {self.what}: {self.value:.4g}"
            f" ({sign} {self.limit:g})"
        )


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
