"""As much of HTTP/1.1 as the proxy needs, on any stream: no package, no route, no log."""

import asyncio
import gzip
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from harness.sessions.neutral import BadRequest

LONGEST_BODY = 32_000_000  # bytes of a request
_REASONS = {
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    426: "Upgrade Required",
}


class HttpRequest(NamedTuple):
    """One request; names of headers are lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


async def read_request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> HttpRequest | None:
    """Return the next request of a connection; None at its end.

    Raises:
        BadRequest: it is no request, or larger than `LONGEST_BODY`.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    words = first.split()
    if len(words) != 3:
        raise BadRequest(f"no request line: {first[:60]!r}")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = await _body(reader, headers)
    return HttpRequest(words[0], words[1], headers, body=_unpacked(body, headers))


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return await reader.readexactly(_size(headers.get("content-length", "0"), 10))
    parts: list[bytes] = []
    while size := _size((await reader.readline()).split(b";")[0].decode("latin-1"), 16):
        parts.append(await reader.readexactly(size))
        await reader.readline()
        _size(str(sum(map(len, parts))), 10)
    while (await reader.readline()).strip():
        continue  # trailers
    return b"".join(parts)


def _size(text: str, base: int) -> int:
    try:
        size = int(text, base)
    except ValueError:
        raise BadRequest(f"no length of a body: {text[:60]!r}") from None
    if not 0 <= size <= LONGEST_BODY:
        raise BadRequest(f"a body of {size} bytes: at most {LONGEST_BODY} are read")
    return size


def _unpacked(body: bytes, headers: dict[str, str]) -> bytes:
    encoding = headers.get("content-encoding", "identity").lower()
    if encoding == "identity" or not body:
        return body
    if encoding != "gzip":
        raise BadRequest(f"a body packed as {encoding!r}: only gzip is read")
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error):
        raise BadRequest("a body that is no gzip") from None


def response(status: int, body: object, *, head: bool = False) -> bytes:
    """Return a response with a JSON body; None has none, and `head` leaves it out."""
    data = b"" if body is None else msgspec.json.encode(body)
    lines = (
        f"HTTP/1.1 {status} {_REASONS[status]}",
        "content-type: application/json",
        f"content-length: {len(data)}",
    )
    return "\r\n".join((*lines, "", "")).encode() + (b"" if head else data)


def event_stream(events: Iterator[tuple[str | None, Any]]) -> Iterator[bytes]:
    """Yield a response of server-sent events, after which the connection is closed."""
    yield b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    for name, data in events:
        line = data.encode() if isinstance(data, str) else msgspec.json.encode(data)
        yield (f"event: {name}\n".encode() if name else b"") + b"data: " + line + b"\n\n"
