"""The page of several searches: what each came to, and what runs say together."""

import json
import re
from pathlib import Path

import pytest

from harness.report.page import build
from tests.harness.evolve.small import BODIES
from tests.harness.helpers import makespan
from tests.harness.report.browser import chromium, find
from tests.harness.report.reader import Reader
from tests.loopback import Json, Loopback
from tests.old_folders import unpack

pytestmark = pytest.mark.heavy


def text_of(page: str) -> str:
    """What a reader reads: no tags, blanks as one."""
    visible = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", visible).split())


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two searches of one kind with different seeds, and an older one of another budget."""
    root = tmp_path_factory.mktemp("pair")

    def answer(number: int, _: Json) -> str:
        body = BODIES[number % len(BODIES)].format(c=number % 3)
        return f"```python\ndef priority(p, d, t, P, n):\n    return {body}\n```"

    folders = []
    with Loopback(answer) as server:
        for seed in (1, 2):
            folders.append(root / f"seed-{seed}")
            words = ["--model", "openai/m", "--base-url", server.url, "--seed", seed]
            small = ["--calls", 6, "--limit", 4, "--lag", 1, "--out", folders[-1]]
            done = makespan("evolve", "run", "tardiness-priority", *words, *small)
            assert done.returncode == 0, done.stderr
    return folders


def test_each_search_is_a_line_in_every_table(pair: list[Path]) -> None:
    page, complete = build(pair)
    assert complete
    text = text_of(page)
    for folder in pair:
        shown = json.loads(makespan("evolve", "show", folder, "--json").stdout)
        assert f"{folder.name}: tardiness-priority, seed {shown['seed']}: the champion is" in text
        for score in shown["scores"]:
            if score["who"] == "search":
                assert f"{score['ratio']['value']:.4f}" in text
        for arm in shown["arms"][:1]:
            assert f"{arm['validation_ratio']:.4f}" in text
    assert "Calls of models 12" in text
    assert "Not finished" not in text
    assert len(re.findall(r'<li><button type="button" class="c\d"', page)) == len(pair)


def test_what_cannot_be_compared_over_runs_says_why(pair: list[Path]) -> None:
    page, _ = build(pair)
    assert "Not compared over runs: these runs are all of one arm" in text_of(page)


def test_an_unfinished_search_is_named_and_the_status_is_1(
    pair: list[Path], tmp_path: Path
) -> None:
    stopped = unpack("search-stopped", tmp_path)
    done = makespan("report", stopped, *pair, "--html", tmp_path / "page.html")
    assert done.returncode == 1
    text = text_of((tmp_path / "page.html").read_text())
    assert "Not finished: search-stopped. " in text
    assert "search-stopped: tardiness-priority, seed 3: no verdict yet, after 9 tries" in text


def test_the_same_search_twice_and_the_same_name_are_refused(
    pair: list[Path], tmp_path: Path
) -> None:
    twin = tmp_path / pair[0].name
    twin.symlink_to(pair[1])
    named = unpack("search", tmp_path).rename(tmp_path / "one")
    (tmp_path / "other").mkdir()
    same_name = unpack("search-budget", tmp_path / "other").rename(tmp_path / "other" / "one")
    for folders, said in (
        ((pair[0], pair[0]), "is the same search as"),
        ((pair[1], twin), "is the same search as"),
        ((named, same_name), "have the same name: rename one"),
    ):
        done = makespan("report", *folders, "--html", tmp_path / "page.html")
        assert done.returncode == 2
        assert said in done.stderr
        assert done.stderr.count("\n") == 1


def test_the_page_loads_nothing(pair: list[Path]) -> None:
    page, _ = build(pair)
    addresses = Reader(page).addresses
    assert [a for a in addresses if not a.startswith(("#", "data:"))] == []


@pytest.mark.skipif(find() is None, reason="no Chromium")
def test_the_page_works_in_a_browser(pair: list[Path], tmp_path: Path) -> None:
    place = tmp_path / "page.html"
    place.write_text(build(pair)[0], "utf-8")
    with chromium(tmp_path) as tab:
        tab.open(place, ready=".line.c0, footer")
        assert tab.js("document.querySelectorAll('#tardiness-priority table').length") >= 5
        assert tab.complaints == []
        assert {r for r in tab.requests if not r.startswith("data:")} <= tab.opened | {
            "about:blank"
        }
