"""The program in a reply, the shape of a problem, and what an agent's settings mean."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.agents.base import AGENTS, read_agent
from harness.agents.workbench import CUT, ends, python_block, shape, source_of
from harness.sandbox.packages import versions
from tasks.base import InputError
from tasks.parts import spelled

SOLVE = "def solve(problem):\n    return {}\n"


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (f"Sure:\n```python\n{SOLVE}```\nDone.", SOLVE),
        (f"```py\n{SOLVE}```\nIt gives\n```json\n{{}}\n```", SOLVE),  # not the block after it
        (f"```\nx = 1\n```\n```python\n{SOLVE}", SOLVE),  # never closed
        (f"```python\n{SOLVE}print('```')\n```", f"{SOLVE}print('```')\n"),  # not at a line's start
        ("```python\nx = 1\n```\nor\n```python\ny = 2\n```", "y = 2\n"),
        (f"<think>```python\nwrong\n```</think>```python\n{SOLVE}```", SOLVE),
        (f"  ```python\n{SOLVE}  ```", SOLVE),
        ("print(PROBLEM)", "print(PROBLEM)"),
        ("", ""),
    ],
)
def test_the_program_of_a_reply(text: str, source: str) -> None:
    assert source_of(text) == source


@pytest.mark.parametrize(
    ("text", "block"),
    [
        ("```python\nprint(1)\n```", "print(1)\n"),
        ("```Python\nprint(1)", "print(1)\n"[:-1]),
        ('```json\n{"order": []}\n```', None),
        ('{"order": []}', None),
        ("```\nprint(1)\n```", None),  # not marked: it may be the answer
    ],
)
def test_only_a_block_that_says_so_is_run(text: str, block: str | None) -> None:
    assert python_block(text) == block


@given(st.text(alphabet="`\n pythonx", max_size=200))
def test_any_reply_has_some_program(text: str) -> None:
    assert isinstance(source_of(text), str)


def test_the_shape_of_a_problem_has_two_entries_of_each_list() -> None:
    problem = {"jobs": [{"id": "J1", "p": [1, 2, 3]}, {"id": "J2"}, {"id": "J3"}], "n": 3}
    assert json.loads(shape(problem)) == {
        "jobs": [{"id": "J1", "p": [1, 2, "..."]}, {"id": "J2"}, "..."],
        "n": 3,
    }
    assert json.loads(shape({str(k): k for k in range(99)}))["..."] == "..."


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
)


@given(JSON)
def test_a_shape_is_json_that_says_what_is_cut(value: object) -> None:
    def longest(value: object) -> int:
        if isinstance(value, list):
            return max([len(value), *map(longest, value)])
        return max(map(longest, value.values()), default=0) if isinstance(value, dict) else 0

    assert longest(json.loads(shape(value))) <= 3
    if longest(value) <= 2 and not isinstance(value, dict):
        assert isinstance(json.loads(shape(value)), type(value))


@given(st.text(max_size=60), st.integers(2, 40))
def test_of_a_long_text_both_ends_are_told(text: str, most: int) -> None:
    told = ends(text, most)
    assert len(told) <= most + len(CUT)
    if len(text) <= most:
        assert told == text
    else:
        assert told.startswith(text[: most // 2])
        assert told.endswith(text[-(most // 2) :])


@pytest.mark.parametrize(
    ("text", "spelling", "means"),
    [
        ("program:3", "program:rounds=3", "program (3 rounds, 10 CPU s and 512 MB each)"),
        ("program", "program", "program (1 round, 10 CPU s and 512 MB each)"),
        ("python:5", "python", "python (5 calls, 10 CPU s and 512 MB each)"),
        ("python:1,text=true", "python:calls=1,text=true", "python (1 call, 10 CPU s and"),
        ("checker:16", "checker:checks=16", "checker (16 checks)"),
        ("checker:2,mode=best", "checker:checks=2,mode=best", "checker (2 checks)"),
    ],
)
def test_a_number_is_the_first_setting(text: str, spelling: str, means: str) -> None:
    kind, settings = read_agent(text)
    assert spelled(kind.name, settings) == spelling
    [allowed] = kind.means(settings)
    assert allowed.startswith(means)


def test_packages_have_one_order_and_their_versions_are_part_of_what_is_allowed() -> None:
    kind, settings = read_agent("program:packages=ortools+numpy")
    assert spelled(kind.name, settings) == "program:packages=numpy+ortools"
    allowed = kind.means(settings)
    assert allowed == tuple(sorted(allowed))
    named = {f"{name} {version}" for name, version in versions(["ortools"]).items()}
    assert named == {each for each in allowed if not each.startswith("program")}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("program:packages=pandas", "no package 'pandas' in packages: there are numpy, scipy"),
        ("program:rounds=0", "rounds: 0 is not from 1 "),
        ("python:seconds=0", "seconds: 0 is not above 0"),
        ("checker:0", "checks: 0 is not from 1 "),
        ("checker:3,checks=4", "checks is given twice"),
        ("checker:mode=worst", "'worst' is not one of"),
        ("direct:3", "agent direct takes no '3', only settings"),
    ],
)
def test_a_wrong_setting_is_one_line(text: str, why: str) -> None:
    with pytest.raises(InputError) as error:
        read_agent(text)
    assert why in str(error.value)
    assert "\n" not in str(error.value)


def test_every_agent_says_what_it_lets_models_use() -> None:
    for name in AGENTS:
        kind = AGENTS[name]
        settings = kind.settings()
        assert (kind.limits(settings) is not None) == ("program" in kind.uses)
        assert (kind.means(settings) == ("direct",)) == (not kind.uses and not kind.sessions)
