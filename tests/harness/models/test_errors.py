"""Statuses and error bodies into kinds of failure."""

from email.utils import formatdate
from time import time

import msgspec
import pytest

from harness.failures import FAILURES
from harness.models.errors import connection_failure, explanation, status_failure, wait

CONTEXT_WORDS = [
    "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens.",
    "prompt is too long: 210000 tokens > 200000 maximum",
    "the request exceeds the available context size, try increasing it",
    "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    "Please reduce the length of the messages or completion.",
]


def kind(status: int, message: str = "no", code: str | None = None) -> str:
    """The kind of a failure with this status and error object."""
    body = msgspec.json.encode({"error": {"message": message, "code": code}})
    return status_failure(status, {}, body, "http://h/v1").kind


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (301, "bad request"),
        (400, "bad request"),
        (401, "authentication"),
        (402, "no credit"),
        (403, "authentication"),
        (404, "no such model"),
        (405, "bad request"),
        (408, "server"),
        (409, "server"),
        (413, "bad request"),
        (422, "bad request"),
        (424, "server"),
        (429, "rate limit"),
        (498, "overloaded"),
        (500, "server"),
        (502, "server"),
        (503, "server"),
        (529, "overloaded"),
    ],
)
def test_kind_by_status(status: int, expected: str) -> None:
    assert kind(status) == expected
    assert FAILURES[expected].boundary == "provider"


@pytest.mark.parametrize("words", CONTEXT_WORDS)
def test_context_length_by_its_words(words: str) -> None:
    assert kind(400, words) == "context length"
    assert kind(429, words) == "rate limit"


def test_context_length_by_its_code() -> None:
    assert kind(400, "too much", "context_length_exceeded") == "context length"


def test_no_credit() -> None:
    assert kind(429, "You exceeded your current quota", "insufficient_quota") == "no credit"
    assert kind(429, "You exceeded your current quota") == "rate limit", "Gemini's limit a minute"
    assert kind(400, "Your credit balance is too low to access the API.") == "no credit"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after-ms": "x", "retry-after": "1"}, 1.0),
        ({"retry-after": "Mon, 01 Jan 2001 00:00:00 GMT"}, 0.0),
    ],
)
def test_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert wait(headers) == seconds


def test_wait_until_a_date() -> None:
    seconds = wait({"retry-after": formatdate(time() + 30, usegmt=True)})
    assert seconds is not None
    assert 28 < seconds <= 30


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "nothing"),
        (b'{"error": {"message": "a\\nb", "code": "c"}}', "a b (c)"),
        (b'{"type": "error", "error": {"type": "t", "message": "m"}}', "m (t)"),
        (b'{"error": "plain"}', "plain"),
        (b'{"message": "flat", "code": 7}', "flat (7)"),
        (b'{"detail": "Not Found"}', "Not Found"),
        (
            b'{"detail": [{"loc": ["body", "seed"], "msg": "not permitted"}]}',
            "body.seed: not permitted",
        ),
        (b'[{"error": {"message": "m", "code": 400}}]', "m (400)"),
        (b'{"error": null}', '{"error": null}'),
        (b"<html>\n  502</html>", "<html> 502</html>"),
        (b"\xff", "\ufffd"),
    ],
)
def test_explanation(body: bytes, told: str) -> None:
    assert explanation(body) == told


def test_a_long_explanation_is_cut() -> None:
    assert len(explanation(b"x" * 100_000)) == 300


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (TimeoutError(), "time limit: http://h/v1: TimeoutError"),
        (ConnectionResetError("reset\nby peer"), "connection: http://h/v1: reset by peer"),
    ],
)
def test_a_connection_error_goes_by_its_first_cause(cause: Exception, expected: str) -> None:
    middle, outer = RuntimeError("ConnectTimeout"), RuntimeError("Request timed out.")
    outer.__cause__, middle.__cause__ = middle, cause
    assert str(connection_failure(outer, "http://h/v1")) == expected
