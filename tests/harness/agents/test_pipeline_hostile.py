"""Pipelines against who would break them: mangled files, and judges that say anything at all."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.agents import pipeline_reading as reading
from harness.agents.pipeline_file import read_pipeline
from harness.agents.pipeline_format import Component, Pipeline
from harness.calls.checks import checked
from harness.calls.request import request_parts
from harness.families.registry import family
from tasks.base import Ask, InputError, Outside, Reply
from tasks.means import Check
from tasks.play import play
from tests.depth import examples
from tests.factories.pipelines import ARCHON, INSTANCE, PROMPTS, TOML, program

MANIFEST = {"configuration": {"pipeline": {"name": "x", "layers": [[{"type": "generator"}]]}}}
VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, 10**30, 1001, "", "x", "a\ud800", "\n", "policy/exact", [], [1]),
    *([[]], {}, {"type": "generator"}, [{"type": "generator"}], "openai/x:temperature=3"),
)


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places in a tree of tables and lists."""
    yield place
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*place, key))


def mangled(tree: Any, place: tuple[Any, ...], value: object) -> Any:
    """A copy of a tree that has something else at a place."""
    if not place:
        return value
    whole = part = copy.deepcopy(tree)
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    return whole


def reads_or_refuses(path: Path) -> bool:
    """Whether a file is read; AssertionError if it is refused in more than a line."""
    refusal = ""
    try:
        pipeline = read_pipeline(path).pipeline
    except InputError as error:
        refusal = str(error).strip()
    if refusal:
        assert "\n" not in refusal
        return False
    assert pipeline.calls >= 1
    assert pipeline.label.startswith("pipeline:")
    assert not any(seat.startswith("policy/") for seat in pipeline.seats)
    return True


@pytest.mark.parametrize("name", [*ARCHON, "manifest"])
def test_a_mangled_file_is_read_or_refused_in_one_line(name: str, tmp_path: Path) -> None:
    tree, path, count = ARCHON.get(name, MANIFEST), tmp_path / "a.json", 0
    for place in places(tree):
        for value in VALUES:
            path.write_text(json.dumps(mangled(tree, place, value)))
            count += reads_or_refuses(path)
    assert count > 0


@pytest.mark.parametrize("name", TOML)
def test_a_mangled_table_is_read_or_refused_in_one_line(name: str, tmp_path: Path) -> None:
    tree, path, count = msgspec.toml.decode(TOML[name]), tmp_path / "a.toml", 0
    for place in places(tree):
        for value in VALUES:
            whole = mangled(tree, place, value)
            if isinstance(whole, dict):
                path.write_text("".join(f"{key} = {inline(whole[key])}\n" for key in whole))
                count += reads_or_refuses(path)
    assert count > 0


def inline(value: Any) -> str:
    """A value as TOML has it in a line; nothing is a date."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {inline(value[key])}" for key in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    return "2026-01-01" if value is None else json.dumps(value)


def test_a_model_that_has_a_ranker_in_its_name_may_generate(tmp_path: Path) -> None:
    """Six public configurations ask Snorkel-Mistral-PairRM-DPO, which is served like any other."""
    path = tmp_path / "a.json"
    tree = mangled(ARCHON["ranked"], ("layers", 0, 0, "model"), "snorkelai/Mistral-PairRM-DPO")
    path.write_text(json.dumps(tree))
    assert read_pipeline(path).pipeline.seats[0].startswith("openai/snorkelai/Mistral-PairRM-DPO")


PIECES = (
    *("[1]", "[2]", "[3]", "[٣]", "[²]", "[999999]", "[1234567]", "[-1]", "[", "]", "[]", "> "),
    *("[Correct]", "[incorrect]", "[PASSED]", "[failed]", "<think>", "</think>", "\n", "\x00"),
    *('["\\ud800 it"]', '"', "\\", "{", "}", "1. ", "- ", "9" * 5000, "[" * 3000, "\u2028", "é"),
)
WORDS = st.lists(st.sampled_from(PIECES), max_size=8).map("".join) | st.text(max_size=40)


@given(WORDS, st.integers(1, 4))
@examples(1000)
def test_whatever_a_judge_spells_is_read_or_none(text: str, count: int) -> None:
    order = reading.ranking(text, count)
    assert order is None or sorted(order) == list(range(count))
    parts = reading.critiques(text, count)
    assert parts is None or len(parts) == count
    assert reading.verdict(text) in (True, False, None)
    passed = reading.passed(text, count)
    assert passed is None or 0 <= passed <= count
    sentences = reading.tests(text, count)
    assert sentences is None or 1 <= len(sentences) <= count
    for sentence in sentences or ():
        assert sentence.encode()  # it can stand in a prompt


JUDGED = Pipeline(
    "judged",
    (
        (Component("unit_test_generator"),),
        (Component("generator", samples=2),),
        (Component("unit_test_evaluator", first_k=1),),
        (Component("critic"),),
        (Component("ranker", use_critiques=True, top_k=2),),
        (Component("verifier", first_k=1), Component("repair")),
        (Component("fuser", samples=2),),
        (Component("vote"), Component("checker")),
    ),
)


@given(WORDS)
@examples(200)
def test_whatever_is_said_in_every_seat_the_episode_has_a_grade(words: str) -> None:
    def answer(effect: Outside) -> Any:
        if isinstance(effect, Ask):
            assert request_parts(effect.seat, effect)
            return Reply(words)
        return checked(INSTANCE, PROMPTS, effect.reply) if isinstance(effect, Check) else None

    outcome = play(program(JUDGED), answer)
    assert family("tardiness").grade(INSTANCE, outcome).verdict.value == "unparsable"
