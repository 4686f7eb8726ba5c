"""Contexts from a seed: the same bytes anywhere, and questions that nothing short answers."""

import os
import subprocess
import sys
from collections import Counter
from typing import Any

import msgspec
import pytest

from generators.contexts import LEVELS, generate, held_out, resolve, steps_at
from graders.exact.contexts import naive_answer, passes, right_answer
from harness.families.contexts import POLICIES
from tasks.base import InputError
from tasks.contexts import KEY, KINDS, QuestionStep
from tests.depth import often
from tests.factories.contexts import context

BARE = (
    "import msgspec, sys; from generators.contexts import generate;"
    " batch = [generate(1 + k % 8, 3, k, {}) for k in range(8)];"
    " sys.stdout.write(msgspec.json.encode(batch).decode())"
)
MOST = 0.15  # of the questions of a kind and level that a constant or a shortcut answers


def test_the_same_seed_is_the_same_bytes_in_any_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BARE],
        env={**os.environ, "PYTHONHASHSEED": "77"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    again = [generate(1 + k % 8, 3, k, {}) for k in range(8)]
    assert msgspec.json.encode(again).decode() == done.stdout


def test_levels_seeds_and_indices_share_nothing() -> None:
    batch = [generate(level, s, k, {}) for level in (1, 2) for s in (0, 1) for k in (0, 1)]
    assert len({one.id for one in batch}) == len({one.payload for one in batch}) == len(batch)
    assert [len(one.payload.steps) for one in batch] == [8] * 4 + [10] * 4
    assert all(":" not in one.id and "-k" in one.id for one in batch)


def test_settings_change_what_they_say_and_nothing_else() -> None:
    plain = context(questions=7).payload
    once = context(questions=7, shown="once").payload
    assert msgspec.structs.replace(once, shown="always") == plain
    for foretold in range(8):
        few = context(questions=7, foretold=foretold).payload
        assert (few.steps, few.questions) == (plain.steps, plain.questions)
        assert len(few.foretold) == len(few.examples) == foretold
        assert few.foretold <= plain.foretold
    long = context(questions=14).payload
    assert long.questions[:7] == plain.questions


@pytest.mark.parametrize("level", [1, LEVELS])
def test_each_kind_is_asked_as_often_and_no_question_twice(level: int) -> None:
    for index in range(3):
        for count in (7, 28):
            payload = generate(level, 0, index, {"questions": count}).payload
            kinds = Counter(question.kind for question in payload.questions)
            assert kinds == dict.fromkeys(KINDS, count // 7)
            assert len(set(payload.questions)) == count
            assert not set(payload.questions) & set(payload.examples)


@pytest.mark.parametrize("level", range(1, LEVELS + 1))
def test_no_constant_and_no_shortcut_is_right_more_often_than_chance(level: int) -> None:
    """Shares of a sample, so with three standard errors of room: 15 % of 300 in `make slow`."""
    count = often(300)
    answers: dict[str, Counter[int]] = {kind: Counter() for kind in KINDS}
    naive: Counter[str] = Counter()
    majority: Counter[str] = Counter()
    for index in range(count):
        one = generate(level, 11, index, {})
        project = passes(one.payload.steps)
        for number, question in enumerate(one.payload.questions, 1):
            right = right_answer(project, question)
            answers[question.kind][right] += 1
            naive[question.kind] += naive_answer(project, question) == right
            said = POLICIES["majority"].answer(QuestionStep(one, number))
            majority[question.kind] += said == {KEY: right}
    room = 3 * (MOST * (1 - MOST) / count) ** 0.5 if count < 300 else 0.0
    for kind in KINDS:
        assert max(answers[kind].values()) / count <= MOST + room, kind
        assert naive[kind] / count <= MOST + room, kind
        assert majority[kind] / count <= MOST + room, kind


def test_questions_held_out_are_on_the_same_project_and_new() -> None:
    for count in (7, 28):
        one = context(questions=count, level=1)
        held = held_out(one, 20)
        assert held.payload.steps == one.payload.steps
        assert len(held.payload.questions) == 20
        assert not set(held.payload.questions) & set(one.payload.questions)
        assert held_out(one, 20) == held


@pytest.mark.parametrize(
    ("level", "settings", "why"),
    [
        (0, {}, "level 0: contexts have levels 1 to 8"),
        (9, {}, "level 9: contexts have levels 1 to 8"),
        (1, {"questions": 0}, "questions: 0 is not from 1 to 28"),
        (1, {"questions": 29}, "questions: 29 is not from 1 to 28"),
        (1, {"foretold": 8}, "foretold: 8 is not from 0 to 7"),
        (1, {"shown": "never"}, "settings of contexts: shown: 'never' is not one of always, once"),
        (1, {"kinds": 3}, "settings of contexts"),
    ],
)
def test_wrong_settings_are_one_line(level: int, settings: Any, why: str) -> None:
    with pytest.raises(InputError) as error:
        resolve(level, settings)
    assert why in str(error.value)
    assert "\n" not in str(error.value)


def test_a_project_grows_by_two_steps_a_level() -> None:
    assert [steps_at(level) for level in range(1, 9)] == [8, 10, 12, 14, 16, 18, 20, 22]
