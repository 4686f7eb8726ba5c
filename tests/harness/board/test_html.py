"""The page of a board in a headless Chromium: it reads at a desk and on a phone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from harness.board.board import Board
from harness.board.html import as_html
from tests.factories.records import build_board, failed, graded
from tests.harness.report.browser import Page, chromium, find

pytestmark = pytest.mark.skipif(
    find() is None, reason="no Chromium: install one, or name it by the variable CHROMIUM"
)
LONG = "openai/Qwen/Qwen2.5-72B-Instruct-GPTQ-Int4-with-a-name-that-goes-on"


def board() -> Board:
    """Three models, one of them with errors, in four families."""
    shares = {
        LONG: 0.9,
        "openai/a": 0.2,
        "openai/b": 0.6,
        "policy/edf": 0.3,
        "policy/exact": 1.0,
    }
    records = [r for model, share in shares.items() for r in graded(model, share, n=20)]
    lost = [failed(k, model="openai/a") for k in range(20, 23)]
    rows = build_board([*records, *lost], {}).rows
    names = ("rcpsp", "calendar", "tardiness", "tools")
    return Board(tuple(replace(row, family=name) for name in names for row in rows))


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium(tmp_path_factory.mktemp("chromium")) as page:
        file = tmp_path_factory.mktemp("page") / "board.html"
        file.write_text(as_html(board()), "utf-8")
        page.opened.add(file.resolve().as_uri())
        page.send("Page.navigate", url=file.resolve().as_uri())
        page.until("document.querySelectorAll('table').length === 5")
        yield page
        page.js("1")  # so that late events are read
        assert page.complaints == []
        assert set(page.requests) <= page.opened | {"about:blank"}


def names(tab: Page, table: int, body: int) -> Any:
    place = f"document.querySelectorAll('table')[{table}].tBodies[{body}]"
    return tab.js(f"[...{place}.rows].map(row => row.cells[0].textContent)")


def visible(tab: Page, head: str) -> list[bool]:
    """Whether a column is seen, in each table that has it."""
    heads = "[...document.querySelectorAll('thead th')]"
    seen: list[bool] = tab.js(
        f"{heads}.filter(t => t.textContent === {head!r}).map(t => t.offsetWidth > 0)"
    )
    return seen


@pytest.mark.heavy
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_as_wide_as_the_window(
    tab: Page, width: int, scheme: str, tmp_path: Path
) -> None:
    tab.size(width, 900)
    tab.scheme(scheme)
    assert tab.js("document.documentElement.scrollWidth") == width
    tab.shoot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 10_000
    scrolls = "[...document.querySelectorAll('.scroll')]"
    if width == 390:  # no table is wider than its place
        assert tab.js(f"{scrolls}.filter(s => s.scrollWidth > s.clientWidth).length") == 0
    light = tab.js("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert light == (scheme == "light")


@pytest.mark.heavy
def test_a_phone_has_name_score_n_and_errors_and_the_rest_when_asked(tab: Page) -> None:
    tab.size(390, 900)
    for head in ("model", "score (95 % interval)", "n", "errors"):
        assert visible(tab, head) == [True] * 5, head
    assert visible(tab, "tokens") == visible(tab, "infeasible") == [False] * 4
    tab.js("document.getElementById('all').click()")
    assert visible(tab, "tokens") == visible(tab, "infeasible") == [True] * 4
    assert tab.js("document.documentElement.scrollWidth") == 390  # tables scroll in their places
    tab.js("document.getElementById('all').click()")
    tab.size(1280, 900)
    assert visible(tab, "tokens") == [True] * 4


@pytest.mark.heavy
def test_models_stand_first_and_sorting_keeps_them_there(tab: Page) -> None:
    tab.size(1280, 900)
    assert names(tab, 1, 0) == [LONG, "openai/b", "openai/a"]
    assert names(tab, 1, 1) == ["policy/exact", "policy/edf"]
    button = "document.querySelectorAll('table')[1].querySelector('.score button')"
    tab.js(f"{button}.click()")
    tab.js(f"{button}.click()")
    assert names(tab, 1, 0) == ["openai/a", "openai/b", LONG]
    assert names(tab, 1, 1) == ["policy/edf", "policy/exact"]
    assert names(tab, 2, 0) == [LONG, "openai/b", "openai/a"]  # another table stays
    tab.js("document.querySelectorAll('table')[0].querySelectorAll('thead button')[1].click()")
    first = "document.querySelector('table').tBodies[0].rows[0].cells[1].textContent"
    assert tab.js(first) == "calendar"
