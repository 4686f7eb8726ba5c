"""A test of equal distributions that assumes nothing else, and an interval for skewed trials."""

from functools import lru_cache

from graders.trials import Array, Trials

FLIPS = 9_999  # drawn at random; 1 more is what was seen
FEW = 13  # trials that differ, or fewer: all their 8,192 signs are tried
RESAMPLES = 2000
HELD = 2**18  # signs of trials, or trials drawn, that are held in memory at once
ROUNDING = 1e-9  # of the sum of all sizes


def sign_flip_p_values(trials: Trials, flips: int = FLIPS) -> Array:
    """Return the p-value of each column, two-sided; it is never 0.

    Where two models score alike on each instance, each trial's difference may as well have the
    other sign (Fisher 1935, section 21; Pitman 1937): p is the share of signs for which the
    difference of the headlines is as large as the one seen.

    Args:
        trials: the differences by trial.
        flips: how many random signs are drawn where not all can be tried; the one seen is one more
            (Phipson & Smyth 2010).
    """
    import numpy

    signed = trials.signed
    rounding = ROUNDING * numpy.abs(signed).sum(axis=0)
    threshold = numpy.abs(signed.sum(axis=0)) - rounding
    differ = (numpy.abs(signed) > rounding).sum(axis=0)
    p = numpy.ones(signed.shape[1])
    few, many = (differ > 0) & (differ <= FEW), differ > FEW
    if few.any():
        p[few] = _exact_p_values(signed[:, few], threshold[few])
    if many.any():
        p[many] = (1 + _exceeding(signed[:, many], threshold[many], flips)) / (1 + flips)
    return p


def _exact_p_values(signed: Array, threshold: Array) -> Array:
    """Try all signs of the trials that differ, `FEW` or fewer in each column."""
    import numpy

    largest = -numpy.sort(-numpy.abs(signed), axis=0)[:FEW]
    p_values: Array = (numpy.abs(_all_signs(len(largest)) @ largest) >= threshold).mean(axis=0)
    return p_values


def _exceeding(signed: Array, threshold: Array, flips: int) -> Array:
    """Count the random signs that give a difference of the threshold or more."""
    import numpy

    counts, rows = numpy.zeros(len(threshold)), max(1, HELD // len(signed))
    for chunk, start in enumerate(range(0, flips, rows)):
        signs = _random_signs(rows, len(signed), chunk)[: flips - start]
        counts += (numpy.abs(signs @ signed) >= threshold).sum(axis=0)
    return counts


@lru_cache(maxsize=16)
def _random_signs(rows: int, trials: int, chunk: int) -> Array:
    """Return random signs, (rows, trials), seeded by their place; the bits are PCG64's own."""
    import numpy

    words = -(-trials // 64)
    raw = numpy.random.PCG64([trials, chunk]).random_raw(rows * words).astype("<u8")
    bits = numpy.unpackbits(raw.view(numpy.uint8).reshape(rows, -1), axis=1)[:, :trials]
    return 2.0 * bits - 1


@lru_cache(maxsize=16)
def _all_signs(trials: int) -> Array:
    """Return all signs, (2^(trials - 1), trials); the first stays, as the test is two-sided."""
    import numpy

    numbers = numpy.arange(2 ** (trials - 1))[:, None]
    return 1.0 - 2 * (numbers >> numpy.arange(trials) & 1)


def attainable_level(trials: int, level: float) -> float:
    """Return the largest chance of error, at most `level`, that a test by signs can have.

    Args:
        trials: the number of trials, 1 or more.
        level: the chance of error that is allowed.
    """
    if trials > FEW:
        return level
    patterns: int = 2 ** (trials - 1)
    return int(level * patterns) / patterns


# The bootstrap -------------------------------------------------------------------------------


def studentised_tails(trials: Trials, tail: float = 0.025) -> tuple[float, float]:
    """Return the quantiles of t, at `tail` from either side, by the bootstrap of the first column.

    Trials are drawn anew within each block, and each mean is measured in its own standard error
    (Hall 1988), so that skewness moves the two ends apart. Resamples of equal trials have no
    standard error and are left out.
    """
    import numpy

    residuals = trials.studentised()[0][:, 0]
    means, variances = _resampled_sums(residuals, trials.design.firsts)
    usable = variances > ROUNDING**2 * (residuals**2).sum()
    if not usable.any():
        return 0.0, 0.0
    ordered = numpy.sort(means[usable] / numpy.sqrt(variances[usable]))
    cut = int(tail * len(ordered))
    return float(ordered[cut]), float(ordered[-1 - cut])


def _resampled_sums(residuals: Array, firsts: Array) -> tuple[Array, Array]:
    """Return the sum and the squared standard error of each resample of all blocks."""
    import numpy

    sums, variances = numpy.zeros(RESAMPLES), numpy.zeros(RESAMPLES)
    for block in numpy.split(residuals, firsts[1:]):
        if len(block) > 1:
            block_sums, block_variances = _resample(block)
            sums, variances = sums + block_sums, variances + block_variances
    return sums, variances


def _resample(block: Array) -> tuple[Array, Array]:
    """Return the sum of each resample of a block's trials, and its squared standard error."""
    import numpy

    n, sums, variances = len(block), list[Array](), list[Array]()
    rows = max(1, HELD // n)
    rng = numpy.random.Generator(numpy.random.PCG64(n))
    for start in range(0, RESAMPLES, rows):
        draws = block[rng.integers(0, n, (min(rows, RESAMPLES - start), n))]
        sums.append(draws.sum(axis=1))
        variances.append(draws.var(axis=1, ddof=1) * n)
    return numpy.concatenate(sums), numpy.concatenate(variances)
