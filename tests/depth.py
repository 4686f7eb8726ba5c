"""How deep tests look: a twentieth of the cases every day, all of them in `make slow`."""

from hypothesis import settings

DEEP = "deep"  # the profile of hypothesis that `make slow` names
SHARE = 20
EXAMPLES = 30  # of a property that names no number, every day; a hundred in `make slow`


def often(count: int) -> int:
    """Return how many of so many cases are tried now."""
    deep = settings.get_current_profile_name() == DEEP
    return count if deep else max(1, count // SHARE)


def examples(count: int) -> settings:
    """Return the settings of a property that has so many examples where all are tried."""
    return settings(max_examples=often(count))
