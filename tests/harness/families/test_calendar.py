"""A year of clashes through a whole run: what has been dealt tells nothing of what comes."""

from math import sqrt
from pathlib import Path

import pytest

from tests.harness.helpers import board, makespan

USERS, ROUNDS, EVENTS = 12, 60, 2


@pytest.mark.heavy
def test_counting_what_has_won_is_worth_no_more_than_chance(tmp_path: Path) -> None:
    """Version 1 of the generator gave such a policy two thirds of the rounds."""
    words = ["--level", EVENTS, "-T", f"rounds={ROUNDS}", "--limit", USERS]
    run = makespan("run", "calendar", *words, "--model", "policy/count", "--out", tmp_path / "run")
    assert run.returncode == 0, run.stderr
    [row] = board(tmp_path / "run")
    error = sqrt((1 - 1 / EVENTS) / EVENTS / (USERS * ROUNDS))
    assert abs(row["score"]["value"] - 1 / EVENTS) < 3.7 * error
