"""A real HTTP server on loopback that speaks chat completions, responses and messages, and fails
on command.

In a test: `with Loopback(answer) as server: ... server.url, server.requests`. In a process of its
own: `python -m tests.loopback --faults 0.2`, which prints its URL. What it answers depends on the
request's prompt and how often it came, never on timing.
"""

import argparse
import asyncio
import hashlib
import signal
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, Literal, TypeAlias

import msgspec
from aiohttp import web

from tests.harness.processes import until

Json: TypeAlias = dict[str, Any]


class Fault(msgspec.Struct, frozen=True):
    """A way to fail: a status and body, or no proper answer at all; `$KEY` becomes the key sent."""

    status: int = 200
    body: str | bytes = ""
    headers: dict[str, str] = {}
    how: Literal["answer", "hang", "drop", "cut"] = "answer"


def says(status: int, message: str, code: str = "", **headers: str) -> Fault:
    """A fault whose body is an error object; `Retry_After="3"` gives the header Retry-After."""
    error = {"message": message, "type": "error", "code": code or None}
    body = msgspec.json.encode({"error": error}).decode()
    return Fault(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


FAULTS: dict[str, Fault] = {
    "rate limit": says(429, "slow down", Retry_After="0.05"),
    "server": says(500, "something broke"),
    "overloaded": says(529, "overloaded", "overloaded_error"),
    "hang": Fault(how="hang"),
    "truncated": Fault(200, '{"id": "1", "choices": [{"message": {"role": "assis'),
    "html": Fault(200, "<html><body>Bad gateway</body></html>", {"Content-Type": "text/html"}),
    "error object": says(200, "upstream is down"),
    "empty": Fault(200, ""),
    "drop": Fault(how="drop"),
    "cut": Fault(how="cut"),
}
ECHO_KEY = says(401, "Incorrect API key provided: $KEY", "invalid_api_key")

Answer: TypeAlias = Callable[[int, Json], "str | Json | Fault"]


class Received(msgspec.Struct, frozen=True):
    """One request as it came in; header names are lower case."""

    path: str
    headers: dict[str, str]
    body: Json


class Call(msgspec.Struct, frozen=True):
    """One request that has ended: a digest of its prompt, when it came and ended, how it ended."""

    prompt: str
    came: float
    ended: float
    answered: bool


class Loopback:
    """The server, run in a thread between `with`; `answer` gives text, a whole body or a fault."""

    def __init__(
        self, answer: Answer, *, delay: float = 0.0, port: int = 0, together: int = 0
    ) -> None:
        """`delay` in seconds; nobody is answered before `together` have asked at once."""
        self.requests: list[Received] = []
        self.most_at_once = 0
        self.calls: list[Call] = []
        self._answer, self._delay, self._port = answer, delay, port
        self._under_way, self._answered, self._together = 0, 0, together
        self._gathered = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self.serve()), daemon=True)

    @property
    def root(self) -> str:
        """The base URL for anthropic clients."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        """The base URL for openai clients."""
        return f"{self.root}/v1"

    def wait_for(self, count: int) -> None:
        """Wait until so many requests have arrived; AssertionError after four minutes."""
        until(lambda: len(self.requests) >= count)

    def __enter__(self) -> "Loopback":
        self._thread.start()
        assert self._ready.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(60)
        assert not self._thread.is_alive(), "the server does not stop"

    async def serve(self, announce: bool = False) -> None:
        """Serve until told to stop; `announce` prints the URL and stops on SIGINT and SIGTERM."""
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=0.01)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self._port, backlog=2048).start()
        self._port = runner.addresses[0][1]
        self._ready.set()
        if announce:
            for number in (signal.SIGINT, signal.SIGTERM):
                self._loop.add_signal_handler(number, self._stop.set)
            print(self.url, flush=True)
        await self._stop.wait()
        await runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_post("/v1/responses", self._complete)
        app.router.add_post("/v1/messages", self._complete)
        app.router.add_get("/v1/models", _models)
        app.router.add_get("/count", self._count)
        app.router.add_get("/calls", self._calls)
        return app

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = msgspec.json.decode(await request.read())
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(Received(request.path, headers, body))
        number = len(self.requests)
        self._under_way += 1
        came, answered = monotonic(), False
        self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            answer = self._answer(number, body)
            if self.most_at_once >= self._together:
                self._gathered.set()
            await self._gathered.wait()
            await asyncio.sleep(self._delay)
            if isinstance(answer, Fault):
                return await _fail(request, answer)
            self._answered += 1
            answered = True
            shape = SHAPES[request.path]
            whole = shape(answer, body) if isinstance(answer, str) else answer
            return _json(whole)
        finally:
            self._under_way -= 1
            digest = f"{_digest(prompt_of(body).encode()):016x}"
            self.calls.append(Call(digest, came, monotonic(), answered))

    async def _count(self, _: web.Request) -> web.Response:
        return _json(
            {
                "requests": len(self.requests),
                "answered": self._answered,
                "most_at_once": self.most_at_once,
            }
        )

    async def _calls(self, _: web.Request) -> web.Response:
        return _json(self.calls)


def prompt_of(body: Json) -> str:
    """All that a request says, whoever wrapped it: the same in every shape and for every client."""
    said: list[Json] = body.get("messages") or body.get("input") or []
    return "\n".join([_text(body.get("system")), *(_text(turn.get("content")) for turn in said)])


def _text(content: object) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text", part)) for part in content)
    return str(content or "")


def chat_completion(text: str, body: Json) -> Json:
    """A chat-completions body that says `text`."""
    tokens = {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}
    choice = {"index": 0, "message": {"role": "assistant", "content": text}}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [choice | {"finish_reason": "stop"}],
        "usage": tokens,
    }


def message(text: str, body: Json) -> Json:
    """An anthropic message that says `text`."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 12, "output_tokens": 5},
    }


