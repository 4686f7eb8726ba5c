"""Shortcuts are of no use; one that is planted is found. `make bench` does it over 3,000 rounds."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from generators.calendar import generate
from generators.calendar_audit import Finding, audit
from generators.calendar_balance import Ledger, hit
from tasks.base import InputError, Instance
from tasks.calendar import Round, Year
from tasks.calendar_truth import Judgement

NAMES = {"first", "longest", "longest text", "most attendees", "most senior", "most senior host",
         "urgent", "anchor", "together"}  # fmt: skip


@pytest.fixture(scope="module")
def years() -> list[Instance[Year]]:
    return [generate(4, 5, k, {"rounds": 50}, reference=False) for k in range(24)]


def test_nothing_on_the_surface_tells(years: list[Instance[Year]]) -> None:
    """As many rounds as are quick; the interval of so many is allowed for."""
    two = [generate(2, 5, k, {"rounds": 50, "drift": 1}, reference=False) for k in range(24)]
    found = audit([*years, *two])
    assert {f.shortcut for f in found} == NAMES
    assert [f.level for f in found] == [2] * 9 + [4] * 9
    for finding in found:
        assert finding.rounds == 1200
        assert abs(finding.accuracy - finding.chance) <= finding.limit + finding.sure / 2, finding
        if finding.shortcut in ("first", "longest", "anchor"):  # these are held by construction
            assert abs(finding.accuracy - finding.chance) < 0.01, finding


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


def test_a_planted_position_is_found(years: list[Instance[Year]]) -> None:
    def first(one: Round, judged: Judgement) -> tuple[Round, Judgement]:
        order = sorted(range(4), key=lambda i: one.ids[i] != judged.decision)
        return (
            replace(one, events=tuple(one.events[i] for i in order)),
            replace(judged, triggered=tuple(judged.triggered[i] for i in order)),
        )

    found = planted(years, first)
    assert found["first"].accuracy == 1
    assert not found["first"].passes
    assert not found["together"].passes
    assert found["anchor"].passes


def test_what_no_single_shortcut_sees_is_found_together(years: list[Instance[Year]]) -> None:
    """The true event has the largest number in its id."""

    def largest(one: Round, judged: Judgement) -> tuple[Round, Judgement]:
        new = {i: f"E{20 + k}" for k, i in enumerate(one.ids)} | {judged.decision: "E90"}
        events = tuple(replace(e, id=new[e.id]) for e in one.events)
        ranking = tuple(new[i] for i in judged.ranking)
        return replace(one, events=events), replace(judged, ranking=ranking, decision="E90")

    found = planted(years, largest)
    assert not found["together"].passes
    assert found["together"].accuracy > 0.9
    assert all(abs(f.accuracy - 0.25) < 0.06 for name, f in found.items() if name != "together")


def test_an_audit_needs_users_of_two_roles() -> None:
    with pytest.raises(InputError, match="there are no instances"):
        audit([])
    with pytest.raises(InputError, match="of one role"):
        audit([generate(2, 0, 0, {"rounds": 5})])


# The bookkeeping -----------------------------------------------------------------------------


def test_ties_share_a_hit() -> None:
    assert hit([1, 3, 2], 1) == 1
    assert hit([1, 3, 2], 0) == 0
    assert hit([3, 3, 2], 0) == 0.5
    assert hit([0, 0, 0, 0], 2) == 0.25


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize("rounds", [1, 7, 60])
def test_the_ledger_pays_back(size: int, rounds: int) -> None:

    rng = Random("ledger")
    ledger = Ledger(size, rounds, 1, rng)
    places, anchors, hits = [], 0, 0.0
    for k in range(rounds):
        wish: Any = ledger.wish(k)
        places.append(wish.place)
        best = 0 if wish.anchor else rng.randrange(1, size)
        values = [[float(i == best or (wish.pays is None and i == 0)) for i in range(size)]]
        if wish.pays is not None and not wish.hits:
            values = [[float(i == (best + 1) % size) for i in range(size)]]
        assert wish.paid(values, best)
        ledger.note(k, values, best)
        anchors += best == 0
        hits += hit(values[0], best)
    assert abs(anchors - rounds / size) < 1
    assert abs(hits - rounds / size) < 2
    assert max(places.count(p) for p in range(size)) - min(map(places.count, range(size))) <= 1
