"""What of a reply is thought and what is said."""

import json
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.base import Reply
from tasks.parse import parse_object
from tasks.thoughts import reasoning_of, without_thoughts
from tests.depth import examples

ANSWER = '{"starts": {"A": 1}}'
DRAFT = '{"starts": {"A": 9}}'


@pytest.mark.parametrize(
    ("text", "spoken", "thought"),
    [
        ("a", "a", ""),
        ("<think>b</think>a", "a", "b"),
        ("b</think>a", "a", "b"),
        ("b\n</think>\n\na", "\n\na", "b"),
        ("<think>b<think>c</think>d</think>a", "a", "b<think>c\n\nd"),
        ("a<think>b", "a", "b"),
        ("a<think>b</think>c", "ac", "b"),
        ("a <think>b</think> c\n</think> d", " d", "a \n\nb\n\n c"),
        ('an inch is 1" </think> d: {"a": 1}', ' d: {"a": 1}', 'an inch is 1"'),
        ("the `<think>` tag", "the `<think>` tag", ""),
        ('a "</think>" b', 'a "</think>" b', ""),
        ("b ```</think>``` a", "``` a", "b ```"),
        ("I end with </think> here", "I end with </think> here", ""),
        ("I end with </think> {}", " {}", "I end with"),
        ("It was clear.</think> so a", " so a", "It was clear."),
        ("so be it </think>a", "a", "so be it"),
    ],
)
def test_thoughts_end_at_tags(text: str, spoken: str, thought: str) -> None:
    assert without_thoughts(text)[0] == spoken
    assert reasoning_of(Reply(text)) == thought


def test_thoughts_beside_the_text_come_first() -> None:
    assert reasoning_of(Reply("<think>b</think>a", reasoning="r")) == "r\n\nb"
    assert reasoning_of(Reply("a", reasoning="r")) == "r"


@pytest.mark.parametrize(
    "text",
    [
        f"{ANSWER}\nI closed my thoughts with </think> as I was told.",
        f"{ANSWER} (`</think>` ends a thought)",
        f"{ANSWER}\n'</think>'",
        f"I do not use `<think>` here. {ANSWER}",
        f"<think>I must not write `</think>` now, {DRAFT}</think>{ANSWER}",
        f'{{"note": "end with </think>", {ANSWER[1:]}',
        f"<think>{DRAFT}</think>{ANSWER}\nThat was a </think>, of course.",
        f"so {DRAFT}</think> {ANSWER}\nThat was a </think>, of course.",
    ],
)
def test_a_tag_in_prose_takes_no_answer_away(text: str) -> None:
    assert (parse_object(Reply(text), "starts").value or {})["starts"] == {"A": 1}


@pytest.mark.parametrize(
    "text",
    [
        f"{DRAFT}</think> I do not know",
        f"{DRAFT}\n</think>\nI do not know",
        f"{DRAFT} is my draft.</think> I do not know",
        f"<think>{DRAFT}</think> I do not know",
        f"<think>{DRAFT}</think>",
        f"<think>{DRAFT}",
        f"<think>a <think>{DRAFT}</think> b </think> I do not know",
    ],
)
def test_an_answer_in_thoughts_only_is_none_and_its_place_is_told(text: str) -> None:
    parsed = parse_object(Reply(text), "starts")
    assert parsed.value is None
    assert (parsed.problem or "").endswith("; the answer stands in the reasoning only")


@pytest.mark.parametrize(
    ("text", "reasoning", "place"),
    [
        ("no", ANSWER, True),
        ("", f"So it is {ANSWER}.", True),
        ("no", "no", False),
        ('{"starts": {"A": 1, "A": 2}}', ANSWER, True),
        ("no", '{"starts": {"A": 1, "A": 2}}', False),
    ],
)
def test_the_place_of_an_answer_beside_the_text_is_told(
    text: str, reasoning: str, place: bool
) -> None:
    parsed = parse_object(Reply(text, reasoning=reasoning), "starts")
    assert parsed.value is None
    assert ("the answer stands in the reasoning only" in (parsed.problem or "")) == place


def test_a_reply_that_was_cut_off_in_a_thought_has_only_drafts_there() -> None:
    reply = Reply(f"<think>{DRAFT} or", finish="length")
    assert "cut off" in (parse_object(reply, "starts").problem or "")
    assert "stands in" not in (parse_object(reply, "starts").problem or "")


PIECES = st.lists(st.sampled_from(["<think>", "</think>", "a", " ", "\n", "`", '"', "{", "b."]))


@examples(3000)
@given(PIECES.map("".join))
def test_every_letter_is_said_or_thought(text: str) -> None:
    """Nothing is lost, nothing doubled, but for the tags that count."""
    spoken, _ = without_thoughts(text)
    letters = sorted(
        (spoken + reasoning_of(Reply(text))).replace("</think>", "").replace("<think>", "")
    )
    assert [x for x in letters if x in "ab"] == [
        x for x in sorted(text.replace("think", "")) if x in "ab"
    ]


@examples(2000)
@given(st.lists(st.sampled_from(["hm", DRAFT, "\n", "`x`", "then "])).map("".join))
def test_an_answer_after_a_thought_is_the_answer(thought: str) -> None:
    for before in (f"<think>{thought}</think>", f"{thought}</think>", f"{thought}\n</think>\n\n"):
        assert parse_object(Reply(before + ANSWER), "starts").value == json.loads(ANSWER)


@pytest.mark.heavy
@pytest.mark.parametrize(
    "text", ["a </think> b" * 50_000, '"</think>"' * 50_000, "<think>" * 50_000]
)
def test_hostile_tags_take_no_time(text: str) -> None:
    begin = process_time()
    without_thoughts(text)
    reasoning_of(Reply(text))
    assert process_time() - begin < 2
