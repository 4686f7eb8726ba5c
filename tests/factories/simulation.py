"""Simulated boards: how many, their random numbers, and whether an interval holds the truth."""

import numpy

from graders.statistics import Estimate

BOARDS = 2000


def covers(found: Estimate, truth: float) -> bool:
    assert found.low is not None
    assert found.high is not None
    return found.low <= truth <= found.high


def simulated(seed: int) -> numpy.random.Generator:
    return numpy.random.Generator(numpy.random.PCG64(seed))
