"""Years from a seed: the same bytes anywhere, nothing shared, nobody in two places."""

import hashlib
import os
import subprocess
import sys
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.calendar import generate, resolve
from generators.calendar_people import BEGIN, WEEKS, leave_dates, life_events, occurrences
from generators.calendar_rounds import MARGIN
from generators.calendar_spec import lexicon, places
from generators.calendar_year import CalendarSettings, room, setting_of
from tasks.base import InputError, Instance, Reference
from tasks.calendar import Year
from tests.depth import examples


def make(level: int = 4, index: int = 0, seed: int = 3, **dials: Any) -> Instance[Year]:
    return generate(level, seed, index, {"rounds": 10, **dials}, reference=False)


def encode(*instances: Instance[Year]) -> bytes:
    return b"\n".join(map(msgspec.json.encode, instances))


@pytest.mark.heavy
@examples(40)
@given(
    st.integers(2, 5),
    st.integers(0, 10**6),
    st.integers(0, 60),
    st.integers(1, 30),
    st.integers(0, 3),
    st.sampled_from([0.0, 0.3]),
    st.integers(0, 3),
)
def test_what_is_promised_of_every_year(
    level: int, seed: int, index: int, rounds: int, drift: int, noise: float, difficulty: int
) -> None:
    instance = make(
        level, index, seed, rounds=rounds, drift=drift, noise=noise, difficulty=difficulty
    )
    line = encode(instance)
    assert msgspec.json.decode(line, type=Instance[Year]) == instance
    assert encode(msgspec.json.decode(line, type=Instance[Year])) == line
    assert instance.reference == Reference("none")
    year = instance.payload
    assert len(year.rounds) == rounds
    assert all(len(clash.events) == level for clash in year.rounds)
    assert len(year.truth.eras) <= drift + 1
    user = next(p for p in year.organisation.people if p.id == year.user)
    assert user.title == places(index + 1)[index][1].title
    for k, (clash, judgement) in enumerate(zip(year.rounds, year.truth.judgements, strict=True), 1):
        values = sorted(year.truth.values(k), reverse=True)
        assert values[0] > values[1]
        assert noise or judgement.decision == judgement.ranking[0]
        regular = [event for event in clash.events if event.series]
        assert len(regular) == 1
        series = next(s for s in year.series if s.id == regular[0].series)
        assert clash.date in occurrences(series)
        assert (clash.start, regular[0].attendees) == (series.start, series.attendees)
        assert len({event.title for event in clash.events}) == level


@pytest.mark.heavy
def test_nobody_is_in_two_places() -> None:
    """Neither in two regular meetings, nor in one and in a rival of a clash."""
    for index in range(8):
        year = make(5, index, rounds=60).payload
        cells = [(s.weekday, s.start, p) for s in year.series for p in s.attendees]
        assert len(cells) == len(set(cells))
        busy = set(cells)
        for clash in year.rounds:
            day = date.fromisoformat(clash.date).weekday()
            for event in clash.events:
                others = set(event.attendees) - {year.user}
                if not event.series:
                    assert not {(day, clash.start, p) for p in others} & busy


@examples(40)
@given(st.integers(0, 10**6), st.integers(0, 60), st.integers(1, 8))
def test_there_is_room_for_the_clashes_of_a_dense_year(seed: int, index: int, density: int) -> None:
    """Whoever the user is: counted by hand from the regular meetings outside the leave."""
    setting = setting_of(seed, index, CalendarSettings())
    life = life_events(setting.stage.spec, lexicon(), setting.cast, setting.stream("life"))
    begin, end = leave_dates(life)
    weeks = {(BEGIN + timedelta(weeks=k)).isocalendar()[:2] for k in range(0, WEEKS, density)}
    days = [date.fromisoformat(day) for day, _, _ in setting.occurrences()]
    free = [day for day in days if not begin <= day.isoformat() < end]
    assert sum(day.isocalendar()[:2] in weeks for day in free) >= room(density)


