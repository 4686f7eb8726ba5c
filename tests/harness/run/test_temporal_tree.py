"""A run with the memory `temporal-tree`: killed, resumed, and its tokens by ledger."""

import json
import signal
import subprocess
from pathlib import Path

import makespan as library
from generators.calendar import generate
from tasks.base import Scalar
from tests.factories.learner import Learner
from tests.harness.helpers import command, makespan, rows
from tests.loopback import Json, Loopback

SETTINGS: dict[str, Scalar] = {"rounds": 12, "density": 8}
MEMORY = "temporal-tree:planner=true,gate=true"
CALLS = 12 + 2 * 11  # answers, and a plan and a gate for each but the first; notes come beside


def test_killed_and_resumed_it_has_the_digest_of_the_uncut_and_three_ledgers(
    tmp_path: Path,
) -> None:
    learner = Learner([generate(2, 0, 0, SETTINGS, reference=False).payload])
    whole, cut = tmp_path / "whole", tmp_path / "cut"

    def answer(_: int, body: Json) -> str:
        return learner.answer("\n".join(message["content"] for message in body["messages"]))

    words = ["run", "calendar", "--level", "2", "--limit", "1", "--memory", MEMORY]
    words += [word for key, value in SETTINGS.items() for word in ("-T", f"{key}={value}")]
    words += ["--model", "openai/scripted"]
    with Loopback(answer) as server:
        assert makespan(*words, "--base-url", server.url, "--out", whole).returncode == 0
        asked = len(server.requests)
    with Loopback(answer, delay=0.02) as server:
        process = subprocess.Popen(
            command(*words, "--base-url", server.url, "--out", cut), stderr=subprocess.DEVNULL
        )
        server.wait_for(CALLS // 2)
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=60)
        assert 0 < len(rows(cut, ANSWERED)) < asked
        assert makespan("resume", cut).returncode == 0
    assert rows(cut, ANSWERED) == rows(whole, ANSWERED)
    assert _digest(cut) == _digest(whole)
    (episode,) = library.load(whole).episodes()
    notes = [each for each in episode.memory.entries if each.kind != "round"]
    assert "week" in {each.kind for each in notes}
    assert asked == CALLS + len(notes)
    record = episode.record
    assert (record.calls, record.memory_calls) == (12, asked - 12)
    assert record.recall_tokens
    assert record.memory_tokens == record.recall_tokens + (record.sleep_tokens or 0)
    assert record.sleep_tokens


ANSWERED = "select path, request from attempts where reply is not null order by path"


def _digest(folder: Path) -> str:
    """Of outcomes and memories; nobody is there who could be asked for the exam."""
    done = makespan("audit", "--ask", folder, "--json", "--max-attempts", 1)
    digest: str = json.loads(done.stdout)["digest"]
    return digest
