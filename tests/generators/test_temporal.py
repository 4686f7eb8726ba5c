"""Questions from a seed: the same bytes anywhere, kinds that no constant or shortcut answers."""

import os
import subprocess
import sys
from collections import Counter
from random import Random
from typing import Any, NamedTuple

import msgspec
import pytest

from generators.temporal import KINDS, LEVELS, Kind, draw_facts, generate, resolve
from graders.exact.temporal import right_answer
from graders.exact.temporal_shortcuts import naive_answer, shortcut_answers
from tasks.base import InputError
from tasks.temporal import KEY
from tests.factories.questions import question

BARE = (
    "import msgspec, sys; from generators.temporal import generate;"
    " batch = [generate(1 + k % 8, 3, k, {}) for k in range(64)];"
    " sys.stdout.write(msgspec.json.encode(batch).decode())"
)
LIMIT, OVER_CHANCE = 0.15, 0.05
CHANCE = {"weekday": 1 / 7, "interval_relation": 1 / 13}  # of a guess among the names


@pytest.mark.heavy
def test_the_same_seed_is_the_same_bytes_in_any_process() -> None:
    outputs = set()
    for number in ("0", "77"):
        done = subprocess.run(
            [sys.executable, "-c", BARE],
            env={**os.environ, "PYTHONHASHSEED": number},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        outputs.add(done.stdout)
    [text] = outputs
    again = [generate(1 + k % 8, 3, k, {}) for k in range(64)]
    assert msgspec.json.encode(again).decode() == text


def test_kinds_come_in_turn_and_each_by_itself_is_the_same() -> None:
    batch = [generate(2, 1, index, {}) for index in range(2 * len(KINDS))]
    assert [one.payload.facts.kind for one in batch] == [*KINDS, *KINDS]
    assert [one.settings for one in batch] == [{"kind": kind} for kind in (*KINDS, *KINDS)]
    assert len({one.id for one in batch}) == len(batch)
    for index, kind in enumerate(KINDS):
        assert generate(2, 1, index, {"kind": kind}) == batch[index]


def test_levels_seeds_and_indices_share_nothing() -> None:
    for kind in KINDS:
        batch = [
            question(kind, level, index, seed)
            for level in (3, 4)
            for seed in (0, 1)
            for index in range(3)
        ]
        assert len({str(one.payload) for one in batch}) == len(batch)


def test_a_reference_can_be_left_out() -> None:
    with_it = generate(3, 0, 4, {})
    without = generate(3, 0, 4, {}, reference=False)
    assert (without.reference.status, without.payload) == ("none", with_it.payload)
    assert with_it.reference.answer == {KEY: right_answer(with_it.payload.facts)}


@pytest.mark.parametrize(
    ("level", "settings", "message"),
    [
        (0, {}, "level 0: questions about time have levels 1 to 8"),
        (9, {}, "level 9"),
        (1, {"kind": "riddle"}, "settings of temporal: kind: 'riddle' is not one of business, "),
        (1, {"kinds": "clock"}, "unknown field `kinds`.*did you mean"),
    ],
)
def test_wrong_settings_are_refused(level: int, settings: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve(level, settings)
    with pytest.raises(InputError, match=message):
        generate(level, 0, 0, settings)


# Sizes ----------------------------------------------------------------------------------------

SIZES = {  # how many facts of a kind there are at a level
    "date_steps": lambda facts, level: len(facts.steps) == level,
    "days_between": lambda facts, level: len(facts.spans) == level,
    "weekday": lambda facts, level: (
        1.9 <= abs((facts.target - facts.anchor).days) / 365.25 - 12 * (level - 1) + 0.1 <= 26.1
    ),
    "business": lambda facts, level: 5 * level < facts.days <= 5 * level + 10,
    "together_again": lambda facts, level: len(facts.periods) == level + 1,
    "dating": lambda facts, level: len(facts.bounds) == level + 1,
    "clock": lambda facts, level: len(facts.shifts) == level + 2,
    "zones": lambda facts, level: len(facts.messages) == level + 3,
    "durations": lambda facts, level: len(facts.lengths) == level + 3,
    "slot": lambda facts, level: len(facts.people) == level + 1,
    "ordering": lambda facts, level: len(facts.gaps) == level + 2,
    "interval_relation": lambda facts, level: len(facts.meetings) == level,
    "interval_composition": lambda facts, level: len(facts.relations) == level + 1,
    "timeline": lambda facts, level: len(facts.terms) == 2 * level + 7,
    "slowest_path": lambda facts, level: len(facts.steps) == level + 3,
    "network": lambda facts, level: facts.events == level + 4,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_level_counts_facts(kind: Kind) -> None:
    for level in range(1, LEVELS + 1):
        for index in range(4):
            assert SIZES[kind](question(kind, level, index).payload.facts, level)


# Admission ------------------------------------------------------------------------------------


class Floors(NamedTuple):
    """The shares of a kind at a level that the most common answer and each shortcut get right."""

    majority: float
    shortcuts: dict[str, float]


def floors(kind: Kind, level: int, count: int, stream: str = "admission") -> Floors:
    answers: Counter[bytes] = Counter()
    right: Counter[str] = Counter()
    for k in range(count):
        facts = draw_facts(kind, Random(f"{stream}/{kind}/{level}/{k}"), level)
        answer = right_answer(facts)
        answers[msgspec.json.encode(answer)] += 1
        right.update({name: a == answer for name, a in shortcut_answers(facts).items()})
    return Floors(
        max(answers.values()) / count, {name: hits / count for name, hits in right.items()}
    )


def hold(kind: Kind, level: int, count: int) -> None:
    """Whether the kind is admitted at the level: nothing without the work is often right."""
    most = max(LIMIT, CHANCE.get(kind, 0) + OVER_CHANCE)
    majority, shortcuts = floors(kind, level, count)
    assert majority <= most, (kind, level, majority)
    assert shortcuts
    for name, share in shortcuts.items():
        assert share <= most, (kind, level, name, share)


@pytest.mark.heavy
@pytest.mark.parametrize("kind", KINDS)
def test_no_constant_and_no_shortcut_answers_a_kind(kind: Kind) -> None:
    """At the ends of the levels and in their middle; all levels in `make slow`."""
    for level in (1, 4, LEVELS):
        hold(kind, level, 400)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_no_constant_and_no_shortcut_answers_a_kind_at_any_level(kind: Kind) -> None:
    for level in range(1, LEVELS + 1):
        hold(kind, level, 1500)


def test_a_kind_that_a_guess_answers_is_not_admitted() -> None:
    """Of the refused kind `longest`, which asked which one of some lengths is the longest."""
    hits = numbers = 0
    for k in range(400):
        facts: Any = draw_facts("durations", Random(f"longest/{k}"), 1)
        three = facts.lengths[:3]
        longest = max(three, key=lambda each: each.seconds)
        hits += longest == three[0]
        numbers += longest == max(three, key=lambda each: each.amount)
    assert hits / 400 > 0.25
    assert numbers / 400 > LIMIT


def test_shortcuts_are_not_ruled_out() -> None:
    """One question in ten is drawn as it comes: a shortcut's answer can be the right one."""
    right = 0
    for k in range(600):
        facts = draw_facts("zones", Random(f"plain/{k}"), 1)
        right += naive_answer(facts) == right_answer(facts)
    assert 0.02 < right / 600 < 0.1


def test_the_working_days_from_the_start_are_no_constant() -> None:
    for level in (1, 4, 8):
        apart: Counter[int] = Counter()
        for k in range(300):
            facts: Any = draw_facts("business", Random(f"constant/{level}/{k}"), level)
            apart[(msgspec.convert(right_answer(facts), type(facts.start)) - facts.start).days] += 1
        assert max(apart.values()) / 300 <= LIMIT


def test_networks_without_times_are_few_and_there() -> None:
    for level in (1, 4, 8):
        draws = (draw_facts("network", Random(f"few/{level}/{k}"), level) for k in range(300))
        share = sum(right_answer(facts) == "impossible" for facts in draws) / 300
        assert 0.02 < share < 0.15


def test_all_relations_and_weekdays_and_offices_come_up() -> None:
    relations = Counter(
        right_answer(draw_facts("interval_relation", Random(f"r/{k}"), 2)) for k in range(400)
    )
    assert len(relations) == 13
    days = Counter(right_answer(draw_facts("weekday", Random(f"d/{k}"), 2)) for k in range(200))
    assert len(days) == 7
