"""The one spelling of settings: `NAME:key=value,...`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.agents.base import read_agent
from harness.models.names import canonical_name, read_name
from memory.base import MEMORIES, read_memory
from tasks.base import InputError, Noun
from tasks.parts import PartName, read_part, settings_of, spelled


class Example(Noun, frozen=True):
    words: int = 5
    exact: bool = False
    share: float = 0.5
    tag: str = ""


def test_a_part_in_its_three_forms() -> None:
    assert read_part("summary") == PartName("summary", "", {})
    assert read_part("summary:words=200") == PartName("summary", "", {"words": "200"})
    inner = PartName("sleep-time", "history", {"calls": "2"})
    assert read_part("sleep-time:history,calls=2") == inner
    assert read_part("pipeline:my=file.toml").settings == {"my": "file.toml"}


@given(
    st.integers(-9, 999),
    st.booleans(),
    st.floats(0, 1).map(lambda x: round(x, 4)),
    st.text("abc-", max_size=4),
)
def test_the_shortest_spelling_reads_back(words: int, exact: bool, share: float, tag: str) -> None:
    settings = Example(words, exact, share=share, tag=tag)
    text = spelled("example", settings)
    assert settings_of(read_part(text), Example) == settings
    assert ("words" in text) == (words != 5)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("summery", "unknown memory 'summery': there are none, history"),
        ("summary:word=2", "summary: unknown setting 'word': it has words"),
        ("summary:words=0", "summary: words: 0 is not from 1 to 400"),
        ("summary:words=many", "summary: Expected `int"),
        ("summary:history", "memory summary takes no 'history', only settings"),
        ("summary:words=2,words=3", "words is given twice"),
        ("summary:words=2,3", "'3' is not of the form key=value"),
        ("history:rounds=3", "history: unknown setting 'rounds': it has no settings"),
    ],
)
def test_a_wrong_memory_is_one_line(text: str, why: str) -> None:
    with pytest.raises(InputError) as error:
        read_memory(text)
    assert why in str(error.value)


def test_defaults_are_not_spelled() -> None:
    for name in MEMORIES:
        kind, settings = read_memory(name)
        assert spelled(kind.name, settings) == name
    assert spelled(*_named(read_memory("facts:facts=40"))) == "facts"
    assert spelled(*_named(read_agent("text-tools"))) == "text-tools"


def _named(read: tuple[object, Noun]) -> tuple[str, Noun]:
    kind, settings = read
    return kind.name, settings  # type: ignore[attr-defined]


def test_names_of_models_keep_their_colons() -> None:
    for name in ("openai/llama3:8b", "openai/ft:gpt-5:org::id", "policy/file:a=b.py@0123456789ab"):
        assert read_name(name).base == name
    base, settings = read_name("openai/llama3:8b:temperature=0,max_output_tokens=50")
    assert base == "openai/llama3:8b"
    assert (settings.temperature, settings.max_output_tokens) == (0.0, 50)
    spelled_otherwise = "openai/m:max_output_tokens=50,temperature=0.0"
    assert canonical_name(spelled_otherwise) == "openai/m:temperature=0,max_output_tokens=50"
    for wrong in ("openai/m:temprature=0", "openai/m:max_output_tokens=0", "policy/edf:seed=1"):
        with pytest.raises(InputError):
            read_name(wrong)
