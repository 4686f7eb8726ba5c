"""Keys come from the environment, go to one server, and into no message."""

from collections.abc import Iterator

import pytest

from harness import secrets
from harness.models.base import ProviderFailure
from harness.models.errors import explanation
from harness.secrets import NO_KEY, choose_key, read_key, redact, scrub
from tasks.base import InputError, Reply, ToolCall


@pytest.fixture(autouse=True)
def no_keys_left() -> Iterator[None]:
    """Forget the keys that a test read: they would be blotted out of what later tests print."""
    before = set(secrets._read)
    yield
    secrets._read.intersection_update(before)


def test_a_missing_key_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMPTY_KEY", "  ")
    for variable in ("EMPTY_KEY", "SURELY_NOT_SET_KEY"):
        monkeypatch.delenv("SURELY_NOT_SET_KEY", raising=False)
        with pytest.raises(InputError, match=f"set the environment variable {variable}$"):
            read_key(variable)


def test_a_key_is_trimmed_and_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", " sk-1234\n")
    assert read_key("MY_KEY") == "sk-1234"
    monkeypatch.setenv("MY_KEY", "sk-1234\nsk-5678")
    with pytest.raises(InputError) as caught:
        read_key("MY_KEY")
    assert "1234" not in str(caught.value)


def test_the_usual_key_goes_to_no_other_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-usual")
    monkeypatch.setenv("OTHER_KEY", "sk-other")
    assert choose_key("OPENAI_API_KEY", None, None) == "sk-usual"
    assert choose_key("OPENAI_API_KEY", "http://h/v1", None) == NO_KEY
    assert choose_key("OPENAI_API_KEY", "http://h/v1", "OTHER_KEY") == "sk-other"
    assert choose_key("OPENAI_API_KEY", None, "OTHER_KEY") == "sk-other"


def test_scrub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHORT_KEY", "sk-1")
    monkeypatch.setenv("UNREAD_API_TOKEN", "tok-987654321")
    monkeypatch.setenv("LONGER_SECRET", "tok-987654321-and-more")
    read_key("SHORT_KEY")
    assert scrub("a sk-1 b") == "a *** b"
    assert scrub("tok-987654321-and-more tok-987654321") == "*** ***"
    assert scrub("http://me:pass@host/v1") == "http://***@host/v1"
    assert scrub("nothing to hide") == "nothing to hide"


def test_a_part_of_a_key_is_blotted_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", "sk-proj-abcdefghijklmnop-wxyz")
    read_key("MY_API_KEY")
    for told in (
        "sk-proj-ab",
        "sk-proj-****wxyz",
        "sk-pr***********wxyz",
        "sk-proj-abcd...wxyz",
        "sk-proj-abcdefghij…",
        "****wxyz",
    ):
        assert scrub(f"no such key: {told}, ask again") == "no such key: ***, ask again", told
    for said in ("a ** b", "sk-", "wxyz", "one...two", "2 ***** stars", "a" * 100_000):
        assert scrub(said) == said


def test_a_reply_is_without_the_key_that_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    key = "sk-proj-abcdefghijklmnop-wxyz"
    monkeypatch.setenv("MY_API_KEY", key)
    monkeypatch.setenv("A_SHORT_KEY", "starts")
    read_key("MY_API_KEY")
    read_key("A_SHORT_KEY")
    call = ToolCall("1", "look", f'{{"key": "{key}"}}')
    told = Reply(f"{key}, again {key}", (call,), blocks=({"raw": [key]},), seconds=1.5)
    clean = Reply(
        "***, again ***",
        (ToolCall("1", "look", '{"key": "***"}'),),
        blocks=({"raw": ["***"]},),
        seconds=1.5,
    )
    assert redact(told) == clean
    same = Reply('{"starts": {}}')
    assert redact(same) is same


def test_no_failure_holds_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", "sk-abcdefghijkl")
    read_key("MY_API_KEY")
    assert str(ProviderFailure("server", "sk-abcdefghijkl!")) == "server: ***!"


def test_a_cut_message_holds_no_part_of_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", "sk-abcdefghijkl")
    assert "sk-" not in explanation(b"x" * 295 + b"sk-abcdefghijkl")


def test_the_word_that_stands_for_no_key_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", NO_KEY)
    assert read_key("OPENAI_API_KEY") == NO_KEY
    assert scrub("none of these models") == "none of these models"
