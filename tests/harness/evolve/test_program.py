"""Programs out of replies: what is meant is found, what is not there is named."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.evolve.program import Unreadable, apply_blocks, arguments_of, check, length, read_reply
from harness.evolve.program_model import imports_numpy
from tasks.base import Reply

CODE = "def priority(p, d):\n    return max(p, d)\n"
PARENT = "def priority(p, d):\n    a = 1.0\n    return a * p + d\n"


@pytest.mark.parametrize(
    "text",
    [
        f"```python\n{CODE}```",
        f"An idea.\n\n```python\n{CODE}```\nThat is all.",
        f"```\n{CODE}```",
        f"```py\n{CODE}",  # never closed, but whole
        CODE,
        f"Here it is:\n\n{CODE}\nIt takes the larger one, doesn't it?",
        f"<think>def priority(): no</think>\n```python\n{CODE}```",
        f"```python\ndef other():\n    pass\n```\nand\n```python\n{CODE}```\n```python\nx = 1\n```",
        f"Before:\n```python\n{PARENT}```\nAfter:\n```python\n{CODE}```",
    ],
)
def test_the_program_is_found(text: str) -> None:
    assert read_reply(Reply(text), "priority").source.strip() == CODE.strip()


def test_bare_code_keeps_its_imports_and_helpers() -> None:
    bare = f"from math import exp\nK = 2.0\n\ndef helper(x):\n    return exp(x) * K\n\n{CODE}"
    assert (
        read_reply(Reply(f"I say:\n\n{bare}\nGood."), "priority")
        .source.strip()
        .endswith(CODE.strip())
    )
    draft = read_reply(Reply(f"Use two constants.\n```python\n{bare}```\n"), "priority")
    assert draft.source == bare
    assert draft.thought == "Use two constants."


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "empty reply"),
        ("  \n", "empty reply"),
        ("<think>on and on", "cut off"),
        ("I cannot do that.", "no code"),
        ("```python\ndef rank(p, d):\n    return p\n```", "no function"),
        ("```python\nclass A:\n    def priority(self): return 1\n```", "no function"),
        ("```python\ndef priority(p, d):\n    return (p\n```", "syntax error"),
        ("```python\ndef priority(p, d):\nreturn p\n```", "syntax error"),
        ("```python\ndef priority(p, d):\n    return p\0\n```", "syntax error"),
        ("```python\ndef priority(p, d):\n    return " + "-" * 9000 + "p\n```", "syntax error"),
        ("```python\ndef priority(p, d):\n    return " + "(" * 500 + "\n```", "syntax error"),
        ("```python\n" + CODE + "#" * 20_000 + "\n```", "too long"),
    ],
)
def test_what_is_no_program_is_named_in_a_line(text: str, kind: str) -> None:
    with pytest.raises(Unreadable) as error:
        read_reply(Reply(text), "priority")
    assert error.value.kind == kind
    assert "\n" not in error.value.detail


def test_a_reply_that_was_cut_off_is_no_syntax_error() -> None:
    cut = Reply("```python\ndef priority(p, d):\n    return (", finish="length")
    with pytest.raises(Unreadable) as error:
        read_reply(cut, "priority")
    assert error.value.kind == "cut off"
    whole = Reply(f"```python\n{CODE}```\nAnd now I go on and", finish="length")
    assert read_reply(whole, "priority").source == CODE


@given(st.text(alphabet="def priority(p,):\n `<>=SEARCH+1\0\\\"'#é", max_size=300))
@settings(max_examples=300)
def test_no_text_breaks_the_reader(text: str) -> None:
    for parent in (None, PARENT):
        with suppress(Unreadable):
            check(read_reply(Reply(text), "priority", parent).source, "priority")


def block(old: str, new: str) -> str:
    return f"<<<<<<< SEARCH\n{old}=======\n{new}>>>>>>> REPLACE\n"


def test_blocks_change_the_parent() -> None:
    text = "Double it.\n" + block("    a = 1.0\n", "    a = 2.0\n    b = 3.0\n")
    draft = read_reply(Reply(text), "priority", PARENT)
    assert draft.source == PARENT.replace("    a = 1.0\n", "    a = 2.0\n    b = 3.0\n")
    assert draft.thought == "Double it."
    assert apply_blocks(PARENT, block("    a = 1.0\n", "")) == PARENT.replace("    a = 1.0\n", "")
    two = block("    a = 1.0 \n", "    a = 2.0\n") + block("    a = 2.0\n", "    a = 3.0\n")
    assert "a = 3.0" in apply_blocks(PARENT, two)
    fenced = "```\n" + block("    a = 1.0\n", "    a = 5.0\n") + "```"
    assert "```" not in read_reply(Reply(fenced), "priority", PARENT).thought


def test_a_whole_program_may_stand_for_its_changes() -> None:
    assert read_reply(Reply(f"```python\n{CODE}```"), "priority", PARENT).source == CODE


@pytest.mark.parametrize("old", ["    a = 7.0\n", "\n", ""])
def test_a_search_that_is_not_there_is_named(old: str) -> None:
    with pytest.raises(Unreadable) as error:
        read_reply(Reply(block(old, "    a = 2.0\n")), "priority", PARENT)
    assert error.value.kind == "block not found"


def test_a_search_that_is_there_twice_is_named() -> None:
    twice = "def priority(p, d):\n    a = 1\n    a = 1\n    return a\n"
    with pytest.raises(Unreadable, match="more than once"):
        apply_blocks(twice, block("    a = 1\n", "    a = 2\n"))


def test_length_counts_no_words() -> None:
    told = 'def priority(p, d):\n    """Say much."""\n    # and more\n    return  max( p,d )\n'
    assert length(told) == length(CODE) == len(CODE) - 1
    assert length("no python (") == len("no python (")


def test_arguments_are_read_from_the_last_definition() -> None:
    assert arguments_of(CODE + "def priority(a, /, b, c=1): return a\n", "priority") == (
        "a",
        "b",
        "c",
    )


@pytest.mark.parametrize(
    ("source", "imports"),
    [
        ("import numpy\n", True),
        ("import math, numpy.linalg as la\n", True),
        ("from numpy import array\n", True),
        ("def f(x):\n    from numpy.random import default_rng\n    return x\n", True),
        ("# this does not need numpy\ndef f(x):\n    return x\n", False),
        ("def f(x):\n    'as numpy does it'\n    return 'import numpy'\n", False),
        ("import numpyish\nfrom . import numpy\n", False),
    ],
)
def test_numpy_is_wanted_only_by_programs_that_import_it(source: str, imports: bool) -> None:
    assert imports_numpy(source) is imports