def response(text: str, body: Json) -> Json:
    """A body of the responses API that says `text`."""
    part = {"type": "output_text", "text": text, "annotations": []}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 0,
        "status": "completed",
        "model": body["model"],
        "output": [{"id": "msg_1", "type": "message", "role": "assistant", "content": [part]}],
        "usage": {"input_tokens": 12, "output_tokens": 5, "total_tokens": 17},
    }


SHAPES: dict[str, Callable[[str, Json], Json]] = {
    "/v1/chat/completions": chat_completion,
    "/v1/responses": response,
    "/v1/messages": message,
}


def _json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


async def _models(_: web.Request) -> web.Response:
    return _json({"object": "list", "data": [{"id": "test", "object": "model"}]})


async def _fail(request: web.Request, fault: Fault) -> web.StreamResponse:
    if fault.how == "hang":
        await asyncio.sleep(3600)
    if fault.how == "cut":
        cut = web.StreamResponse(headers={"Content-Length": "1000"})
        await cut.prepare(request)
        await cut.write(b'{"id": "1", "choices"')
    if fault.how in ("cut", "drop") and request.transport is not None:
        request.transport.abort()
    sent = request.headers.get("Authorization", request.headers.get("X-Api-Key", ""))
    body = fault.body
    if isinstance(body, str):
        body = body.replace("$KEY", sent.removeprefix("Bearer ")).encode()
    headers = {"Content-Type": "application/json"} | fault.headers
    return web.Response(status=fault.status, body=body, headers=headers)


# A process of its own ------------------------------------------------------------------------


def faulty(rate: float, answer: Answer, kinds: Sequence[str] = tuple(FAULTS)) -> Answer:
    """`answer`, but a share of the attempts fails, chosen by a hash of prompt and attempt number.

    Clients that wrap the same prompts differently meet the same faults.
    """
    attempts: Counter[str] = Counter()

    def wrapped(number: int, body: Json) -> str | Json | Fault:
        prompt = prompt_of(body)
        attempts[prompt] += 1
        draw = _digest(f"{prompt}{attempts[prompt]}".encode())
        if draw % 10_000 < rate * 10_000:
            return FAULTS[kinds[draw // 10_000 % len(kinds)]]
        return answer(number, body)

    return wrapped


def _digest(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest())


def least(schema: Json) -> object:
    """The smallest value of a JSON schema made of objects, arrays, integers and strings."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        return {name: least(part) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [least(schema.get("items", {}))] * schema.get("minItems", 0)
    return {"integer": 0, "number": 0, "boolean": False, "string": ""}.get(str(kind))


def plain_answer(number: int, body: Json) -> str:  # noqa: ARG001
    """The least object of the request's schema, or one without starts, and a digest of the body."""
    settings = body.get("output_config") or body.get("text") or {}
    wanted: Json = body.get("response_format") or settings.get("format") or {}
    schema = wanted.get("json_schema", wanted).get("schema")
    if schema:
        return msgspec.json.encode(least(schema)).decode()
    digest = _digest(msgspec.json.encode(body, order="deterministic"))
    return msgspec.json.encode({"starts": {}, "order": [], "digest": f"{digest:016x}"}).decode()


def main() -> None:
    """Serve until a signal comes."""
    parser = argparse.ArgumentParser(prog="python -m tests.loopback", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--faults", type=float, default=0.0, help="share of attempts that fail")
    parser.add_argument("--kinds", nargs="+", choices=FAULTS, default=list(FAULTS), metavar="KIND")
    parser.add_argument("--answer", help="the text of every answer")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before an answer")
    given = parser.parse_args()
    text: str | None = given.answer
    answer: Answer = plain_answer if text is None else lambda _number, _body: text
    answer = faulty(given.faults, answer, given.kinds)
    server = Loopback(answer, delay=given.delay, port=given.port)
    asyncio.run(server.serve(announce=True))


if __name__ == "__main__":
    main()
