"""The table of wordings: each row has an error that it fits, and none of its neighbours."""

import re

import msgspec
import pytest

from harness.failures import FAILURES
from harness.models.errors import error_in, failure_of, status_failure
from harness.models.wordings import WORDINGS, ErrorText, Wording, row_of
from tests.harness.models.wording_cases import CASES, NEITHER, SETTINGS, Case

URL = "http://h/v1"


def error_of(case: Case) -> ErrorText:
    """A case as the table reads it."""
    codes = (case.code.lower(),) if case.code else ()
    text = " | ".join([case.message.lower(), *codes])
    return ErrorText(0 if case.status == 200 else case.status, codes, " ".join(text.split()))


def kind(case: Case, asked: int | None = None) -> str:
    """The kind of failure that a case is over HTTP, in the usual shape of an error."""
    body = msgspec.json.encode({"error": {"message": case.message, "code": case.code or None}})
    if case.status == 200:
        return failure_of(error_in(body), "").kind
    return status_failure(case.status, {}, body, URL, asked).kind


@pytest.mark.parametrize("case", [*CASES, *NEITHER], ids=str)
def test_an_error_is_what_its_server_means(case: Case) -> None:
    assert kind(case) == case.kind


@pytest.mark.parametrize("row", WORDINGS, ids=str)
def test_each_row_is_the_first_that_fits_some_error(row: Wording) -> None:
    assert row.kind in FAILURES
    assert any(row_of(error_of(case)) is row for case in CASES)


@pytest.mark.parametrize("row", WORDINGS, ids=str)
def test_a_row_does_not_fit_without_one_of_its_words(row: Wording) -> None:
    """A word, a code or the status changed: the row no longer fits."""
    case = next(case for case in CASES if row_of(error_of(case)) is row)
    error = error_of(case)
    for word in re.findall(r"[a-z]{3,}", row.says.replace("{", " {").replace("}", "} ")):
        if f"{{{word}}}" not in row.says:
            changed = error._replace(text=error.text.replace(word, "xyz"))
            assert row_of(changed) is not row, word
    if row.codes:
        other = tuple(f"{code}x" for code in error.codes)
        text = error.text.replace("_", "-")
        assert row_of(ErrorText(error.status, other, text)) is not row
    if row.statuses:
        assert row_of(error._replace(status=418)) is not row
    for word in row.unless:
        assert row_of(error._replace(text=f"{error.text} {word}")) is not row


@pytest.mark.parametrize("case", SETTINGS, ids=str)
def test_a_limit_of_output_is_never_an_answer_of_the_model(case: Case) -> None:
    assert FAILURES[kind(case)].then == "episode"
    assert not FAILURES[kind(case)].retry


@pytest.mark.parametrize(("asked", "expected"), [(8000, "output limit"), (100, "context length")])
def test_what_was_asked_for_tells_the_prompt_from_the_limit(asked: int, expected: str) -> None:
    says = "maximum context length is 8192 tokens. However, you requested 9000 tokens."
    assert kind(Case(400, says, expected), asked) == expected


NESTED = '{"error": {"message": "prompt is too long: 9 tokens > 8 maximum"}}'
BODIES: list[tuple[int, object, str]] = [
    (404, {"detail": "Not Found"}, "wrong address"),
    (400, [{"error": {"code": 400, "message": "API key not valid."}}], "authentication"),
    (
        400,
        {"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": NESTED}}},
        "context length",
    ),
    (
        400,
        {"error": {"code": "x", "innererror": {"code": "ResponsibleAIPolicyViolation"}}},
        "content filter",
    ),
    (400, {"object": "error", "message": "maximum context length is 8 tokens"}, "context length"),
    (
        422,
        {"error": "`inputs` must have less than 8 tokens", "error_type": "validation"},
        "context length",
    ),
    (422, {"detail": [{"loc": ["body", "seed"], "msg": "no extra inputs"}]}, "bad request"),
    (400, {"__type": "ThrottlingException", "message": "slow"}, "rate limit"),
]


@pytest.mark.parametrize(("status", "body", "expected"), BODIES)
def test_an_error_in_any_shape(status: int, body: object, expected: str) -> None:
    assert status_failure(status, {}, msgspec.json.encode(body), URL).kind == expected


def test_a_page_that_is_not_there_may_be_a_wrong_address() -> None:
    failure = status_failure(404, {}, b"404 page not found\n", URL)
    assert failure.kind == "wrong address"
    assert "is the base URL right?" in str(failure)


UNDER_200 = [
    ('{"error": {"code": 429, "message": "slow"}}', "rate limit", 429),
    ('{"error": {"code": 401, "message": "who"}}', "authentication", 401),
    ('{"error": {"code": "400", "message": "no"}}', "bad request", 400),
    ('{"error": {"code": 502, "message": "no"}, "choices": []}', "server", 502),
    ('{"error": "upstream is down"}', "server", None),
    (
        '{"type": "error", "error": {"type": "overloaded_error", "message": "x"}}',
        "overloaded",
        None,
    ),
    ('{"choices": [{"error": {"code": 429, "message": "slow"}}]}', "rate limit", 429),
    (
        '{"base_resp": {"status_code": 1008, "status_msg": "no"}, "choices": null}',
        "no credit",
        None,
    ),
    ('{"code": "Arrearage", "message": "pay", "request_id": "1"}', "no credit", None),
    ('[{"error": {"code": 503, "message": "The model is overloaded."}}]', "overloaded", 503),
]


@pytest.mark.parametrize(("body", "expected", "status"), UNDER_200)
def test_an_error_under_a_good_status(body: str, expected: str, status: int | None) -> None:
    failure = failure_of(error_in(body.encode()), "")
    assert (failure.kind, failure.status) == (expected, status)


@pytest.mark.parametrize(
    "body",
    [
        '{"choices": [{"message": {}}], "error": null}',
        '{"choices": [{"message": {}, "error": {}}], "error": ""}',
        '{"choices": [{"message": {}}], "base_resp": {"status_code": 0, "status_msg": ""}}',
        '{"choices": [{"message": {"content": "\\"error\\": 1"}}]}',
        "[]",
        '"error"',
        "{",
    ],
)
def test_no_error(body: str) -> None:
    assert error_in(body.encode()) is None
