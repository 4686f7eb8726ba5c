"""The page in a headless Chromium, driven as a reader would."""

import json
import random
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cli import main
from harness.report.columns import columns
from harness.report.page import build
from tests.harness.helpers import instances
from tests.harness.report.browser import Page, chromium, find
from tests.loopback import Json, Loopback, chat_completion

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(
        find() is None, reason="no Chromium: install one, or name it by the variable CHROMIUM"
    ),
]
OPENED = "document.querySelector('#episode .call pre') !== null"


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium(tmp_path_factory.mktemp("chromium")) as page:
        yield page


@pytest.fixture
def page(tab: Page) -> Iterator[Page]:
    """The tab; whatever a test did, it asked nobody and broke nothing."""
    tab.requests.clear()
    tab.size(1280, 900)
    tab.scheme("light")
    yield tab
    tab.js("1")  # so that late events are read
    assert tab.complaints == []
    assert {r for r in tab.requests if not r.startswith("data:")} <= tab.opened | {"about:blank"}


@pytest.fixture(scope="module")
def policies_page(policies: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory, [policies])


@pytest.fixture(scope="module")
def hostile_page(hostile: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory, [hostile])


@pytest.fixture(scope="module")
def years_page(years: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory, years)


def written(factory: pytest.TempPathFactory, folders: list[Path]) -> Path:
    path = factory.mktemp("page") / "page.html"
    path.write_text(build(folders)[0], "utf-8")
    return path


def column(page: Page, key: str) -> list[str]:
    found: list[str] = page.js(
        "[...document.querySelectorAll('#rcpsp .board tbody tr')].filter((r) => !r.hidden)"
        f".map((r) => r.querySelector('[data-key=\"{key}\"]').dataset.value)"
    )
    return found


def head(name: str) -> str:
    return (
        "[...document.querySelectorAll('#rcpsp .board thead button')]"
        f".find((b) => b.textContent === '{name}')"
    )


def test_the_board_sorts(page: Page, policies_page: Path) -> None:
    page.open(policies_page)
    page.js(f"{head('infeasible')}.click()")
    counts = [int(n) for n in column(page, "infeasible")]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]
    page.js(f"{head('infeasible')}.focus()")
    page.press("Enter")
    assert [int(n) for n in column(page, "infeasible")] == sorted(counts)
    assert page.js(f"{head('infeasible')}.closest('th').getAttribute('aria-sort')") == "ascending"
    page.js(f"{head('model')}.click()")
    assert column(page, "model") == sorted(column(page, "model"))


def test_the_board_filters_by_words_and_kinds(page: Page, policies_page: Path) -> None:
    page.open(policies_page)
    everybody = column(page, "model")
    box = "document.querySelector('#rcpsp .board-filter')"
    page.js(f"{box}.value = 'RANDOM'; {box}.dispatchEvent(new Event('input'))")
    assert column(page, "model") == ["policy/random-50"]
    assert page.js("document.querySelector('#rcpsp .shown').textContent") == (
        f"1 of {len(everybody)} rows"
    )
    page.js(f"{box}.value = ''; {box}.dispatchEvent(new Event('input'))")
    page.js("document.querySelector('#rcpsp .kinds input[value=floor]').click()")
    assert column(page, "model") == ["policy/exact"]


def test_a_row_opens_all_its_numbers(page: Page, policies_page: Path) -> None:
    page.open(policies_page)
    page.js("document.querySelector('#rcpsp .rowlink').click()")
    page.until("document.querySelector('#rcpsp .more dd') !== null")
    names = page.js("[...document.querySelectorAll('#rcpsp .more dt')].map((t) => t.textContent)")
    assert {"broken", "gap_mean", "half_level", "feasible@5"} <= set(names)
    page.js(f"{head('n')}.click()")  # sorting closes it
    assert page.js("document.querySelector('.more')") is None


def test_an_episode_opens_by_the_keyboard_and_closes(page: Page, policies_page: Path) -> None:
    page.open(policies_page)
    page.js("document.querySelector('#browser tbody a').focus()")
    page.press("Enter")
    page.until(OPENED)
    told = page.js("document.querySelector('#episode').textContent")
    assert "Schedule a project." in told or "Put jobs in order." in told
    assert page.js("document.querySelector('#episode').contains(document.activeElement)")
    page.until("document.querySelectorAll('#episode svg.drawing rect.bar').length > 3")
    assert page.js("location.hash") == "#e0"
    page.press("ArrowRight")
    page.until("location.hash === '#e1'")
    page.until("!document.querySelectorAll('.head-actions button')[0].disabled")
    page.js("document.querySelectorAll('.head-actions button')[0].click()")
    page.until("location.hash === '#e0'")
    page.press("Escape")
    page.until("!document.querySelector('#episode').open && location.hash === '#episodes'")


