"""The page of a search: its numbers are those of `evolve show`, and its replies are inert."""

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from math import isclose
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.evolve.replay import SearchReplay, replay
from harness.report.page import build
from harness.report.search_figures import cells, tree
from tests.factories.hostile import CALLS, HOSTILE
from tests.harness.helpers import makespan, rows
from tests.harness.report.browser import Page, chromium, find
from tests.harness.report.reader import Reader, said, unpacked

pytestmark = pytest.mark.heavy


class Keyed(Reader):
    """All values of the page by the place in the report that they name."""

    def __init__(self, page: str) -> None:
        self.found: list[tuple[str, dict[str, str]]] = []
        super().__init__(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, attrs)
        found = {name: value or "" for name, value in attrs}
        if "data-key" in found:
            self.found.append((found["data-key"], found))


@pytest.fixture(scope="module")
def seen(searched: Path) -> SearchReplay:
    return replay(searched)


@pytest.fixture(scope="module")
def html(searched: Path) -> str:
    page, complete = build([searched])
    assert complete
    return page


@pytest.fixture(scope="module")
def shown(searched: Path) -> Any:
    return json.loads(makespan("evolve", "show", searched, "--json").stdout)


def at(report: Any, key: str) -> Any:
    """A value of the report by its path; kinds of failures may have dots and blanks."""
    for part in key.split(".", 3):
        report = report[int(part)] if isinstance(report, list) else report[part]
    return report


def test_the_numbers_are_those_of_evolve_show(html: str, shown: Any) -> None:
    keys: set[str] = set()
    for key, cell in Keyed(html).found:
        value = at(shown, key)
        ends = value if isinstance(value, dict) else {"value": value}
        for name in ("value", "low", "high"):
            wanted, told = ends.get(name), cell.get(f"data-{name}") or None
            assert (told or "") == ("" if wanted is None else str(wanted)), (key, name)
        keys.add(key)
    for part in ("arms", "best_so_far", "lineage", "scores", "comparisons"):
        assert {k.split(".")[1] for k in keys if k.startswith(f"{part}.")} == {
            str(k) for k in range(len(shown[part]))
        }
    for k, score in enumerate(shown["scores"]):
        assert {f"scores.{k}.{name}" for name in score if name != "split"} <= keys
    for k, one in enumerate(shown["comparisons"]):
        assert {f"comparisons.{k}.{name}" for name in one if name != "split"} <= keys
    for k, arm in enumerate(shown["arms"]):
        assert {f"arms.{k}.statuses.{status}" for status in arm["statuses"]} <= keys
        assert {f"arms.{k}.problems.{kind}" for kind in arm["problems"]} <= keys


def test_what_is_read_is_the_value_beside_it(html: str) -> None:
    pattern = r'data-key="[^"]+" data-value="([-.e0-9]+)"[^>]*><span class="text">([-.,0-9]+)( %)?<'
    cells = re.findall(pattern, html)
    assert len(cells) > 50
    for value, text, share in cells:
        told = float(text.replace(",", "")) / (100 if share else 1)
        assert isclose(told, float(value), abs_tol=0.006) or told == round(1000 * float(value), 1)


def test_every_try_has_its_prompt_reply_program_and_end(html: str, shown: Any) -> None:
    reader = Keyed(html)
    index = unpacked(reader, "index")
    for k, arm in enumerate(shown["arms"]):
        mine = [e for e in index["entries"] if e[2] == k and index["operators"][e[4]] != "seed"]
        assert len(mine) == arm["tries"] == CALLS
        ends = [index["statuses"][e[0]] for e in mine]
        assert {end: ends.count(end) for end in set(ends)} == arm["statuses"]
    order = [e[0] for e in index["entries"]]
    assert order == sorted(order)
    for entry in index["entries"]:
        chunk = unpacked(reader, f"chunk-{entry[-2]}")
        one, words = chunk["entries"][entry[-1]], chunk["texts"]
        status, model = index["statuses"][entry[0]], index["models"][entry[3]]
        assert len(one["calls"]) == bool(model)
        for call in one["calls"]:
            assert bool(call["messages"]) == model.startswith("openai/")
            for _, numbers in call["messages"][-1:]:  # before it is the system's
                assert "priority(p, d, t, P, n)" in "\n\n".join(words[n] for n in numbers)
            assert (call["reply"] is None) == (status == "lost")
        assert one["told"]["program"] == (status not in ("unreadable", "lost"))
        assert bool(one["told"]["why"]) == (status in ("failed", "unreadable", "lost", "stopped"))
        for name, number in one["told"]["parents"]:
            assert index["entries"][number][1] == name
            assert index["entries"][number][2] in (0, entry[2])


