"""The parts of stated confidence on kinds of forecasts whose truth is exact."""

from collections.abc import Callable, Iterator, Sequence
from random import Random
from statistics import fmean

from graders.confidence import BINS, Bin, Forecast, estimated_parts, tallies
from tests.coverage.rows import Row, Size, Tally

COUNTS = (40, 80, 160, 320)
Curve = tuple[Sequence[float], Callable[[float], float]]
CURVES: dict[str, Curve] = {
    "calibrated": ((0.1, 0.3, 0.5, 0.7, 0.9), lambda p: p),
    "overconfident": ((0.55, 0.75, 0.85, 0.95), lambda p: 0.3 + 0.3 * p),
    "useless": ((0.2, 0.5, 0.9), lambda _: 0.5),
    "sure": ((0.85, 0.95, 0.99), lambda p: p),
    "sure, seldom not": ((*[0.95] * 9, 0.35), lambda p: p),
    "knows": ((0.05, 0.95), lambda p: p),
    "knows, or not at all": ((*[0.02, 0.98] * 4, 0.5), lambda p: p),
}


def forecasts(size: Size) -> Iterator[Row]:
    """Calibration and resolution of forecasts, each of an instance of its own."""
    boards = max(100, size.boards // 2)
    for name, curve in CURVES.items():
        truth = _truth(curve)
        for n in COUNTS:
            tallied = {part: Tally(value) for part, value in truth.items()}
            for board in range(boards):
                rng = Random(f"forecasts/{name}/{n}/{board}")
                estimates = estimated_parts(_drawn(rng, curve, n))
                for part, tally in tallied.items():
                    tally.add(estimates[part])
            for part, tally in tallied.items():
                yield tally.row("forecasts", part, name, n)


def _drawn(rng: Random, curve: Curve, n: int) -> list[dict[int, Bin]]:
    levels, chance = curve
    return [tallies([Forecast(p, rng.random() < chance(p))]) for p in rng.choices(levels, k=n)]


def _truth(curve: Curve) -> dict[str, float]:
    """The two parts of infinitely many forecasts, by their bins."""
    levels, chance = curve
    bins: dict[int, list[float]] = {}
    for p in levels:
        bins.setdefault(min(int(p * BINS + 1e-9), BINS - 1), []).append(p)
    base, calibration, resolution = fmean(map(chance, levels)), 0.0, 0.0
    for group in bins.values():
        share = fmean(map(chance, group))
        calibration += len(group) / len(levels) * (fmean(group) - share) ** 2
        resolution += len(group) / len(levels) * (share - base) ** 2
    return {"calibration": calibration, "resolution": resolution}


PARTS = {"forecasts": forecasts}