def test_violations_are_marked_in_the_gantt_chart(page: Page, policies_page: Path) -> None:
    page.open(policies_page)
    number = page.js("index.entries.findIndex((e) => /release|deadline|exclude/.test(e[WHY]))")
    page.js(f"location.hash = 'e{number}'")
    page.until("document.querySelectorAll('#episode svg.drawing').length === 2")
    answer, reference = page.js(
        "[...document.querySelectorAll('#episode svg.drawing')].map((s) =>"
        " s.querySelectorAll('.bar.bad').length)"
    )
    assert answer > 0
    assert reference == 0
    why = page.js("[...document.querySelectorAll('.reasons li')].map((l) => l.textContent)")
    titles = page.js(
        "[...document.querySelectorAll('#episode .bar.bad title')].map((t) => t.textContent)"
    )
    assert any(one in title for title in titles for one in why)


def test_a_link_opens_its_episode_at_once(page: Page, policies_page: Path) -> None:
    page.send("Page.navigate", url="about:blank")
    page.open(policies_page, "#e0")
    page.until(OPENED)


def test_the_list_of_episodes_filters_sorts_and_turns(page: Page, policies_page: Path) -> None:
    page.open(policies_page)
    count = "document.querySelector('#browser .shown').textContent"
    everything = page.js(count)
    page.js("document.querySelectorAll('.pager button')[1].click()")
    assert page.js("document.querySelector('.pager span').textContent").startswith("26 to")
    chosen = "document.querySelector('#browser select[aria-label=verdict]')"
    page.js(f"{chosen}.value = '2'; {chosen}.dispatchEvent(new Event('change'))")
    assert page.js(count).endswith(f"of {everything}")
    chips = "[...document.querySelectorAll('#browser tbody .chip')].map((c) => c.textContent)"
    assert set(page.js(chips)) == {"infeasible"}
    box = "document.querySelector('#entry-filter')"
    page.js(f"{box}.value = 'no such thing'; {box}.dispatchEvent(new Event('input'))")
    told = page.js("document.querySelector('.pager span').textContent")
    assert told == "No episode is like that."


def test_the_theme_follows_the_system_until_it_is_chosen(page: Page, policies_page: Path) -> None:
    page.open(policies_page)
    page.js("try { localStorage.clear() } catch {}")
    page.open(policies_page)
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.js(paper)
    page.scheme("dark")
    dark = page.js(paper)
    assert light != dark
    names = []
    for _ in range(3):
        page.js("document.querySelector('#theme').click()")
        names.append((page.js("document.querySelector('#theme').ariaLabel"), page.js(paper)))
    assert names == [("Theme: light", light), ("Theme: dark", dark), ("Theme: as the system", dark)]


def test_a_series_can_be_brought_forward(page: Page, policies_page: Path) -> None:
    page.open(policies_page)
    page.js("document.querySelector('#rcpsp .legend button').click()")
    shown = page.js("document.querySelectorAll('#rcpsp .figures .series.on').length")
    everything = page.js("document.querySelectorAll('#rcpsp .figures .series').length")
    assert 0 < shown < everything


@pytest.mark.heavy
def test_a_narrow_screen_needs_no_sideways_scrolling(
    page: Page, policies_page: Path, years_page: Path
) -> None:
    page.size(360, 740)
    for path in (policies_page, years_page):
        page.open(path)
        assert page.js("document.documentElement.scrollWidth") <= 360
        page.js("location.hash = 'e0'")
        page.until(OPENED.replace(" pre", "") + " && document.querySelector('svg.drawing')")
        assert page.js("document.querySelector('#episode').scrollWidth") <= 360
        wide = page.js("[...document.querySelectorAll('svg.drawing')].map((s) => s.clientWidth)")
        assert max(wide) <= 360
        page.press("Escape")


@pytest.mark.heavy
def test_what_a_model_says_is_shown_and_does_nothing(page: Page, hostile_page: Path) -> None:
    page.open(hostile_page)
    title = page.js("document.title")
    shown = []
    for number in range(page.js("index.entries.length")):
        page.js(f"location.hash = 'e{number}'")
        page.until(f"{OPENED} && location.hash === '#e{number}'")
        name = "document.querySelector('.episode-head .id').textContent"
        page.until(f"{name} === index.entries[{number}][INSTANCE]")
        shown.append(page.js("document.querySelector('#episode').textContent"))
    assert any("<script>document.title = 'owned'</script>" in one for one in shown)
    assert any('{"</script><script>alert(1)</script>":' in one for one in shown)
    assert page.js("document.title") == title
    assert page.js("document.querySelectorAll('img, iframe, b:not(.failures b)').length") == 0


