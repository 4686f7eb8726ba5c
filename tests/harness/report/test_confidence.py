"""The reliability picture shows what was stated, and is not there where nothing was."""

from pathlib import Path

import pytest

from tests.harness.helpers import makespan

TITLE = "Right answers by stated confidence"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("confidence")
    words = ("run", "feasibility", "--level", 5, "--limit", 8)
    models = ("--model", "policy/exact", "--model", "policy/always-feasible")
    for name, setting in (("plain", "false"), ("stated", "true")):
        asked = ("-T", f"confidence={setting}", "--out", folder / name)
        assert makespan(*words, *models, *asked).returncode == 0
        assert makespan("report", folder / name, "--html", folder / f"{name}.html").returncode == 0
    return folder


@pytest.mark.heavy
def test_the_picture_is_there_where_confidence_was_asked_for(home: Path) -> None:
    assert TITLE in (home / "stated.html").read_text("utf-8")
    assert TITLE not in (home / "plain.html").read_text("utf-8")


@pytest.mark.heavy
def test_its_numbers_are_in_a_table(home: Path) -> None:
    text = (home / "stated.html").read_text("utf-8")
    [table] = [part for part in text.split("<table")[1:] if ">answers<" in part]
    rows = " ".join(table.partition("</table>")[0].split())
    for cell in ("policy/exact", "policy/always-feasible", "100.0 %", "50.0 %", ">8<"):
        assert cell in rows


def test_a_board_prints_it(home: Path) -> None:
    done = makespan("board", home / "stated", "--wide")
    assert "brier" in done.stdout
    assert "resolution" in done.stdout
    assert "brier" not in makespan("board", home / "plain", "--wide").stdout
