"""Transcripts: a run as it was said, from the journal alone."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.calls.recorded import RecordedCall
from harness.cli import main
from harness.families.registry import FAMILIES, family
from harness.replay.transcript import conversation, episodes
from harness.store.journal import read_records
from memory.base import is_memory
from tasks.base import Grade, Message, Reply
from tests.harness.helpers import instances, makespan, zeros
from tests.loopback import FAULTS, Fault, Json, Loopback


def test_the_messages_are_those_the_server_got(tmp_path: Path) -> None:
    with Loopback(zeros) as server:
        how = ["--model", "openai/m", "--base-url", server.url, "--out", tmp_path / "run"]
        assert makespan("run", instances(tmp_path / "i.jsonl", 3), *how).returncode == 0
    before = (tmp_path / "run" / "journal.sqlite").read_bytes()
    found = list(episodes(tmp_path / "run"))
    assert [e.instance.index for e in found] == [0, 1, 2]
    sent = [request.body["messages"] for request in server.requests]
    for one in found:
        [call] = one.calls
        assert [{"role": m.role, "content": m.content} for m in call.messages] in sent
        assert call.reply is not None
        assert call.reply.text == '{"starts": {}}'
        assert one.outcome is not None
        assert one.outcome.answers[0].value == {"starts": {}}
    assert {e.instance.id: e.record for e in found} == {
        r.instance: r for r in read_records(tmp_path / "run")
    }
    assert (tmp_path / "run" / "journal.sqlite").read_bytes() == before


@pytest.mark.heavy
def test_memories_and_years(tmp_path: Path) -> None:
    def answer(_: int, body: Json) -> str:
        return '{"summary": "mondays matter"}' if "summary" in str(body) else "{}"

    with Loopback(answer) as server:
        how = [
            "--model",
            "openai/m",
            "--base-url",
            server.url,
            "--memory",
            "summary",
            "--level",
            "2",
            "--limit",
            "1",
            "--out",
            tmp_path / "run",
        ]
        assert makespan("run", "calendar", *how).returncode == 0
    [one] = episodes(tmp_path / "run")
    own = [c for c in one.calls if not is_memory(c.path)]
    assert (len(own), len(one.calls)) == (one.record.calls, len(server.requests))
    assert one.record.memory_calls == len(one.calls) - len(own) > 0
    assert one.memory.written == one.record.memory_written


def test_an_episode_that_broke_off_ends_with_the_call_that_had_no_reply(tmp_path: Path) -> None:
    def answer(number: int, _: Json) -> str | Fault:
        return "{}" if number == 1 else FAULTS["server"]

    with Loopback(answer) as server:
        how = [
            "--model",
            "openai/m",
            "--base-url",
            server.url,
            "--out",
            tmp_path / "run",
            "--max-connections",
            "1",
            "--max-attempts",
            "1",
        ]
        assert makespan("run", instances(tmp_path / "i.jsonl", 2), *how).returncode == 1
    whole, broken = episodes(tmp_path / "run")
    assert whole.record.problem is None
    assert broken.record.problem is not None
    assert [c.reply for c in broken.calls] == [None]
    assert broken.calls[0].messages
    assert broken.outcome is None


def test_an_episode_that_a_bug_ended_shows_what_was_said_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> Grade:
        raise ZeroDivisionError("a grader's bug")

    file = instances(tmp_path / "i.jsonl", 1)
    with monkeypatch.context() as patch:
        patch.setitem(FAMILIES._loaded, "rcpsp", replace(family("rcpsp"), grade=broken))
        out = tmp_path / "run"
        assert main(["run", str(file), "--model", "policy/edf", "--out", str(out)]) == 1
    [one] = episodes(tmp_path / "run")
    assert one.record.problem is not None
    assert "a grader's bug" in one.record.problem.message
    assert [c.reply is not None for c in one.calls] == [True]
    assert "a grader's bug" in capsys.readouterr().out


def test_a_conversation_goes_on_or_begins_anew() -> None:
    def call(path: str, *texts: str) -> RecordedCall:
        turns = [Message("assistant" if k % 2 else "user", t) for k, t in enumerate(texts)]
        return RecordedCall(path, tuple(turns), (), None, Reply(f"reply to {path}"))

    talk, places = conversation(
        [call("1", "a"), call("2", "a", "told anew", "b"), call("3", "other"), call("4", "other")]
    )
    assert [m.content for m in talk] == [
        "a",
        "told anew",
        "b",
        "reply to 2",
        "other",
        "reply to 3",
        "other",
        "reply to 4",
    ]
    assert places == [1, 3, 5, 7]
    assert [talk[place].role for place in places] == ["assistant"] * 4