def test_an_answer_without_a_call_opens(
    page: Page, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Loopback(lambda *_: '{"answer": {}}') as server:
        how = ["--level", "1", "--limit", "1", "--model", "openai/m", "--base-url", server.url]
        assert main(["run", "tools", *how, "--out", str(tmp_path / "run")]) == 0
    page.open(written(tmp_path_factory, [tmp_path / "run"]), "#e0")
    page.until(OPENED)
    page.until("document.querySelectorAll('#episode svg.drawing').length === 2")
    answer, reference = page.js(
        "[...document.querySelectorAll('#episode svg.drawing')].map((s) =>"
        " s.querySelectorAll('.bar').length)"
    )
    assert answer == 0 < reference


def test_the_thoughts_of_a_model_stand_before_its_reply(
    page: Page, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    thought = "First T01.\n\nThen <b>the others</b>."

    def answer(_: int, body: Json) -> Json:
        whole = chat_completion("As I said.", body)
        whole["choices"][0]["message"]["reasoning_content"] = f'{thought} {{"starts": {{}}}}'
        return whole

    with Loopback(answer) as server:
        how = ["--model", "openai/m", "--base-url", server.url, "--out", str(tmp_path / "run")]
        assert main(["run", str(instances(tmp_path / "i.jsonl", 1)), *how]) == 0
    page.open(written(tmp_path_factory, [tmp_path / "run"]), "#e0")
    page.until(OPENED)
    turns = page.js(
        "[...document.querySelectorAll('#episode .call .turn')].map((t) =>"
        " [t.querySelector('p').textContent, t.querySelector('pre').textContent])"
    )
    names, texts = zip(*turns, strict=True)
    assert names[1].startswith("reasoning")
    assert names[1].endswith("no part of the answer")
    assert texts[1] == f'{thought} {{"starts": {{}}}}'
    assert (names[2].split(" ")[0], texts[2]) == ("reply", "As I said.")
    problem = page.js("document.querySelector('#episode .call .problem').textContent")
    assert problem.endswith("the answer stands in the reasoning only.")


def test_the_page_reads_columns_as_they_were(page: Page, policies_page: Path) -> None:
    page.open(policies_page)
    rng = random.Random("columns")
    pieces = ["T01", "T7,", "0", "00,", "1234", "99999,", "\\n", '"a": -', "1.5,", "\ufeffx", "é9,"]
    for length in (0, 1, 40, 4000):
        text = "".join(rng.choices(pieces, k=length))
        assert page.js(f"whole({json.dumps(columns(text))})") == text


def test_a_year_shows_its_decisions_and_its_notes(page: Page, years_page: Path) -> None:
    page.open(years_page)
    number = page.js("index.entries.findIndex((e) => index.series[e[SERIES]][0].includes('hub'))")
    page.js(f"location.hash = 'e{number}'")
    page.until("document.querySelector('#episode .log') !== null")
    page.until("document.querySelectorAll('svg.drawing').length === 2")
    assert (
        page.js("document.querySelectorAll('svg.drawing')[0].querySelectorAll('rect').length") == 24
    )
    assert "the manager first" in page.js("document.querySelector('#episode .log').textContent")
    page.js("document.querySelector('.call').open = true")
    page.until("document.querySelector('.call pre') !== null")
    assert "2025" in page.js("document.querySelector('.call').textContent")


def test_no_control_is_without_a_name(page: Page, policies_page: Path) -> None:
    page.open(policies_page)
    tree = page.send("Accessibility.getFullAXTree")["nodes"]
    wanted = {"button", "link", "textbox", "searchbox", "combobox", "checkbox", "image", "table"}
    for node in tree:
        if node.get("role", {}).get("value") in wanted and not node["ignored"]:
            assert node.get("name", {}).get("value"), node


@pytest.mark.heavy
def test_an_opened_episode_is_what_is_printed(page: Page, policies_page: Path) -> None:
    page.open(policies_page, "#e0")
    page.until(OPENED)
    page.js("document.querySelector('#episode .call').append('word '.repeat(9000))")
    made = b64decode(page.send("Page.printToPDF")["data"])
    assert made.count(b"/Type /Page\n") > 3
    assert page.js("document.querySelector('#printed')") is None
