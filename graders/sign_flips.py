"""A test of equal distributions that assumes nothing else, and an interval for skewed trials."""

from functools import lru_cache

from graders.trials import Array, Trials

FLIPS = 9_999  # drawn at random; 1 more is what was seen
FEW = 13  # trials that differ, or fewer: all their 8,192 signs are tried
RESAMPLES = 2000
HELD = 2**18  # signs of trials, or trials drawn, that are held in memory at once
ROUNDING = 1e-9  # of the sum of all sizes


def flipped(trials: Trials, flips: int = FLIPS) -> Array:
    """The p-value of each column, two-sided; never 0.

    Where two models score alike on each instance, each trial's difference may as well have the
    other sign (Fisher 1935, section 21; Pitman 1937): p is the share of signs for which the
    difference of the headlines is as large as the one seen. Of `flips` random signs the one seen
    is one more (Phipson & Smyth 2010).
    """
    import numpy

    signed = trials.signed
    sizes = numpy.abs(signed).sum(axis=0)
    wanted = numpy.abs(signed.sum(axis=0)) - ROUNDING * sizes
    differ = (numpy.abs(signed) > ROUNDING * sizes).sum(axis=0)
    p = numpy.ones(signed.shape[1])
    few, many = (differ > 0) & (differ <= FEW), differ > FEW
    if few.any():
        largest = -numpy.sort(-numpy.abs(signed[:, few]), axis=0)[:FEW]
        p[few] = (numpy.abs(_every(len(largest)) @ largest) >= wanted[few]).mean(axis=0)
    if many.any():
        p[many] = (1 + _exceeding(signed[:, many], wanted[many], flips)) / (1 + flips)
    return p


def _exceeding(signed: Array, wanted: Array, flips: int) -> Array:
    """How many of the random signs give a difference as large as wanted."""
    import numpy

    found, rows = numpy.zeros(len(wanted)), max(1, HELD // len(signed))
    for chunk, start in enumerate(range(0, flips, rows)):
        signs = _signs(rows, len(signed), chunk)[: flips - start]
        found += (numpy.abs(signs @ signed) >= wanted).sum(axis=0)
    return found


@lru_cache(maxsize=16)
def _signs(rows: int, trials: int, chunk: int) -> Array:
    """Random signs, (rows, trials), seeded by their place; the bits are PCG64's own."""
    import numpy

    words = -(-trials // 64)
    raw = numpy.random.PCG64([trials, chunk]).random_raw(rows * words).astype("<u8")
    bits = numpy.unpackbits(raw.view(numpy.uint8).reshape(rows, -1), axis=1)[:, :trials]
    return 2.0 * bits - 1


@lru_cache(maxsize=16)
def _every(trials: int) -> Array:
    """All signs, (2^(trials - 1), trials); the first stays, as the test is two-sided."""
    import numpy

    numbers = numpy.arange(2 ** (trials - 1))[:, None]
    return 1.0 - 2 * (numbers >> numpy.arange(trials) & 1)


def attained(trials: int, level: float) -> float:
    """The chance of error that signs of so many trials can have, at most `level`."""
    if trials > FEW:
        return level
    every: int = 2 ** (trials - 1)
    return int(level * every) / every


def studentised_tails(trials: Trials, tail: float = 0.025) -> tuple[float, float]:
    """The quantiles of t, at `tail` from either side, by the bootstrap of the first column.

    Trials are drawn anew within each block, and each mean is measured in its own standard error
    (Hall 1988), so that skewness moves the two ends apart. Resamples of equal trials have none and
    are left out.
    """
    import numpy

    residuals = trials.studentised()[0][:, 0]
    means, squares = numpy.zeros(RESAMPLES), numpy.zeros(RESAMPLES)
    ends = [*trials.design.firsts[1:].tolist(), len(residuals)]
    for first, end in zip(trials.design.firsts.tolist(), ends, strict=True):
        block = residuals[first:end]
        if len(block) > 1:
            sums, spread = _resampled(block)
            means, squares = means + sums, squares + spread
    there = squares > ROUNDING**2 * (residuals**2).sum()
    if not there.any():
        return 0.0, 0.0
    ordered = numpy.sort(means[there] / numpy.sqrt(squares[there]))
    cut = int(tail * len(ordered))
    return float(ordered[cut]), float(ordered[-1 - cut])


def _resampled(block: Array) -> tuple[Array, Array]:
    """The sum of each resample of a block's trials, and its squared standard error."""
    import numpy

    n, sums, squares = len(block), list[Array](), list[Array]()
    rows = max(1, HELD // n)
    rng = numpy.random.Generator(numpy.random.PCG64(n))
    for start in range(0, RESAMPLES, rows):
        drawn = block[rng.integers(0, n, (min(rows, RESAMPLES - start), n))]
        sums.append(drawn.sum(axis=1))
        squares.append(drawn.var(axis=1, ddof=1) * n)
    return numpy.concatenate(sums), numpy.concatenate(squares)
