"""Years with memories that think between rounds: killed, resumed, and their tokens by ledger."""

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import makespan as library
from generators.calendar import generate
from tasks.base import Scalar
from tests.factories.learner import Learner
from tests.harness.helpers import command, makespan, rows
from tests.loopback import Json, Loopback

ROUNDS = 12
SETTINGS: dict[str, Scalar] = {"rounds": ROUNDS, "density": 8}
TREE = "temporal-tree:planner=true,gate=true"
PLACEBO = "sleep-time:facts,placebo=true,tools=false"
ANSWERED = "select path, request from attempts where reply is not null order by path"


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("memory", "users", "kind", "calls", "recalls"),
    [
        (TREE, 1, "week", lambda notes: 2 * (ROUNDS - 1) + notes, True),  # a plan, a gate, notes
        (PLACEBO, 2, "fact", lambda _: 2 * ROUNDS, False),  # facts, and a thought on another's
    ],
    ids=["temporal-tree", "sleep-time"],
)
def test_killed_and_resumed_it_has_the_digest_of_the_uncut_and_three_ledgers(
    tmp_path: Path,
    memory: str,
    users: int,
    kind: str,
    calls: Callable[[int], int],
    recalls: bool,
) -> None:
    years = [generate(2, 0, k, SETTINGS, reference=False).payload for k in range(users)]
    learner = Learner(years)
    whole, cut = tmp_path / "whole", tmp_path / "cut"

    def answer(_: int, body: Json) -> str:
        return learner.answer("\n".join(message["content"] for message in body["messages"]))

    words = ["run", "calendar", "--level", "2", "--limit", f"{users}", "--memory", memory]
    words += [word for key, value in SETTINGS.items() for word in ("-T", f"{key}={value}")]
    words += ["--model", "openai/scripted"]
    with Loopback(answer) as server:
        assert makespan(*words, "--base-url", server.url, "--out", whole).returncode == 0
        asked = len(server.requests)
    with Loopback(answer, delay=0.02) as server:
        process = subprocess.Popen(
            command(*words, "--base-url", server.url, "--out", cut), stderr=subprocess.DEVNULL
        )
        server.wait_for(asked // 2)
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=60)
        assert 0 < len(rows(cut, ANSWERED)) < asked
        assert makespan("resume", cut).returncode == 0
    assert rows(cut, ANSWERED) == rows(whole, ANSWERED)
    assert _digest(cut) == _digest(whole)
    episodes = list(library.load(whole).episodes())
    assert len(episodes) == users
    for episode in episodes:
        notes = [each.kind for each in episode.memory.entries if each.kind != "round"]
        assert kind in notes
        record = episode.record
        assert (record.calls, record.memory_calls) == (ROUNDS, calls(len(notes)))
        assert bool(record.recall_tokens) == recalls
        assert record.memory_tokens == (record.recall_tokens or 0) + (record.sleep_tokens or 0)
        assert record.sleep_tokens
    assert asked == sum(ROUNDS + episode.record.memory_calls for episode in episodes)


def _digest(folder: Path) -> str:
    """Of outcomes and memories; nobody is there who could be asked for the exam."""
    done = makespan("audit", "--ask", folder, "--json", "--max-attempts", 1)
    digest: str = json.loads(done.stdout)["digest"]
    return digest
