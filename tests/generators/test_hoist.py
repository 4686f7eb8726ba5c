"""Lines of tanks from a seed: the same bytes, no stream that disturbs another, valid policies."""

import os
import subprocess
import sys
from statistics import fmean
from typing import Any

import msgspec
import pytest

from generators.hoist import HIGH, LARGEST, LOW, NARROW, WIDE, generate, resolve
from graders.hoist import grade
from harness.families.hoist import POLICIES
from tasks.base import InputError, Instance, Reference, Scalar, Verdict
from tasks.hoist import HoistLine, read
from tests.depth import often

BARE = (
    "import msgspec, sys; from generators.hoist import generate;"
    " one = generate(4, 3, 2, {'station': 'shared'});"
    " sys.stdout.write(msgspec.json.encode(one).decode())"
)


def make(level: int, index: int = 0, seed: int = 0, **settings: Scalar) -> Instance[HoistLine]:
    return generate(level, seed, index, settings, reference=False)


@pytest.mark.heavy
def test_the_same_seed_is_the_same_bytes_in_any_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BARE],
        env={**os.environ, "PYTHONHASHSEED": "77"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    again = generate(4, 3, 2, {"station": "shared"})
    assert msgspec.json.encode(again).decode() == done.stdout


@pytest.mark.parametrize("level", [1, 2, 3, 8, LARGEST])
def test_a_line_is_as_its_settings_say(level: int) -> None:
    for index in range(often(60)):
        payload = make(level, index).payload
        assert len(payload.tanks) == level
        assert payload.station is None
        names = [tank.id for tank in payload.tanks]
        assert names == sorted(names)
        for tank in payload.tanks:
            assert LOW <= tank.least <= HIGH
            assert tank.most is not None
            assert NARROW <= tank.most - tank.least <= WIDE
        for k, row in enumerate(payload.empty):
            assert row[k + 1 :][:1] == (0,) * (k < level)  # the hoist is there where it put down
            assert all(time % 2 == 0 for time in row)
            assert payload.loaded[k] >= 12


def test_dials_change_only_their_own_ingredient_and_levels_seeds_and_indices_all() -> None:
    plain = make(6, 3).payload
    least = [tank.least for tank in plain.tanks]
    narrow, exact = make(6, 3, slack=0.5).payload, make(6, 3, slack=0).payload
    assert narrow.empty == exact.empty == plain.empty
    for other in (narrow, exact):
        assert [tank.least for tank in other.tanks] == least
    assert [tank.most for tank in exact.tanks] == least
    pairs = zip(narrow.tanks, plain.tanks, strict=True)
    assert all((a.most or 0) - a.least == round(((b.most or 0) - b.least) / 2) for a, b in pairs)
    fast = make(6, 3, pace=1, lift=5).payload
    assert fast.tanks == plain.tanks
    assert [2 * time for time in fast.loaded] == list(plain.loaded)
    straight = make(6, 3, crossed=0).payload
    assert straight.tanks == plain.tanks
    assert set(straight.loaded) == {12}
    others = [make(6, 4), make(6, 3, seed=1), make(7, 3)]
    assert all(each.payload.tanks[:6] != plain.tanks for each in others)


def test_a_shared_station_has_a_stay_and_the_last_move_leads_back() -> None:
    apart, shared = make(5, 2).payload, make(5, 2, station="shared").payload
    assert shared.tanks == apart.tanks
    assert shared.station is not None
    assert LOW <= shared.station.least <= HIGH
    assert shared.station.most is None
    assert shared.empty[:-1] == apart.empty[:-1]
    assert shared.empty[-1][0] == 0 < apart.empty[-1][0]
    assert shared.loaded[-1] - 10 == shared.empty[-1][-1]


def test_more_tanks_are_crossed_where_more_are_to_be() -> None:
    loaded = [
        fmean(fmean(make(10, k, crossed=share).payload.loaded) for k in range(10))
        for share in (0, 0.3, 1)
    ]
    assert loaded == sorted(loaded)
    assert loaded[0] == 12 < loaded[1]


@pytest.mark.parametrize(
    ("level", "settings", "message"),
    [
        (0, {}, f"level 0: a line has 1 to {LARGEST} tanks"),
        (LARGEST + 1, {}, f"level {LARGEST + 1}: a line has"),
        (3, {"slack": -1}, "settings of hoist: slack: -1 is not from 0 to 10"),
        (3, {"lift": 0}, "settings of hoist: lift: 0 is not from 1 to 100"),
        (3, {"pace": 101}, "settings of hoist: pace: 101 is not from 0 to 100"),
        (3, {"crossed": 2}, "settings of hoist: crossed: 2 is not from 0"),
        (3, {"station": "moon"}, "station: 'moon' is not one of"),
        (3, {"hoists": 2}, "hoists"),
    ],
)
def test_wrong_settings_are_named(level: int, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        resolve(level, settings)
    assert "\n" not in str(caught.value)


# Policies -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_is_valid_the_same_again_and_never_beats_the_reference(name: str) -> None:
    cases: list[dict[str, Any]] = [{}, {"station": "shared"}, {"slack": 0}, {"pace": 0}]
    for level in (1, 2, 5):
        for settings in cases:
            one = generate(level, 3, 1, settings)
            answer = POLICIES[name].answer(one)
            assert POLICIES[name].answer(one) == answer
            found = grade(one, read(answer, ""))
            assert found.verdict is Verdict.valid
            if name == "exact":
                assert (found.score, found.objective) == (1, one.reference.objective)


def test_the_exact_policy_solves_what_has_no_reference() -> None:
    one = generate(3, 0, 0, {})
    bare = msgspec.structs.replace(one, reference=Reference("none"))
    assert POLICIES["exact"].solves(bare)
    assert not POLICIES["exact"].solves(one)
    assert POLICIES["exact"].answer(bare) == one.reference.answer
