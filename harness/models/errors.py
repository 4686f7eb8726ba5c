"""HTTP errors as the kinds of failure that the run loop knows."""

import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from errno import ECONNREFUSED
from math import isfinite
from typing import Any

import msgspec

from harness.models.base import ConnectionRefused, ProviderFailure
from harness.secrets import scrub

NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
LONGEST = 300  # characters of a provider's explanation that are kept

STATUS_KINDS = {
    401: "authentication",
    402: "no credit",
    403: "authentication",
    404: "no such model",
    408: "server",
    409: "server",
    429: "rate limit",
    529: "overloaded",
}
_CONTEXT_LENGTH = re.compile(
    r"context[ _-]?(length|window|size|limit)|maximum (context|model) length|prompt is too long"
    r"|input token count|reduce the length|max_new_tokens",
    re.IGNORECASE,
)
_NO_CREDIT = re.compile(
    r"insufficient[ _](quota|balance|credit|funds)|credit balance|billing_hard_limit",
    re.IGNORECASE,
)
_CONTENT_FILTER = re.compile(
    r"content[ _-](filter|policy|management)|usage polic|safety system|moderation", re.IGNORECASE
)


def status_failure(
    status: int, headers: Mapping[str, str], body: bytes, url: str
) -> ProviderFailure:
    """Return the failure behind an HTTP status that is an error."""
    message = explanation(body)
    return ProviderFailure(_kind(status, message), f"{status} from {url}: {message}", wait(headers))


def _kind(status: int, message: str) -> str:
    if status in (400, 403, 429) and _NO_CREDIT.search(message):
        return "no credit"
    if status in (400, 413, 422) and _CONTEXT_LENGTH.search(message):
        return "context length"
    if status in (400, 403, 422) and _CONTENT_FILTER.search(message):
        return "content filter"
    return STATUS_KINDS.get(status, "bad request" if status < 500 else "server")


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
    error = value.get("error", value) if isinstance(value, dict) else value
    if isinstance(error, dict):
        message, code = error.get("message"), error.get("code") or error.get("type")
        error = f"{message} ({code})" if message and code else message or error.get("detail")
    return one_line(error if isinstance(error, str) else body.decode(errors="replace")) or "nothing"


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
