"""Errors of servers as the kinds of failure that the run loop knows.

What a server says under a good status goes the same way as what it says under a bad one.
"""

import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from errno import ECONNREFUSED
from math import isfinite
from typing import Any

import msgspec

from harness.models.base import ConnectionRefused, ProviderFailure
from harness.models.wordings import ErrorText, kind_of
from harness.secrets import scrub

NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
LONGEST = 300  # characters of a provider's explanation that are kept
READ = 20_000  # characters of a body in which words are looked for

STATUS_KINDS = {
    401: "authentication",
    402: "no credit",
    403: "authentication",
    404: "no such model",
    408: "server",
    409: "server",
    424: "server",  # TGI, Bedrock: generating failed
    425: "server",
    429: "rate limit",
    498: "overloaded",  # Groq: no room in this tier
    499: "server",
    529: "overloaded",
}
_CODES = ("code", "type", "status", "error_type", "__type", "status_code", "reason")
_TEXTS = ("message", "detail", "msg", "status_msg", "error", "param")
_INSIDE = ("innererror", "inner_error", "metadata", "details", "errors", "error", "detail", "raw")
_DEEPEST = 5  # of an error in an error


def status_failure(
    status: int, headers: Mapping[str, str], body: bytes, url: str, asked: int | None = None
) -> ProviderFailure:
    """Return the failure behind an HTTP status that is an error.

    Args:
        status: of the response.
        headers: of the response, which may tell how long to wait.
        body: of the response.
        url: that was asked.
        asked: the most output tokens that the request asked for.
    """
    value = _decode(body)
    error = _error_text(status, value if value is not None else body.decode(errors="replace"))
    kind = kind_of(error, asked) or status_kind(status)
    message = f"{status} from {url}: {explanation(body)}"
    if kind == "wrong address":
        message += "; is the base URL right? Most end in /v1"
    return ProviderFailure(kind, message, wait(headers), status)


def status_kind(status: int) -> str:
    """Return the kind of failure behind a status of which no more is known."""
    return STATUS_KINDS.get(status, "bad request" if status < 500 else "server")


def error_in(body: bytes) -> Any:
    """Return the error that a body holds which came under a good status; None for none."""
    value = _decode(body)
    if isinstance(value, list) and len(value) == 1:  # Gemini's
        value = value[0]
    if not isinstance(value, dict):
        return None
    return next((error for error in _errors(value) if _says_something(error)), None)


def _errors(fields: dict[str, Any]) -> Iterator[Any]:
    """Yield what may be an error, in the places in which servers put it."""
    yield fields.get("error")
    choices = fields.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        yield choices[0].get("error")
    status = fields.get("base_resp")  # MiniMax
    if isinstance(status, dict) and status.get("status_code"):
        yield status
    if not {"choices", "content", "output"} & fields.keys() or fields.get("object") == "error":
        yield fields


def _says_something(error: Any) -> bool:
    """Return whether an error has a message or a code; `null`, "" and {} are none."""
    if isinstance(error, dict):
        return any(error.get(name) for name in (*_CODES[:2], *_TEXTS[:4], "status_code"))
    return isinstance(error, str) and bool(error.strip())


def failure_of(error: Any, start: str) -> ProviderFailure:
    """Return the failure that an error under a good status is.

    Args:
        error: as the body has it.
        start: how its message begins.
    """
    text = _error_text(0, error)
    kind = kind_of(text)
    if kind is None:
        kind = status_kind(text.status) if text.status else "server"
    return ProviderFailure(kind, start + _told(error), None, text.status or None)


def _error_text(status: int, error: Any) -> ErrorText:
    """Return an error's status, codes and words; the status of a body may be in its code."""
    codes, texts = _gather(error, _DEEPEST)
    statuses = [int(code) for code in codes if code.isdecimal() and 400 <= int(code) < 600]
    text = " ".join(" | ".join([*texts, *codes]).split()).lower()[:READ]
    return ErrorText(status or next(iter(statuses), 0), tuple(c.lower() for c in codes), text)


