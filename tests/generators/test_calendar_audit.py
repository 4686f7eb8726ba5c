"""Shortcuts are of no use; one that is planted is found. `make bench` does it over 4,000 rounds."""

import lzma
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from generators.calendar import generate
from generators.calendar_audit import Finding, audit
from graders.calendar_count import count_scores, hit, marks
from graders.calendar_learners import wrong_rounds
from harness.cli import main
from tasks.base import InputError, Instance
from tasks.calendar import Round, Year
from tasks.calendar_truth import Judgement

NAMES = {
    "first",
    "longest",
    "longest text",
    "most attendees",
    "most senior",
    "most senior host",
    "urgent",
    "anchor",
    "counting",
    "together",
    "past wins",
}
OLD = Path(__file__).with_name("calendar-version-1.jsonl.xz")


@pytest.fixture(scope="module")
def years() -> list[Instance[Year]]:
    return [generate(4, 5, k, {"rounds": 50}, reference=False) for k in range(24)]


@pytest.mark.heavy
def test_nothing_on_the_surface_tells(years: list[Instance[Year]]) -> None:
    """As many rounds as are quick; the interval of so many is allowed for."""
    two = [generate(2, 5, k, {"rounds": 50, "drift": 1}, reference=False) for k in range(24)]
    findings = audit([*years, *two])
    assert {f.shortcut for f in findings} == NAMES
    assert [f.level for f in findings] == [2] * len(NAMES) + [4] * len(NAMES)
    for finding in findings:
        assert finding.rounds == 1200
        assert finding.passes, finding


def test_the_limit_is_what_luck_may_do_until_rounds_are_many() -> None:
    """3.7 standard errors, but never less than the tolerance."""
    for level, rounds, limit in (
        (4, 100, 3.7 * (0.25 * 0.75 / 100) ** 0.5),
        (4, 3000, 0.03),
        (2, 4000, 0.03),
        (2, 900, 3.7 / 60),
    ):
        fair = Finding("first", level, rounds, 1 / level, 0.03)
        assert fair.limit == pytest.approx(limit)
        assert replace(fair, accuracy=1 / level + limit - 1e-9).passes
        assert not replace(fair, accuracy=1 / level + limit + 1e-9).passes
        assert not replace(fair, accuracy=1 / level - limit - 1e-9).passes


def planted(
    years: list[Instance[Year]], change: Callable[[Round, Judgement], tuple[Round, Judgement]]
) -> dict[str, Finding]:
    """The audit of years whose rounds have been changed."""
    made = []
    for instance in years:
        year = instance.payload
        pairs = [change(*p) for p in zip(year.rounds, year.truth.judgements, strict=True)]
        truth = replace(year.truth, judgements=tuple(j for _, j in pairs))
        changed = replace(year, rounds=tuple(r for r, _ in pairs), truth=truth)
        made.append(replace(instance, payload=changed))
    return {f.shortcut: f for f in audit(made)}


@pytest.mark.heavy
def test_a_planted_position_is_found(years: list[Instance[Year]]) -> None:
    def first(one: Round, judged: Judgement) -> tuple[Round, Judgement]:
        order = sorted(range(4), key=lambda i: one.ids[i] != judged.decision)
        return (
            replace(one, events=tuple(one.events[i] for i in order)),
            replace(judged, triggered=tuple(judged.triggered[i] for i in order)),
        )

    findings = planted(years, first)
    assert findings["first"].accuracy == 1
    assert not findings["first"].passes
    assert not findings["together"].passes
    assert findings["anchor"].passes


@pytest.mark.heavy
def test_what_no_single_shortcut_sees_is_found_together(years: list[Instance[Year]]) -> None:
    """The true event has the largest number in its id."""

    def largest(one: Round, judged: Judgement) -> tuple[Round, Judgement]:
        new = {i: f"E{20 + k}" for k, i in enumerate(one.ids)} | {judged.decision: "E90"}
        events = tuple(replace(e, id=new[e.id]) for e in one.events)
        ranking = tuple(new[i] for i in judged.ranking)
        return replace(one, events=events), replace(judged, ranking=ranking, decision="E90")

    findings = planted(years, largest)
    assert not findings["together"].passes
    assert findings["together"].accuracy > 0.9
    assert all(abs(f.accuracy - 0.25) < 0.06 for name, f in findings.items() if name != "together")


def test_an_audit_needs_users_of_two_roles() -> None:
    with pytest.raises(InputError, match="there are no instances"):
        audit([])
    with pytest.raises(InputError, match="of one role"):
        audit([generate(2, 0, 0, {"rounds": 5})])


# What was before --------------------------------------------------------------------------------


