"""What a benchmark promises."""

from dataclasses import dataclass


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
