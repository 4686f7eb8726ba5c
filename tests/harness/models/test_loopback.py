"""The loopback server as a process of its own, and its pattern of faults."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen

from tests.loopback import Fault, faulty


@contextmanager
def served(*flags: str) -> Iterator[str]:
    """The URL of a server process."""
    command = [sys.executable, "-m", "tests.loopback", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.send_signal(signal.SIGTERM)
    assert process.returncode == 0


def test_a_process_answers_and_counts() -> None:
    body = json.dumps({"model": "m", "messages": []}).encode()
    with served("--answer", "yes", "--delay", "0.01") as url:
        with urlopen(Request(f"{url}/chat/completions", body)) as response:
            assert json.load(response)["choices"][0]["message"]["content"] == "yes"
        with urlopen(url.removesuffix("/v1") + "/count") as response:
            assert json.load(response) == {"requests": 1, "most_at_once": 1}
        with urlopen(f"{url}/models") as response:
            assert json.load(response)["data"][0]["id"] == "test"


def test_faults_follow_the_body_and_the_attempt() -> None:
    def pattern() -> list[str | Fault | dict[str, object]]:
        answer = faulty(0.2, lambda _number, _body: "fine")
        return [answer(0, {"task": task}) for task in range(500) for _ in range(2)]

    first = pattern()
    assert first == pattern()
    assert 150 < sum(isinstance(answer, Fault) for answer in first) < 250