@pytest.mark.heavy
def test_years_whose_wins_were_dealt_evenly_fail(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Version 1 of the generator held every shortcut at chance by bookkeeping: it could be counted.

    18 of its years, from the last commit that had it; nothing that looks at single rounds tells.
    """
    path = tmp_path / "old.jsonl"
    path.write_bytes(lzma.decompress(OLD.read_bytes()))
    assert main(["audit", str(path)]) == 1
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if " NO" in line]
    failed = [
        (" ".join(words[: words.index("(+-") - 3]), words[words.index("(+-") - 3])
        for words in lines
    ]
    wanted = {(name, level) for name in ("counting", "past wins") for level in "2345"}
    assert set(failed) == wanted


@pytest.mark.heavy
def test_wins_in_runs_are_found(years: list[Instance[Year]]) -> None:
    """The place of the true event stays in five of six rounds: no single round tells."""
    rng, place = Random("runs"), 0

    def stay(one: Round, judged: Judgement) -> tuple[Round, Judgement]:
        nonlocal place
        if rng.random() < 1 / 6:
            place = rng.randrange(4)
        order = [i for i in range(4) if one.ids[i] != judged.decision]
        order.insert(place, one.ids.index(judged.decision))
        return (
            replace(one, events=tuple(one.events[i] for i in order)),
            replace(judged, triggered=tuple(judged.triggered[i] for i in order)),
        )

    findings = planted(years, stay)
    assert not findings["past wins"].passes
    assert findings["past wins"].accuracy > 0.6
    assert findings["anchor"].passes


@pytest.mark.heavy
@pytest.mark.parametrize(("level", "drift"), [(2, 0), (3, 1), (4, 0), (5, 1)])
def test_winners_are_uniform_and_the_past_says_nothing(level: int, drift: int) -> None:
    """By chi-squared of places, marks and what won before; the limits are 4 standard deviations."""
    made = [
        generate(level, 11, k, {"rounds": 25, "drift": drift}, reference=False).payload
        for k in range(8)
    ]
    winners, pairs = Counter[int](), Counter[tuple[int, int]]()
    ahead = [0.0] * (level + 5)
    for year in made:
        people = {p.id: p for p in year.organisation.people}
        places = [
            r.ids.index(j.decision) for r, j in zip(year.rounds, year.truth.judgements, strict=True)
        ]
        winners.update(places)
        pairs.update(pairwise(places))
        for one, place in zip(year.rounds, places, strict=True):
            for k, row in enumerate(marks(one, people)):
                ahead[k] += row[place] - 1 / level
    for counts, cells in ((winners, level), (pairs, level**2)):
        mean = counts.total() / cells
        squares = sum(count**2 for count in counts.values()) / mean - counts.total()
        assert abs(squares - (cells - 1)) < 4 * (2 * (cells - 1)) ** 0.5 + 1, counts
    error = (200 * (level - 1)) ** 0.5 / level
    assert max(map(abs, ahead)) < 4 * error
    right = sum(not w for year in made for w in wrong_rounds(year, count_scores(year)))
    assert abs(right - 200 / level) < 4 * error


def test_counting_looks_at_the_past_alone() -> None:
    """Scores of a round are the same whatever wins in it and later."""
    year = generate(4, 2, 0, {"rounds": 30, "noise": 0.2}, reference=False).payload
    other = generate(4, 2, 0, {"rounds": 30, "noise": 0.5}, reference=False).payload
    pairs = zip(year.truth.judgements, other.truth.judgements, strict=True)
    k = next(k for k, (a, b) in enumerate(pairs) if a.decision != b.decision)
    assert count_scores(year)[: k + 1] == count_scores(other)[: k + 1]
    assert count_scores(year) != count_scores(other)


def test_ties_share_a_hit() -> None:
    assert hit([1, 3, 2], 1) == 1
    assert hit([1, 3, 2], 0) == 0
    assert hit([3, 3, 2], 0) == 0.5
    assert hit([0, 0, 0, 0], 2) == 0.25
    year = generate(5, 2, 0, {"rounds": 8}, reference=False).payload
    people = {p.id: p for p in year.organisation.people}
    for one in year.rounds:
        assert all(sum(row) == pytest.approx(1) for row in marks(one, people))


@pytest.mark.parametrize(
    "told", [{"feedback": f} for f in ("binary", "text", "none")] + [{"decisions": "own"}]
)
def test_what_is_told_changes_no_winner(told: dict[str, str]) -> None:
    """So that an audit of one year is an audit of the same with any feedback."""
    plain, other = (
        generate(3, 2, 4, {"rounds": 12, **given}, reference=False).payload for given in ({}, told)
    )
    assert (plain.rounds, plain.truth) == (other.rounds, other.truth)
