"""A server on loopback that says the replies of recordings, one recording after another.

It plays each episode itself, and so knows whether it is asked what the episode asks. It needs
nothing but the base: it runs in the environments of other packages.
"""

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from makespan.episodes import Episode, start, tools
from tasks.base import Fields, Reply
from tests.arenas.played import Recorded, turns


class Script:
    """The replies of recordings in their order.

    Attributes:
        asked_otherwise: names of recordings in which a prompt was not the episode's own, in order.
    """

    def __init__(self, rows: Iterable[Recorded]) -> None:
        self.asked_otherwise: list[str] = []
        self._rows = iter(rows)
        self._lock = threading.Lock()
        self._episode: Episode | None = None
        self._turns: list[Fields] = []
        self._replies: list[Reply] = []
        self._name = ""

    def answer(self, body: Fields) -> tuple[Fields, str]:
        """The next turn and why it ended; StopIteration after the last."""
        with self._lock:
            if self._episode is None or self._episode.done:
                self._open()
            assert self._episode is not None
            if asked(body) != wanted(self._episode) and self._name not in self.asked_otherwise:
                self.asked_otherwise.append(self._name)
            turn, reply = self._turns.pop(0), self._replies.pop(0)
            self._episode.reply(reply)
            return turn, reply.finish

    def _open(self) -> None:
        instance, recording = next(self._rows)
        self._episode = start(instance, memory=recording.memory, agent=recording.agent)
        self._turns = turns(recording, finish=False)
        self._replies, self._name = list(recording.replies), recording.name


def asked(body: Fields) -> tuple[list[tuple[str, str]], list[str]]:
    """Roles and texts of a request, and the names of its tools."""
    messages = [(m["role"], _text(m.get("content"))) for m in body["messages"]]
    return messages, [tool["function"]["name"] for tool in body.get("tools") or ()]


def wanted(episode: Episode) -> tuple[list[tuple[str, str]], list[str]]:
    """The same of what an episode asks."""
    messages = [(str(message.role), message.content) for message in episode.ask.messages]
    return messages, [tool["function"]["name"] for tool in tools(episode.ask)]


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return content or ""


def completion(turn: Fields, finish: str) -> Fields:
    """A turn as the body of a chat completion."""
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": "scripted",
        "choices": [{"index": 0, "message": turn, "finish_reason": finish, "logprobs": None}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


def stream(turn: Fields, finish: str) -> str:
    """A turn as the events of a streamed completion: one chunk, and the end."""
    calls = [{"index": k, **call} for k, call in enumerate(turn.get("tool_calls", ()))]
    delta = {**turn, "tool_calls": calls} if calls else turn
    chunk = completion(turn, finish) | {
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    return f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n"


@contextmanager
def serving(script: Script) -> Iterator[str]:
    """Serve a script inside; yields the base URL for clients of openai."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            """Answer a request for a completion."""
            size = int(self.headers.get("content-length", 0))
            body = json.loads(self.rfile.read(size))
            turn, finish = script.answer(body)
            streamed = body.get("stream")
            text = stream(turn, finish) if streamed else json.dumps(completion(turn, finish))
            data, kind = text.encode(), "text/event-stream" if streamed else "application/json"
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(30)
