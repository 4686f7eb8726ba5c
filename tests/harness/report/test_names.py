"""What series are called, and that names on a picture cover nothing."""

import re
from typing import Any

from harness.board.board import Board
from harness.report.base import SeriesStyle, looks
from harness.report.svg import LETTER, LINE, Plot, PlotLine, log_axis, plain_axis
from tests.factories.records import build_board, graded


def board(model: str, **setup: Any) -> Board:
    return build_board(graded(model, 0.5), {}, **setup)


def called(*boards: Board) -> list[str]:
    return [look.label for look in looks([row for b in boards for row in b.rows]).values()]


def test_a_series_is_called_by_no_more_than_tells_it_apart() -> None:
    here, there = {"base_url": "http://a/v1"}, {"base_url": "http://b/v1"}
    hot = {"temperature": 1.0, **here}
    assert called(board("openai/a", **hot), board("openai/b", **hot)) == ["openai/a", "openai/b"]
    assert called(board("openai/a", **hot), board("openai/a", **here)) == [
        "openai/a temperature=1.0",
        "openai/a base_url=http://a/v1",
    ]
    assert called(board("openai/a", **here), board("openai/a", **there)) == [
        "openai/a base_url=http://a/v1",
        "openai/a base_url=http://b/v1",
    ]


def words(plot: Plot) -> dict[str, tuple[float, float, float]]:
    """The names on a picture: left and right end, and base line."""
    found = {}
    pattern = r'<text x="([\d.]+)" y="([\d.]+)" class="tick"( text-anchor="end")?>([^<]+)<'
    for x, y, end, name in re.findall(pattern, str(plot.draw())):
        wide = LETTER * len(name)
        found[name] = (float(x) - wide * bool(end), float(x) + wide * (not end), float(y))
    return found


def series(number: int, name: str, x: float, y: float, high: float) -> PlotLine:
    look = SeriesStyle(number, name, "model", f"c{number}", "")
    return PlotLine(look, [(x, y)], [(x, 0.0, high)], dots=True, whiskers=True, named=True)


def test_names_stand_where_nothing_else_is() -> None:
    lines = [
        series(0, "openai/one", 778, 0.0, 0.2),
        series(1, "openai/two", 865, 0.0, 0.2),
        series(2, "openai/" + "long" * 30, 1400, 0.6, 0.7),
    ]
    x = log_axis("tokens", 778, 1400)
    plot = Plot("t", x, plain_axis("score", 0, 1), lines, [(1.0, "best floor"), (0.99, "ceiling")])
    found = words(plot)
    assert "ceiling, best floor" in found or "best floor, ceiling" in found
    one, two = found["openai/one"], found["openai/two"]
    assert one[1] < two[0] or abs(one[2] - two[2]) >= LINE
    assert any(name.endswith("…") for name in found)
    assert all(left > 0 and right < 460 for left, right, _ in found.values())
    assert len(x.ticks) >= 1