def _gather(error: Any, depth: int) -> tuple[list[str], list[str]]:
    """Return the codes and the texts of an error, and of errors in it."""
    codes: list[str] = []
    texts: list[str] = []
    if isinstance(error, str):
        inner = _decode(error.encode(errors="replace")) if error[:1] in ("{", "[") else None
        return _gather(inner, depth - 1) if inner and depth else ([], [error])
    if isinstance(error, list):
        parts = [_gather(each, depth - 1) for each in error[:10]] if depth else []
    elif isinstance(error, dict):
        codes += [str(error[name]) for name in _CODES if _is_word(error.get(name))]
        texts += [_named(name, error[name]) for name in _TEXTS if _is_word(error.get(name))]
        inside = [error[name] for name in _INSIDE if isinstance(error.get(name), dict | list)]
        inside += [error["raw"]] if isinstance(error.get("raw"), str) else []
        parts = [_gather(each, depth - 1) for each in inside] if depth else []
    else:
        parts = []
    for inner_codes, inner_texts in parts:
        codes += inner_codes
        texts += inner_texts
    return codes, texts


def _is_word(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""


def _named(name: str, value: Any) -> str:
    """Return a text of an error; that of FastAPI's own errors with its name, it says little."""
    return f"{name}: {value}" if name == "detail" else str(value)


def connection_failure(error: BaseException, url: str) -> ProviderFailure:
    """Return the failure behind an SDK's connection error; its text is of the last cause.

    The kind goes by the whole chain: over aiohttp the SDKs call a dropped connection a timeout.
    """
    causes = [error]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    timed_out = any(isinstance(cause, TimeoutError) for cause in causes)
    reason = one_line(str(causes[-1])) or type(causes[-1]).__name__
    if any(_is_refusal(cause) for cause in causes):
        return ConnectionRefused(f"{url}: {reason}")
    return ProviderFailure("time limit" if timed_out else "connection", f"{url}: {reason}")


def _is_refusal(error: BaseException) -> bool:
    """Return whether an error is a refused connection; of several addresses only the text tells."""
    return isinstance(error, OSError) and (
        error.errno == ECONNREFUSED or "connect call failed" in str(error).lower()
    )


def explanation(body: bytes) -> str:
    """Return a body's error in one line: its message and code, else the body's beginning."""
    value = _decode(body)
    if isinstance(value, list) and len(value) == 1:  # Gemini's
        value = value[0]
    error = value.get("error", value) if isinstance(value, dict) else value
    return _told(error, body.decode(errors="replace"))


def _told(error: Any, otherwise: str = "") -> str:
    """Return an error in one line: its message and code, what is wrong in which field."""
    if isinstance(error, dict):
        message = error.get("message") or error.get("status_msg")
        code = error.get("code") or error.get("type") or error.get("status_code")
        error = f"{message} ({code})" if message and code else message or _detail(error)
    return one_line(error if isinstance(error, str) else otherwise) or "nothing"


def _detail(error: dict[str, Any]) -> Any:
    """Return the text of FastAPI's `detail`, which may be a list of fields and their faults."""
    detail = error.get("detail")
    if not isinstance(detail, list):
        return detail
    faults = [each for each in detail if isinstance(each, dict)]
    return "; ".join(
        f"{'.'.join(map(str, each.get('loc') or ()))}: {each.get('msg')}" for each in faults
    )


def one_line(text: str) -> str:
    """Return one line of at most 300 characters, scrubbed before it is cut: no half key remains."""
    return " ".join(scrub(text).split())[:LONGEST]


def _decode(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except NOT_JSON:
        return None


def wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a provider asks one to wait, None if it names none.

    Args:
        headers: `retry-after-ms`, or `retry-after` in seconds or as an HTTP date, are read.
    """
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after", "")
    seconds = _number(text)
    return seconds if seconds is not None else _seconds_until(text)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return max(0.0, number) if isfinite(number) else None


def _seconds_until(date: str) -> float | None:
    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
