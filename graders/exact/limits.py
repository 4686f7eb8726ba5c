"""The one measure of jobs that have limits: how far each is over its own, from 1 to 10."""

LEAST, MOST = 1000, 10_000  # thousandths: a job within its limits, and the most that one costs


def over_limit(time: int, limit: int) -> int:
    """Return a time over its limit in thousandths, rounded up; neither raised nor cut off."""
    return -(-1000 * time // limit)


def within(cost: int) -> int:
    """Return a cost in thousandths, raised to the least and cut off at the most."""
    return max(LEAST, min(MOST, cost))
