"""Shards and their union: the board of one run, and nothing mixed that is not the same."""

import json
import shutil
import sqlite3
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from harness.run.jobs import in_shard
from harness.store.journal import key_of
from tests.harness.helpers import instances, makespan, rows, zeros
from tests.loopback import Fault, Json, Loopback, says


def without_seconds(value: Any) -> Any:
    """JSON without the fields that are times."""
    if isinstance(value, dict):
        return {k: without_seconds(v) for k, v in value.items() if k != "seconds"}
    return [without_seconds(v) for v in value] if isinstance(value, list) else value


def printed(*folders: Path) -> str:
    done = makespan("board", *folders, "--json")
    return json.dumps(without_seconds(json.loads(done.stdout)), indent=2)


def test_four_shards_and_a_merge_are_one_run(tmp_path: Path) -> None:
    file = instances(tmp_path / "i.jsonl", 24)

    def answer(number: int, body: Json) -> str | Fault:
        text = body["messages"][-1]["content"]
        return says(400, f"no {len(text) % 2}") if len(text) % 5 == 0 else zeros(number, body)

    with Loopback(answer) as server:
        how = [
            "run",
            file,
            "--model",
            "openai/m",
            "--model",
            "policy/edf",
            "--epochs",
            "2",
            "--base-url",
            server.url,
            "--price",
            "openai/m=0.1,0.3",
        ]
        whole = makespan(*how, "--out", tmp_path / "whole")
        asked = len(server.requests)
        parts = [tmp_path / f"part-{k}" for k in range(1, 5)]
        for k, part in enumerate(parts, 1):
            done = makespan(*how, "--shard", f"{k}/4", "--out", part)
            assert done.returncode in (0, 1), done.stderr
        assert len(server.requests) == 2 * asked
    merged = makespan("merge", *parts[::-1], "--out", tmp_path / "merged")
    assert merged.returncode == whole.returncode == 1  # there are error episodes
    assert printed(tmp_path / "merged") == printed(tmp_path / "whole")
    assert printed(*parts) == printed(tmp_path / "whole")
    assert min(len(rows(part, "select * from records")) for part in parts) > 10
    query = "select key from episodes order by id"
    keys = [json.loads(key) for (key,) in rows(tmp_path / "merged", query)]
    assert keys == sorted(keys, key=lambda k: (k[0] != "openai/m", k[1]))
    again = makespan("regrade", tmp_path / "merged")
    assert again.stdout.startswith("changed 0 of ")


def test_a_shard_is_a_hash_of_the_episode() -> None:
    names = [f'["m{k}",0,"rcpsp-4-0-7"]'.encode() for k in range(1000)]
    assert [key_of(f"m{k}", 0, "rcpsp-4-0-7").encode() for k in range(1000)] == names
    parts = [[in_shard(name.decode(), (k, 4)) for name in names] for k in range(1, 5)]
    assert all(sum(job) == 1 for job in zip(*parts, strict=True))
    assert all(200 < sum(part) < 300 for part in parts)
    assert in_shard("any", None)
    numbers = [int(sha256(name).hexdigest()[:16], 16) for name in names]
    assert parts[0] == [number % 4 == 0 for number in numbers]


def test_another_shard_is_refused_and_resume_keeps_to_it(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 12), tmp_path / "run"
    how = ["run", file, "--model", "policy/edf", "--out", out]
    assert makespan(*how, "--shard", "1/3").returncode == 0
    count = len(rows(out, "select * from records"))
    assert 0 < count < 12
    for other in (["--shard", "2/3"], []):
        refused = makespan(*how, *other)
        assert refused.returncode == 2
        assert "-shard-1-of-3" in refused.stderr
    assert makespan("resume", out).returncode == 0
    assert len(rows(out, "select * from records")) == count


def test_copies_are_told_and_conflicts_refused(tmp_path: Path) -> None:
    file, a, b = instances(tmp_path / "i.jsonl", 6), tmp_path / "a", tmp_path / "b"
    with Loopback(zeros) as server:
        how = ["run", file, "--model", "openai/m", "--base-url", server.url]
        makespan(*how, "--shard", "1/2", "--out", a)
        shutil.copytree(a, b)
        done = makespan("merge", a, b, "--out", tmp_path / "ab")
        count = len(rows(a, "select * from records"))
        assert f"{count} episodes were there twice, and the same" in done.stderr
        assert done.returncode == 1  # the other shard is missing
        assert makespan("resume", tmp_path / "ab").returncode == 0
        assert len(server.requests) == 6
    db = sqlite3.connect(b / "journal.sqlite")
    db.execute("update attempts set reply = replace(reply, 'starts', 'Starts')")
    db.commit()
    db.close()
    twice = makespan("merge", a, b, a.parent / "b" / ".." / "a", "--out", tmp_path / "c")
    assert (twice.returncode, twice.stderr) == (2, f"makespan merge: {a} is given twice\n")
    refused = makespan("merge", a, b, "--out", tmp_path / "c")
    assert refused.returncode == 2
    assert "disagree on the episode" in refused.stderr
    assert "answer, attempt 1" in refused.stderr
    assert not (tmp_path / "c").exists()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("words", ["0/4", "5/4", "1", "1/0", "a/b", "1/2/3"])
def test_what_is_no_shard(words: str) -> None:
    done = makespan("run", "rcpsp", "--level", "3", "--shard", words)
    assert done.returncode == 2
    assert "is not i/n" in done.stderr


def test_another_configuration_or_a_folder_in_the_way_is_refused(tmp_path: Path) -> None:
    file, a, b = instances(tmp_path / "i.jsonl", 2), tmp_path / "a", tmp_path / "b"
    makespan("run", file, "--model", "policy/edf", "--out", a)
    makespan("run", file, "--model", "policy/edf", "--epochs", "2", "--out", b)
    refused = makespan("merge", a, b, "--out", tmp_path / "c")
    assert (refused.returncode, "epochs is 2" in refused.stderr) == (2, True)
    assert "is there already" in makespan("merge", a, "--out", b).stderr
