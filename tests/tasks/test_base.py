"""The nouns: exact round trips, strict decoding, nothing wrong can be built."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.base import (
    Grade,
    Message,
    Noun,
    Parsed,
    Problem,
    Record,
    Reference,
    Reply,
    ToolCall,
    Usage,
    Verdict,
)

numbers = st.one_of(st.integers(-(2**60), 2**60), st.floats(allow_nan=False, allow_infinity=False))
texts = st.text(max_size=20)
json = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda x: st.lists(x, max_size=3) | st.dictionaries(texts, x, max_size=3),
    max_leaves=6,
)
fields = st.dictionaries(texts, json, max_size=3)
maybe = st.none() | st.integers(0, 2**40)

nouns: list[st.SearchStrategy[Noun]] = [
    st.builds(Usage, maybe, maybe, maybe, maybe),
    st.builds(
        Reply,
        texts,
        st.tuples(st.builds(ToolCall, texts, texts, texts)),
        texts,
        st.builds(Usage, maybe, maybe),
        st.floats(0, 1e6),
        texts,
        st.none() | st.floats(0, 9),
    ),
    st.builds(Message, st.sampled_from(["system", "user"]), texts),
    st.builds(Parsed, st.none() | fields, texts, st.none() | texts),
    st.builds(Problem, texts, texts, st.none() | texts),
    st.builds(
        Grade,
        st.sampled_from(list(Verdict)),
        st.floats(-5, 1),
        st.none() | numbers,
        st.none() | numbers,
        st.none() | st.floats(-1, 9),
        st.none() | st.just("bound"),
        st.lists(fields, max_size=2).map(tuple),
        st.dictionaries(texts, st.floats(0, 1), max_size=2),
    ),
]


@given(st.one_of(nouns))
def test_round_trips_are_exact(noun: Noun) -> None:
    text = msgspec.json.encode(noun)
    again = msgspec.json.decode(text, type=type(noun))
    assert again == noun
    assert msgspec.json.encode(again) == text


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Usage, '{"input": 1.0}'),
        (Usage, '{"input": true}'),
        (Usage, '{"inputs": 1}'),
        (Reply, "{}"),
        (Reference, '{"status": "perfect"}'),
        (Grade, '{"verdict": "fine", "score": 1}'),
    ],
)
def test_decoding_is_strict(kind: Any, text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=kind)


def test_nouns_are_frozen() -> None:
    with pytest.raises(AttributeError):
        Usage().input = 1  # type: ignore[misc]


def test_an_optimum_is_its_own_bound() -> None:
    with pytest.raises(ValueError, match="objective 5 is not its bound 4"):
        Reference("optimal", 5, 4)
    with pytest.raises(ValueError, match="objective None"):
        Reference("optimal")


def test_a_record_has_a_grade_or_a_problem() -> None:
    fields: dict[str, Any] = dict.fromkeys(Record.__struct_fields__)
    with pytest.raises(ValueError, match="needs either"):
        Record(**fields)
    assert Record(**fields | {"problem": Problem("world", "x")}).problem
