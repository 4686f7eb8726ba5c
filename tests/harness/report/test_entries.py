"""A page of very many episodes lists some of them, and its boards and pictures are of all."""

import re
from collections import Counter
from pathlib import Path

import pytest

from harness.board.load import gather
from harness.calls.prices import load
from harness.families.registry import family
from harness.report import boards
from harness.report.base import drawings
from harness.report.entries import EpisodeEntry, read_episodes
from harness.report.pack import Pack
from harness.report.svg import DENSE, stairs, visible
from tests.harness.report.reader import Reader, unpacked


@pytest.mark.heavy
def test_as_many_of_each_entrant_and_verdict_are_listed_the_worst_first(policies: Path) -> None:
    shares = gather([policies]).shares
    families = {each.record.family for share in shares for each in share}
    pictures = {name: drawings(family(name)) for name in families}
    whole = read_episodes([policies], shares, Pack(), pictures)
    assert whole.each is None
    assert len(whole.entries) == len(whole.views) == sum(map(len, shares))
    part = read_episodes([policies], shares, Pack(), pictures, most=60)
    assert part.each
    assert len(part.views) == len(whole.views)
    assert len(part.entries) <= 60
    sizes, listed = (Counter(map(_group, page.entries)) for page in (whole, part))
    assert listed == {group: min(part.each, size) for group, size in sizes.items()}
    for entry in part.entries:
        scores = sorted(map(_score, filter(lambda e: _group(e) == _group(entry), whole.entries)))
        assert _score(entry) <= scores[min(part.each, len(scores)) - 1]


def _group(entry: EpisodeEntry) -> tuple[str, str, str]:
    return entry.family, entry.view.series, entry.verdict


def _score(entry: EpisodeEntry) -> float:
    grade = entry.view.record.grade
    return grade.score if grade else 0.0


@pytest.mark.heavy
@pytest.mark.parametrize("which", ["policies", "years"])
def test_boards_and_pictures_are_of_all(which: str, request: pytest.FixtureRequest) -> None:
    folders = request.getfixturevalue(which)
    folders = folders if isinstance(folders, list) else [folders]
    pages = [boards.build(folders, load(None), most=most)[0] for most in (10**6, 2)]
    count = len(unpacked(Reader(pages[0]), "index")["entries"])
    listed = len(unpacked(Reader(pages[1]), "index")["entries"])
    assert listed < count
    assert f"Of {count:,} episodes {listed:,} are listed" in pages[1]
    assert " are listed" not in pages[0]
    assert "pictures are of all" in pages[1]
    figures = [sorted(re.findall(r"<figure.*?</figure>", page, re.DOTALL)) for page in pages]
    assert [len(each) for each in figures] == [len(figures[0])] * 2
    tables = [re.findall(r"<table class=\"board\">.*?</table>", p, re.DOTALL) for p in pages]
    assert tables[0] == tables[1]
    assert figures[0] == figures[1]


@pytest.mark.heavy
def test_a_line_of_very_many_points_has_no_two_in_one_place() -> None:
    count = 20 * DENSE
    points = [(400 * k / count, 200 - 200 * k / count) for k in range(count)]
    thinned = visible(points)
    assert len(thinned) < DENSE
    assert {(round(x, 1), round(y, 1)) for x, y in thinned} == {
        (round(x, 1), round(y, 1)) for x, y in points
    }
    assert visible(points[:DENSE]) == points[:DENSE]
    assert stairs(thinned)[0] == points[0] or thinned[0] in points
