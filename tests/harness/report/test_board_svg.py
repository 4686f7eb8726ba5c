"""The picture of a board: its numbers are the board's, and nothing in it can act or is fetched."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from harness.board.board import read_board
from harness.cli import main
from harness.report.board_svg import LETTER, NAMES, as_svg
from tests.factories.records import build_board, failed, graded, several
from tests.harness.helpers import makespan, makespan_apart

SVG = "{http://www.w3.org/2000/svg}"


def lines(picture: str) -> list[ET.Element]:
    """The groups of a picture that have a line of a board, with their kinds as classes."""
    return [g for g in ET.fromstring(picture).iter(f"{SVG}g") if g.find(f"{SVG}title") is not None]


@pytest.mark.heavy
def test_every_row_is_there_with_its_number_and_interval(tmp_path: Path) -> None:
    folders = list(map(str, several(tmp_path)))
    file = tmp_path / "board.svg"
    assert main(["board", *folders, "--svg", str(file)]) == 0
    rows = json.loads(makespan("board", *folders, "--json").stdout)["rows"]
    found = lines(file.read_text("utf-8"))
    assert len(found) == len(rows) > 4
    for line, row in zip(found, sorted(rows, key=lambda r: order(rows, r)), strict=True):
        score = row["score"]
        name, number = (t.text or "" for t in line.findall(f"{SVG}text"))
        assert line.get("class") == row["kind"]
        assert name == row["model"]
        assert float(number) == pytest.approx(score["value"], abs=5e-4)
        assert len(line.findall(f"{SVG}path")) == 1
        assert len(line.findall(f"{SVG}line")) == (score["low"] is not None)


def order(rows: list[Any], row: Any) -> int:
    """Panels in the order of their first rows; in a panel the board's own order."""
    places = list(dict.fromkeys((r["family"], str(r["cell"])) for r in rows))
    return places.index((row["family"], str(row["cell"])))


def test_marks_lie_in_their_intervals_and_in_the_order_of_the_scores() -> None:
    board = build_board(
        [*graded("openai/a", 0.2), *graded("openai/b", 0.9), *graded("policy/edf", 0.5)], {}
    )
    places = []
    for line, row in zip(lines(as_svg(board)), board.rows, strict=True):
        [mark], bars = line.findall(f"{SVG}path"), line.findall(f"{SVG}line")
        place = float(mark.attrib["transform"].removeprefix("translate(").split(" ")[0])
        places.append(place)
        assert all(float(b.attrib["x1"]) <= place <= float(b.attrib["x2"]) for b in bars)
        assert (row.score.low is None) == (not bars)
    assert places == sorted(places, reverse=True)
    kinds = {line.get("class"): line.find(f"{SVG}path") for line in lines(as_svg(board))}
    shapes = {path.get("d") for path in kinds.values() if path is not None}
    assert len(shapes) == len(kinds) == 2  # told apart by more than a colour


def test_a_name_is_escaped_and_a_long_one_is_cut() -> None:
    name = "openai/<script>alert(1)</script>" + "x" * 60
    picture = as_svg(build_board(graded(name, 0.5), {}))
    assert "<script" not in picture
    [line] = lines(picture)
    shown = line.findall(f"{SVG}text")[0].text or ""
    assert shown.endswith("…")
    assert len(shown) * LETTER < NAMES
    assert name in (line.find(f"{SVG}title").text or "")  # type: ignore[union-attr]


def test_a_row_without_a_score_or_an_interval_says_so(tmp_path: Path) -> None:
    nothing = build_board([failed(k) for k in range(3)], {})
    [line] = lines(as_svg(nothing))
    assert [t.text for t in line.findall(f"{SVG}text")] == ["openai/m", "-"]
    assert line.findall(f"{SVG}path") == line.findall(f"{SVG}line") == []
    few = as_svg(read_board(several(tmp_path)))
    assert "lines are 95 % intervals; without one: fewer than 5 values; " in few


@pytest.mark.heavy
def test_it_is_alone_and_the_same_again(tmp_path: Path) -> None:
    folders = several(tmp_path)
    made = [
        makespan_apart("board", *folders, "--svg", "/dev/stdout", PYTHONHASHSEED=seed).stdout
        for seed in ("1", "2")
    ]
    assert made[0] == made[1]
    text = made[0].replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"http|url\(|@import|href|<script| on[a-z]+=|style=", text)
    assert "prefers-color-scheme: dark" in text
