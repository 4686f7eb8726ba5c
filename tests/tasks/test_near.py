"""A name that is almost right is told the one that was meant, and nothing else is."""

import random

import pytest

from tasks.near import did_you_mean, near_miss

NAMES = ["--limit", "--model", "--temperature", "rcpsp", "tardiness", "base_url", "strategy-hub"]


@pytest.mark.parametrize("name", NAMES)
def test_a_letter_lost_doubled_or_swapped_is_forgiven(name: str) -> None:
    rng = random.Random(name)
    first = len(name) - len(name.lstrip("-"))
    for _ in range(20):
        k = rng.randrange(first, len(name) - 1)
        lost = name[:k] + name[k + 1 :]
        doubled = name[:k] + name[k] + name[k:]
        swapped = name[:k] + name[k + 1] + name[k] + name[k + 2 :]
        for word in (lost, doubled, swapped, name.upper(), name.replace("-", "_")):
            assert near_miss(word, NAMES) == name, word


def test_what_is_like_nothing_is_told_nothing() -> None:
    assert did_you_mean("chess", NAMES) == ""
    assert did_you_mean("--sort", ["--json", "--csv"]) == ""
    assert did_you_mean("x", []) == ""
    assert did_you_mean("rcsp", NAMES) == "; did you mean 'rcpsp'?"