@pytest.mark.parametrize(("density", "rounds"), [(2, 52), (4, 30), (8, 30)])
def test_a_dense_year_has_its_clashes_in_every_so_many_weeks(density: int, rounds: int) -> None:
    instance = make(2, rounds=rounds, density=density)
    assert instance.settings["density"] == density
    days = [date.fromisoformat(clash.date) for clash in instance.payload.rounds]
    assert len(days) == rounds
    assert {(day - BEGIN).days // 7 % density for day in days} == {0}
    assert days[0] < BEGIN + timedelta(weeks=2 * density)  # and they are spread over the year
    assert days[-1] >= BEGIN + timedelta(weeks=WEEKS - 2 * density - 2)


def test_a_year_of_density_one_is_the_one_without_the_setting() -> None:
    assert encode(make(density=1)) == encode(make())
    assert "density" not in resolve(4, {"density": 1})
    assert make(density=2).id != make().id


def test_rounds_that_may_find_no_slot_are_refused() -> None:
    assert resolve(4, {"rounds": 132, "density": 4})["density"] == 4
    message = "rounds: 133 may not find a slot at density 4: there is room for 132"
    with pytest.raises(InputError, match=message):
        resolve(4, {"rounds": 133, "density": 4})


@pytest.mark.heavy
def test_the_user_is_away_in_their_leave() -> None:
    for index in range(5):
        year = make(2, index, rounds=150).payload
        back = date.fromisoformat(next(e.date for e in year.life if e.kind == "leave"))
        gaps = [(back - date.fromisoformat(clash.date)).days for clash in year.rounds]
        assert not any(0 < gap <= 14 for gap in gaps)
        assert sorted(life.kind for life in year.life) == ["leave", "manager", "season"]


def clash(year: Year, k: int) -> tuple[float, int]:
    """The lead of the true event of round `k`, and how many loud principles disagree."""
    judgement, values, weights = (
        year.truth.judgements[k - 1],
        year.truth.values(k),
        year.truth.weights(k),
    )
    best = set(judgement.triggered[values.index(max(values))])
    others = {i for triggered in judgement.triggered for i in triggered}
    loud = {i for i in others - best if weights[i] >= 1} | {i for i in best if weights[i] <= -1}
    return sorted(values)[-1] - sorted(values)[-2], len(loud)


@pytest.mark.heavy
def test_clashes_are_clear_and_as_hard_as_asked() -> None:
    """Nearly all have the margin, most the disagreement: a few cannot have both."""
    shares = []
    for difficulty in (0, 3):
        years = [make(5, k, rounds=50, difficulty=difficulty).payload for k in range(4)]
        clashes = [clash(year, k) for year in years for k in range(1, 51)]
        assert sum(lead >= MARGIN - 1e-9 for lead, _ in clashes) >= 0.97 * len(clashes)
        shares.append(sum(loud >= 3 for _, loud in clashes) / len(clashes))
    assert shares[0] < 0.55
    assert shares[1] > 0.7


@pytest.mark.parametrize("drift", [0, 1, 2, 3])
def test_weights_change_on_life_events_only(drift: int) -> None:
    year = make(3, rounds=100, drift=drift).payload
    starts = [era.start for era in year.truth.eras[1:]]
    turns = {0: [], 1: [1], 2: [0, 2], 3: [0, 1, 2]}[drift]
    days = [year.life[k].date for k in turns]
    assert [sum(clash.date < day for clash in year.rounds) + 1 for day in days] == starts
    for before, after in pairwise(year.truth.eras):
        assert before.weights != after.weights
        assert sorted(before.weights) == sorted(after.weights)


@pytest.mark.heavy
def test_bytes_are_pinned_to_the_version() -> None:
    """A change here needs a new VERSION in tasks/calendar.py."""
    encoded = encode(*(make(2 + k % 4, k, drift=k % 2, noise=0.1) for k in range(12)))
    assert hashlib.sha256(encoded).hexdigest()[:16] == "dabd9ca6ada895da"


@pytest.mark.heavy
@pytest.mark.parametrize("hashseed", ["0", "4711"])
def test_same_bytes_in_any_process(hashseed: str) -> None:
    code = (
        "import sys, msgspec; from generators.calendar import generate\n"
        "made = [generate(4, 3, k, {'rounds': 10}, reference=False) for k in range(4)]\n"
        "sys.stdout.buffer.write(b'\\n'.join(map(msgspec.json.encode, made)))"
    )
    clashes = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONHASHSEED": hashseed},
    )
    assert clashes.stdout == encode(*(make(index=k) for k in range(4)))


@pytest.mark.heavy
def test_two_seeds_share_no_round() -> None:
    """Not by the words and people of a round, and not by who the user is."""
    seen = [
        (clash.date, tuple(sorted((e.title, e.description, e.attendees) for e in clash.events)))
        for seed in range(10)
        for index in range(8)
        for clash in make(3, index, seed).payload.rounds
    ]
    assert len(seen) == len(set(seen)) == 800
    people = {make(2, i, s, rounds=1).payload.organisation for s in range(9) for i in range(9)}
    assert len(people) == 81


def test_ingredients_do_not_disturb_each_other() -> None:
    plain = make(3, 7).payload
    for other in (make(5, 7), make(3, 7, rounds=30), make(3, 7, drift=2), make(3, 7, noise=0.4)):
        assert other.payload.organisation == plain.organisation
        assert (other.payload.user, other.payload.series) == (plain.user, plain.series)
        assert other.payload.truth.eras[0] == plain.truth.eras[0]
    assert make(3, 7, noise=0.4).payload.rounds == plain.rounds
    assert make(3, 7, feedback="none", history=3).payload.rounds == plain.rounds


def test_users_go_round_organisations_and_roles() -> None:
    rows = places(12)
    assert len({(spec.name, role.key) for spec, role in rows}) == 12
    assert len({spec.name for spec, _ in rows[:4]}) == 4
    assert places(24)[12:] == rows


def test_settings_in_full() -> None:
    assert resolve(4, {}) == {
        "rounds": 104,
        "history": 20,
        "feedback": "full",
        "decisions": "true",
        "drift": 0,
        "noise": 0.0,
        "difficulty": 1,
    }
    assert resolve(4, {"noise": "0.1", "rounds": "60"})["rounds"] == 60
    assert resolve(4, resolve(4, {"drift": 1})) == resolve(4, {"drift": "1"})


@pytest.mark.parametrize(
    ("dials", "message"),
    [
        ({"tau": 3}, "unknown field `tau`"),
        ({"rounds": 0}, r"rounds: 0 is not from 1 to 200"),
        ({"rounds": 201}, "rounds: 201 is not from"),
        ({"rounds": 1.5}, "Expected `int`"),
        ({"history": -1}, "history: -1 is not from"),
        ({"drift": 4}, r"drift: 4 is not from 0 to 3"),
        ({"noise": 0.6}, r"noise: 0.6 is not from 0 to 0.5"),
        ({"noise": "nan"}, "noise: nan is not from"),
        ({"difficulty": 4}, "difficulty: 4 is not from"),
        ({"density": 9}, "density: 9 is not from 1 to 8"),
        ({"feedback": "some"}, "'some' is not one of"),
        ({"decisions": "mine"}, "'mine' is not one of"),
    ],
)
def test_wrong_settings(dials: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        generate(4, 0, 0, dials)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("level", [0, 1, 6, 10])
def test_wrong_level(level: int) -> None:
    with pytest.raises(InputError, match=f"level {level}: the events in a clash are 2, 3, 4 or 5"):
        resolve(level, {})
