"""What the rewards of all families share: how near an objective comes to a bound."""

from math import nextafter

from tasks.base import Grade, Number, SolverFailure, Verdict


def valid_objective(grade: Grade) -> Number | None:
    """Return the objective of a valid answer; None of an invalid one.

    Raises:
        ValueError: if there is no judgement of the answer, so that no reward is fair.
    """
    if grade.verdict is Verdict.error:
        raise ValueError("a grade of verdict error has no reward: it tells nothing of the answer")
    return grade.objective if grade.verdict is Verdict.valid else None


def closeness(excess: Number, scale: Number) -> float:
    """Return scale / (scale + excess): 1 at the bound only, above 0, less the further from it.

    Whole numbers up to 2^50 in sum are told apart; however large they are, only the bound has 1.

    Args:
        excess: how far the objective is above its bound.
        scale: the excess that has 1/2, above 0; 1/(1 + gap) where it is the bound itself.

    Raises:
        SolverFailure: if the objective is below its bound.
    """
    if excess < 0:
        raise SolverFailure(f"an objective is below its lower bound by {-excess}")
    if not excess:
        return 1.0
    return min(scale / (scale + excess), nextafter(1, 0))


def below_closeness(excess: Number, scale: Number) -> float:
    """Return what is less than the closeness of an excess, by one unit more of it.

    Args:
        excess: the greatest that a valid answer can have.
        scale: as in `closeness`.
    """
    return min(closeness(excess + 1, scale), nextafter(closeness(excess, scale), 0))
