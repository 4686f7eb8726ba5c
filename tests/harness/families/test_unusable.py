"""A year whose rounds could not be used says so wherever it is shown; its verdict is as it was."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from generators.calendar import generate
from harness.board.board import read_board
from harness.board.text import notes
from harness.families.registry import FAMILIES
from harness.report.page import build
from harness.store.journal import read_records
from tasks.base import Verdict
from tests.harness.helpers import makespan
from tests.harness.report import unpacked
from tests.loopback import Json, Loopback

WORDS = "% of rounds have no decision that can be used"


def run(out: Path, usable: int) -> None:
    """A year of 12 rounds, the first few answered with an event, the others with prose."""

    rounds = generate(2, 0, 0, {"rounds": 12}).payload.rounds

    def answer(number: int, _: Json) -> str:
        ids = rounds[number - 1].ids
        usual = json.dumps({"accept": ids[0], "ranking": list(ids)})
        return usual if number <= usable else "I would take the first."

    with Loopback(answer) as server:
        words = ["run", "calendar", "--level", "2", "-T", "rounds=12", "--limit", "1"]
        how = ["--model", "openai/m", "--base-url", server.url, "--max-connections", "1"]
        assert makespan(*words, *how, "--out", out).returncode == 0


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("usable", "share", "looks_valid"), [(1, "91.7", False), (9, "25.0", True)]
)
def test_rounds_that_cannot_be_used_are_told(
    usable: int, share: str, looks_valid: bool, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    run(out, usable)
    [record] = read_records(out)
    assert record.grade
    assert record.grade.verdict is Verdict.valid  # as it always was: old folders regrade to it
    assert record.grade.metrics["format_failures"] == pytest.approx((12 - usable) / 12)
    expected = f"calendar openai/m + history: {share} {WORDS}"
    assert expected in notes(read_board([out]))
    narrow = makespan("board", out, COLUMNS="80").stdout
    assert f"{100 * record.grade.metrics['format_failures']:.2f} %" in narrow  # like errors
    assert f"openai/m: {share} {WORDS}" in makespan("watch", out, "--once").stdout
    page = build([out])[0]
    assert expected in page
    [entry] = index(page)["entries"]
    assert entry[9] == int(float(share))
    assert ("chip unusable" in page.partition("<script")[0]) != looks_valid
    assert ("Failures: 1 of 1" in page) != looks_valid


def test_a_year_without_a_failure_says_nothing(tmp_path: Path) -> None:
    run(tmp_path / "run", 12)
    assert not any(WORDS in note for note in notes(read_board([tmp_path / "run"])))
    assert WORDS not in makespan("watch", tmp_path / "run", "--once").stdout


def index(page: str) -> Any:
    """What the page lists."""
    [packed] = re.findall(r'id="index"[^>]*>([^<]+)<', page)
    return unpacked.value(packed)


def test_only_a_family_that_measures_it_says_so() -> None:
    measured = {name: [c.name for c in FAMILIES[name].columns if c.unusable] for name in FAMILIES}
    assert {name: names for name, names in measured.items() if names} == {
        "calendar": ["format_failures"],
        "vms": ["turns_lost"],
        "contexts": ["wrong_form"],
    }
