"""The coverage page cannot rot: a few of its lines are simulated again, and the page is whole."""

from math import sqrt
from random import Random

import pytest

from graders.statistics import mean_of
from tests.coverage import page, shapes, summaries
from tests.coverage.__main__ import parts
from tests.coverage.pools import pool
from tests.coverage.rows import Row, Size, tallied
from tests.coverage.sources import EDGES

BOARDS = 150
LINES = page.read_csv()


@pytest.mark.skipif(not LINES, reason="docs/coverage.csv has not been made")
@pytest.mark.parametrize("scenario", ["skill, 20 % slip", "gaps, gamma(2)", "uniform"])
@pytest.mark.parametrize("n", [20, 40])
def test_a_line_is_off_by_no_more_than_simulation(scenario: str, n: int) -> None:
    line = next(r for r in LINES if (r.what, r.scenario, r.n) == ("mean", scenario, n))
    draw, truth = shapes.VALUES[scenario]
    again = shapes.simulated(
        "again",
        "mean",
        scenario,
        n,
        truth,
        BOARDS,
        lambda rng: mean_of(draw(rng, n).tolist()),
    )
    assert abs(again.real - line.real) < 3.5 * sqrt(again.error**2 + line.error**2)


@pytest.mark.heavy
def test_boards_are_drawn_by_whole_clusters_around_the_mean_of_the_pool() -> None:
    given = pool(EDGES, 12, folder=None)
    truths = summaries.truth_of("rcpsp", given.everyone("edf", 20))
    assert 0.2 < truths["score"] < 1
    boards = [given.board("edf", 20, Random(f"{k}")) for k in range(20)]
    assert all(len(board) == len({r.instance for r in board}) == 120 for board in boards)
    scores = [summaries.summary("rcpsp", board)["score"] for board in boards]
    assert tallied(truths["score"], scores).held >= 15


def test_half_levels_are_read_off_measured_rates() -> None:
    assert summaries.halfway([(10, 0.8), (20, 0.5), (40, 0.2)]) is not None
    assert summaries.halfway([(10, 0.8), (40, 0.2)]) == pytest.approx(20)
    assert summaries.halfway([(0, 0.8), (3, 0.2)]) == pytest.approx(1)
    assert summaries.halfway([(10, 0.9), (20, 0.8)]) is None


def test_the_page_has_a_place_for_every_part_and_a_reason_for_every_no() -> None:
    text = page.PAGE.read_text("utf-8")
    for part in (*parts(), "missed"):
        page.between(text, part, "")
    assert {line.part for line in LINES} <= set(parts())
    assert not [line for line in LINES if line.verdict == "no" and not page.reason(line)]
    assert page.between("a\n<!-- x -->\nold\n<!-- end -->\nb", "x", "new").split("\n") == [
        "a",
        "<!-- x -->",
        "new",
        "<!-- end -->",
        "b",
    ]


def test_verdicts() -> None:
    def line(real: float) -> Row:
        return Row("p", "mean", "s", 20, 0.95, real, 1000, None)

    assert [line(x).verdict for x in (0.91, 0.92, 0.98, 0.99)] == ["no", "yes", "yes", "no"]
    assert Size(1, 2).boards == 1