def test_the_tree_has_every_ancestor_beneath_its_children(seen: SearchReplay) -> None:
    lineage = seen.report.lineage
    assert seen.report.champion == lineage[0]
    picture = tree(seen.report, {c.name: f"#{c.name}" for c in lineage})
    found = re.findall(r'<a href="#([^"]+)"[^>]*>.*?<rect x="(\d+)" y="(\d+)"', picture)
    heights = {name: int(y) for name, _, y in found}
    assert set(heights) == {c.name for c in lineage}
    assert len({(x, y) for _, x, y in found}) == len(lineage)
    for c in lineage:
        assert all(heights[parent] > heights[c.name] for parent in c.parents)
    assert picture.count('class="join"') == sum(len(c.parents) for c in lineage)


def test_the_map_holds_what_the_islands_hold(seen: SearchReplay) -> None:
    main = seen.study.searches[0]
    figure = cells(main, seen.report.champion, {c.name: "#" for c in main.database.everyone})
    held = sum(len(island) for island in main.database.islands)
    assert held > 2
    assert sum(int(line[2]) for line in figure.table[1:]) == held
    told = [int(n) for n in re.findall(r'class="heat-text[^"]*">(\d+)<', figure.picture)]
    assert sum(told) == held


# What a model says can do nothing --------------------------------------------------------------


def test_hostile_replies_are_inert_and_whole(html: str) -> None:
    reader = Reader(html)
    assert "document.title = 'owned'" not in html
    assert "<b>m" not in html
    assert HOSTILE in said(reader)
    assert {name for name in reader.attributes if name.startswith("on")} == set()
    assert "style" not in reader.attributes
    assert reader.tags.isdisjoint({"img", "iframe", "object", "embed", "form", "base", "video"})
    assert all(a.startswith(("#", "data:")) for a in reader.addresses)
    for name, content in reader.scripts.items():
        if name != "main":
            assert re.fullmatch(r"[A-Za-z0-9+/=]+", content), name


def test_the_page_is_small_and_the_same_again(html: str, searched: Path, tmp_path: Path) -> None:
    before = rows(searched, "select * from effects")
    assert main(["report", str(searched), "--html", str(tmp_path / "page.html")]) == 0
    assert (tmp_path / "page.html").read_text("utf-8") == html
    assert rows(searched, "select * from effects") == before
    assert len(html) < 200_000


# Wrong use, and what is not finished ------------------------------------------------------------


def test_a_page_shows_searches_and_nothing_else(
    tmp_path: Path, searched: Path, policies: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, prices = tmp_path / "page.html", tmp_path / "prices.toml"
    prices.write_text((files("harness.calls") / "prices.toml").read_text("utf-8"))
    for words, reason in (
        ([searched, searched], "is the same search as"),
        ([policies, searched], "a page shows runs or searches"),
        ([searched, "--prices", prices], "leave out --prices"),
    ):
        assert main(["report", *map(str, words), "--html", str(page)]) == 2
        told = capsys.readouterr().err.splitlines()
        assert len(told) == 1, told
        assert reason in told[0]
    assert not page.exists()


def test_a_search_that_is_not_finished_says_so(
    tmp_path: Path, unfinished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    assert main(["report", str(unfinished), "--html", str(page)]) == 1
    assert capsys.readouterr().err.endswith(" kB\n")
    text = page.read_text("utf-8")
    assert "Not finished." in text
    assert 'id="result"' not in text
    index = unpacked(Reader(text), "index")
    assert len([e for e in index["entries"] if e[2] == 0]) > 4


# In a browser ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium(tmp_path_factory.mktemp("chromium")) as page:
        yield page


@pytest.mark.skipif(find() is None, reason="no Chromium")
def test_a_try_opens_from_the_tree_and_shows_all(tab: Page, html: str, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(html, "utf-8")
    tab.open(path)
    title = tab.js("document.title")
    tab.js("location.hash = document.querySelector('.ancestor').getAttribute('href')")
    tab.until("document.querySelector('#episode pre') !== null")
    assert "def priority" in tab.js("document.querySelector('#episode pre').textContent")
    number = tab.js("index.entries.findIndex((e) => index.statuses[e[STATUS]] === 'unreadable')")
    tab.js(f"location.hash = 'e{number}'")
    tab.until("document.querySelector('#episode .problem') !== null")
    for number in range(tab.js("index.entries.length")):
        tab.js(f"location.hash = 'e{number}'")
        tab.until(
            f"index.entries[{number}][TRY]"
            " === document.querySelector('#episode-title')?.textContent"
            " && document.querySelector('#episode .grid-facts') !== null"
        )
    assert tab.js("document.title") == title
    tab.js("document.querySelector('#episode .head-actions button:last-child').click()")
    tab.until("location.hash === '#tries'")
    choice = "document.querySelector('select[aria-label=status]')"
    tab.js(f"{choice}.value = '0'; {choice}.dispatchEvent(new Event('change'))")
    shown = tab.js("[...document.querySelectorAll('.list .chip')].map((c) => c.textContent)")
    assert set(shown) == {"failed"}
    assert tab.complaints == []
    assert {r for r in tab.requests if not r.startswith("data:")} <= tab.opened | {"about:blank"}
