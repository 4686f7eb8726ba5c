"""A server of one's own tells how many calls it works on; one that is not there stops the run."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from harness.calls.probe import is_near, slots_of
from tests.harness.helpers import instances, makespan, rows

COMPLETION = {
    "choices": [{"message": {"role": "assistant", "content": '{"starts": {}}'}}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1},
}


class Slotted(BaseHTTPRequestHandler):
    """A server like llama.cpp's, with as many slots as it says."""

    props: Any = None
    lock = threading.Lock()
    now = most = looked = 0
    expected = 1

    def do_GET(self) -> None:
        """Tell of itself."""
        type(self).looked += 1
        self._send(404 if self.props is None else 200, self.props)

    def do_POST(self) -> None:
        """Answer when as many as expected have come together once, and note how many wait."""
        self.rfile.read(int(self.headers["Content-Length"]))
        with self.lock:
            type(self).now += 1
            type(self).most = max(self.now, self.most)
        deadline = monotonic() + 30
        while type(self).most < self.expected and monotonic() < deadline:
            sleep(0.01)
        sleep(0.05)
        with self.lock:
            type(self).now -= 1
        self._send(200, COMPLETION)

    def _send(self, status: int, value: Any) -> None:
        text = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served(props: Any) -> Iterator[tuple[str, type[Slotted]]]:
    """Serve, for a while."""
    handler = type("Served", (Slotted,), {"props": props, "lock": threading.Lock()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", handler
    finally:
        server.shutdown()
        thread.join(30)
        server.server_close()


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("props", "more", "most"),
    [
        ({"total_slots": 1}, (), 1),
        ({"total_slots": 3, "model_path": "m"}, (), 3),
        ({"total_slots": 64}, (), 10),
        ({"total_slots": 1}, ("--max-connections", 2), 2),
        (None, (), 10),
    ],
)
def test_no_more_calls_are_sent_than_a_server_has_slots(
    props: Any, more: tuple[object, ...], most: int, tmp_path: Path
) -> None:
    file, out = instances(tmp_path / "i.jsonl", 24), tmp_path / "run"
    with served(props) as (url, handler):
        handler.expected = most
        done = makespan("run", file, "--model", "openai/m", "--base-url", url, "--out", out, *more)
        assert done.returncode == 0, done.stderr
        assert handler.most == most
        assert handler.looked == (0 if more else 1)
    assert ("works on" in done.stderr) == (most < 10 and not more)
    assert rows(out, "select count(*) from attempts") == [(24,)]  # a look is none


@pytest.mark.parametrize(
    "props", [b"", b"<html>", b"[]", {"total_slots": "4"}, {"total_slots": 0}, {"slots": 3}]
)
def test_what_tells_no_slots_tells_nothing(props: Any) -> None:
    with served(props) as (url, _):
        assert slots_of(url) is None


@pytest.mark.parametrize(
    ("address", "near"),
    [
        ("http://127.0.0.1:8091/v1", True),
        ("http://localhost/v1", True),
        ("http://[::1]:8000/v1", True),
        ("http://192.168.1.4/v1", True),
        ("http://10.1.2.3:8000", True),
        ("https://api.openai.com/v1", False),
        ("http://8.8.8.8/v1", False),
        ("http://localhost.example.com/v1", False),
    ],
)
def test_near_is_this_machine_and_a_private_network(address: str, near: bool) -> None:
    assert is_near(address) == near


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_that_is_not_there_stops_the_run_at_once(host: str, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://{host}:{taken.getsockname()[1]}/v1"
        began = monotonic()
        words = ("--model", "openai/m", "--base-url", url, "--out", tmp_path / "run")
        done = makespan("run", "rcpsp", "--level", 4, *words)
    assert done.returncode == 2
    assert f"no server: {url}/chat/completions" in done.stderr
    assert done.stderr.count("\n") == 1
    assert monotonic() - began < 20  # ten attempts would take minutes
