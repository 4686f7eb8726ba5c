"""Programs from a seed: the same bytes, a memory that is always full, policies are floors."""

import os
import subprocess
import sys
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.allocation import LARGEST, THIN, WHOLE, Piece, cut, generate, resolve
from graders.allocation import grade
from graders.exact.allocation_rules import load, moments
from harness.families.allocation import POLICIES
from tasks.allocation import KEY, TensorProgram, read
from tasks.base import InputError, Instance, Reference, Scalar, Verdict
from tests.depth import examples, often

BARE = (
    "import msgspec, sys; from generators.allocation import generate;"
    " both = [generate(9, 3, 2, {'objective': each}, reference=False)"
    " for each in ('peak', 'benefit')];"
    " sys.stdout.write(msgspec.json.encode(both).decode())"
)


def make(level: int, index: int = 0, seed: int = 0, **settings: Scalar) -> Instance[TensorProgram]:
    return generate(level, seed, index, settings, reference=False)


def test_the_same_seed_is_the_same_bytes_in_any_process() -> None:
    outputs = set()
    for number in ("0", "77"):
        environment = {**os.environ, "PYTHONHASHSEED": number}
        done = subprocess.run(
            [sys.executable, "-c", BARE],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        outputs.add(done.stdout)
    [text] = outputs
    both = [make(9, 2, 3, objective=each) for each in ("peak", "benefit")]
    assert msgspec.json.encode(both).decode() == text


@examples(500)
@given(st.integers(1, 30), st.integers(4, 30), st.integers(0, 10**9))
def test_cuts_leave_no_room_and_none_is_too_thin(high: int, long: int, seed: int) -> None:
    whole = Piece(0, long, 0, 2 * high)
    count = 1 + seed % max(1, long * 2 * high // WHOLE)
    pieces = cut(whole, count, Random(seed))
    assert len(pieces) == count
    units = [
        (moment, unit)
        for piece in pieces
        for moment in range(piece.start, piece.end)
        for unit in range(piece.low, piece.high)
    ]
    assert len(units) == len(set(units)) == long * 2 * high
    assert min(piece.high - piece.low for piece in pieces) >= THIN


@pytest.mark.parametrize("level", [1, 2, 7, 48, LARGEST])
def test_the_memory_is_full_at_every_moment_and_the_witness_is_the_optimum(level: int) -> None:
    for index in range(often(20)):
        one = make(level, index)
        assert len(one.payload.tensors) == level
        assert {sum(t.size for t in alive) for alive in moments(one.payload)} == {64}
        assert load(one.payload) == one.payload.capacity == one.reference.objective
        assert (one.reference.status, one.reference.solver) == ("optimal", "witness")
        assert generate(level, 0, index, {}) == one


def test_with_benefit_two_thirds_fit_and_the_others_compete() -> None:
    for index in range(often(40)):
        one = make(12, index, objective="benefit")
        assert one.reference.answer is not None
        places = one.reference.answer[KEY]
        core = [t for t in one.payload.tensors if places[t.id] is not None]
        assert len(core) == 8
        assert sum(t.size * (t.end - t.start) for t in core) == 24 * 64
        assert all(t.size <= 64 // 3 for t in one.payload.tensors if t not in core)
        assert all(t.size * 0.7 - 1 < t.benefit < t.size * 5.2 + 1 for t in one.payload.tensors)
        assert one.reference.status == "bounded"
        solved = generate(12, 0, index, {"objective": "benefit"})
        assert solved.payload == one.payload
        assert solved.reference.status == "optimal"
        assert (solved.reference.objective or 0) <= (one.reference.objective or 0)


def test_levels_share_nothing_and_no_two_programs_are_alike() -> None:
    every = [make(level, index).payload for level in (6, 7) for index in range(8)]
    assert len({msgspec.json.encode(each.tensors) for each in every}) == len(every)


def test_the_order_of_the_tensors_tells_nothing_of_their_places() -> None:
    """Where the first of the list lies is as often in the upper half as in the lower."""
    high = [
        (one.reference.answer or {})[KEY]["T1"] >= 32 for one in (make(8, k) for k in range(200))
    ]
    low = [
        (one.reference.answer or {})[KEY]["T8"] >= 32 for one in (make(8, k) for k in range(200))
    ]
    assert abs(sum(high) - sum(low)) < 40


def test_settings_have_defaults_and_wrong_ones_are_told() -> None:
    defaults = {"objective": "peak", "moments": 24, "capacity": 64, "setting": "plain"}
    assert resolve(3, {}) == defaults
    for level in (0, LARGEST + 1):
        with pytest.raises(InputError, match=f"level {level}: a program has 1 to {LARGEST}"):
            resolve(level, {})
    for settings in ({"moments": 3}, {"capacity": 7}, {"objective": "speed"}):
        with pytest.raises(InputError, match=next(iter(settings))):
            resolve(3, settings)
    with pytest.raises(InputError, match="4 moments of 8 units can be cut into 10 tensors"):
        resolve(11, {"moments": 4, "capacity": 8})


# Policies ------------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", ["peak", "benefit"])
def test_every_policy_is_valid_and_the_ceiling_is_the_best(objective: str) -> None:
    for index in range(often(30)):
        one = generate(9, 2, index, {"objective": objective})
        scores = {}
        for name, policy in POLICIES.items():
            found = grade(one, read(policy.answer(one), ""))
            assert found.verdict is Verdict.valid
            scores[name] = found.score
        assert scores["exact"] == 1 == max(scores.values())
        assert scores["random"] <= scores["random-100"]


def test_the_exact_policy_solves_what_has_no_reference() -> None:
    one = generate(6, 0, 0, {})
    bare = msgspec.structs.replace(one, reference=Reference("none"))
    assert POLICIES["exact"].solves(bare)
    assert not POLICIES["exact"].solves(one)
    assert grade(one, read(POLICIES["exact"].answer(bare), "")).score == 1
