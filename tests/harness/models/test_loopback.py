"""The loopback server as a process of its own, and its pattern of faults."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen

import pytest

from tests.loopback import Fault, faulty, prompt_of


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


@pytest.mark.heavy
def test_a_process_answers_and_counts() -> None:
    body = json.dumps({"model": "m", "messages": []}).encode()
    with served("--answer", "yes", "--delay", "0.01") as url:
        with urlopen(Request(f"{url}/chat/completions", body)) as response:
            assert json.load(response)["choices"][0]["message"]["content"] == "yes"
        with urlopen(url.removesuffix("/v1") + "/count") as response:
            assert json.load(response) == {
                "requests": 1,
                "answered": 1,
                "most_at_once": 1,
            }
        with urlopen(f"{url}/models") as response:
            assert json.load(response)["data"][0]["id"] == "test"


def test_faults_follow_the_prompt_and_the_attempt() -> None:
    def pattern() -> list[str | Fault | dict[str, object]]:
        answer = faulty(0.2, lambda _number, _body: "fine")
        return [answer(0, asked(task)) for task in range(500) for _ in range(2)]

    def asked(task: int) -> dict[str, object]:
        return {"messages": [{"role": "user", "content": f"task {task}"}]}

    first = pattern()
    assert first == pattern()
    assert 150 < sum(isinstance(answer, Fault) for answer in first) < 250


def test_clients_that_wrap_a_prompt_differently_meet_the_same_faults() -> None:
    shapes: list[dict[str, object]] = [
        {"model": "a", "messages": [{"role": "user", "content": "so"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "so"}]}], "seed": 1},
        {"input": [{"role": "user", "content": "so"}], "instructions": None},
    ]
    assert len({prompt_of(shape) for shape in shapes}) == 1
    assert prompt_of({"messages": [{"role": "user", "content": "no"}]}) != prompt_of(shapes[0])


@pytest.mark.heavy
def test_a_process_tells_when_each_call_came_and_ended() -> None:
    def asked(url: str, said: str) -> None:
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": said}]}).encode()
        with urlopen(Request(f"{url}/chat/completions", body)):
            pass

    with served("--answer", "yes", "--delay", "0.05") as url:
        for said in ("a", "b", "a"):
            asked(url, said)
        with urlopen(url.removesuffix("/v1") + "/calls") as response:
            calls = json.load(response)
    assert [c["answered"] for c in calls] == [True] * 3
    assert calls[0]["prompt"] == calls[2]["prompt"] != calls[1]["prompt"]
    assert all(c["ended"] - c["came"] >= 0.05 for c in calls)
    assert calls[0]["ended"] <= calls[1]["came"]
