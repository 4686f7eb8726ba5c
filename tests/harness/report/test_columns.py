"""A text is put together again as it was, whatever its numbers, and repeats cost little."""

import random
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.report.columns import FEW, columns
from harness.report.pack import compress
from tests.depth import examples
from tests.harness.report.unpacked import value, whole

PIECES = st.sampled_from(
    [
        "T01",
        "T1",
        "T007",
        "0",
        "00",
        "12",
        "99999",
        "1234",
        "12345",
        "0,",
        ",",
        "\\n",
        "\\",
        "n",
        "- T03 before T12\\n",
        '"a":',
        "-3,",
        "2025-01-07,",
        "1e-05,",
        "\ufeff",
        "é9,",
        "\U0001f5d3",
    ]
)
TEXTS = st.lists(PIECES, max_size=60).map("".join)


@given(TEXTS, st.integers(1, 6))
@examples(1000)
@example("", 1)
@example("1,2,3,4,5,1000000000000,00,000,", FEW)
def test_a_text_is_whole_again(text: str, times: int) -> None:
    assert whole(columns(text * times)) == text * times


@pytest.mark.heavy
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(10**20), 10**20)
        | st.text(max_size=30)
        | st.floats(allow_nan=False, allow_infinity=False),
        lambda inside: (
            st.lists(inside, max_size=9) | st.dictionaries(st.text(), inside, max_size=9)
        ),
    )
)
@examples(500)
def test_a_value_is_whole_again(told: object) -> None:
    assert value(compress(told)) == told
    assert value(compress([told] * FEW)) == [told] * FEW


@pytest.mark.heavy
def test_more_shapes_than_there_are_letters_are_words() -> None:
    text = "".join(f"{k:017b}x,".replace("0", "a").replace("1", "b") * FEW for k in range(2**16))
    assert whole(columns(text)) == text


def test_numbers_told_twice_cost_little_more_than_once() -> None:
    rng = random.Random("columns")
    drawn = [rng.randrange(60) for _ in range(2000)]
    prompts = [f"- T{k % 40 + 1:02}: duration {n}, release {k}" for k, n in enumerate(drawn)]
    once, twice = len(compress(prompts)), len(compress([prompts, drawn]))
    assert once < 0.65 * len(zlib.compress("\n".join(prompts).encode(), 9))
    assert twice < once + 250
