"""Shards and their union: the board of one run, and nothing mixed that is not the same."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
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


@pytest.mark.heavy
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


@pytest.mark.heavy
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
    makespan("run", file, "--model", "policy/edf", "--temperature", "1", "--out", b)
    refused = makespan("merge", a, b, "--out", tmp_path / "c")
    assert (refused.returncode, "temperature is 1.0" in refused.stderr) == (2, True)
    assert "is there already" in makespan("merge", a, "--out", b).stderr


@pytest.mark.heavy
def test_folders_of_one_run_with_other_models_and_epochs_are_merged(tmp_path: Path) -> None:
    """A floor that is in both was computed twice, so its seconds differ: it is the same."""
    file, a, b = instances(tmp_path / "i.jsonl", 3), tmp_path / "a", tmp_path / "b"
    floor = ["--model", "policy/edf"]
    whole = ["--model", "policy/serial", *floor, "--model", "policy/exact", "--epochs", "2"]
    makespan("run", file, "--model", "policy/serial", *floor, "--limit", "2", "--out", a)
    makespan("run", file, *floor, "--model", "policy/exact", "--epochs", "2", "--out", b)
    makespan("run", file, *whole, "--out", tmp_path / "whole")
    done = makespan("merge", a, b, "--out", tmp_path / "merged")
    assert done.returncode == 1  # of policy/serial there is a third
    assert "2 episodes were there twice, and the same" in done.stderr
    assert makespan("resume", tmp_path / "merged").returncode == 0
    assert printed(tmp_path / "merged") == printed(tmp_path / "whole")


# Everything that a journal holds --------------------------------------------------------------

# what a run of answers leaves empty: searches fill it
FILLED = {
    "effects": "insert into effects select id, 'search/' || id, 'r', '{}', 0.5 from episodes",
}


LATE = "delete from effects where path like 'report/%' or path like '%/validation'"


def execute(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "journal.sqlite")) as db, db:
        db.execute(statement)


def tables(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table of a journal; what it refers to by a number stands in its place."""
    keys = dict(rows(folder, "select id, key from episodes"))
    shared = dict(rows(folder, "select id, fields from shared"))
    named: dict[str, Callable[[Any], Any]] = {
        "id": lambda _: None,
        "episode": keys.__getitem__,
        "shared": shared.__getitem__,
    }
    contents = {}
    for (name,) in rows(folder, "select name from sqlite_master where type = 'table'"):
        columns = [
            column for (column,) in rows(folder, f"select name from pragma_table_info('{name}')")
        ]
        contents[name] = [
            tuple(named.get(c, lambda value: value)(v) for c, v in zip(columns, row, strict=True))
            for row in rows(folder, f"select * from {name}")
        ]
    return contents


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The two shards of a run, every table of their journals filled."""
    place = tmp_path_factory.mktemp("shards")
    file = instances(place / "i.jsonl", 6)
    parts = place / "1", place / "2"
    with Loopback(zeros) as server:
        how = ["run", file, "--model", "openai/m", "--base-url", server.url]
        for k, part in enumerate(parts, 1):
            assert makespan(*how, "--shard", f"{k}/2", "--out", part).returncode == 0
    for part in parts:
        for name, content in tables(part).items():
            if not content:
                assert name in FILLED, f"say how {name} is filled, and see that merge copies it"
                execute(part, FILLED[name])
    return parts


@pytest.mark.heavy
def test_every_row_of_every_table_is_merged_once(shards: tuple[Path, Path], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(shards[0], copy)
    done = makespan("merge", *shards, copy, "--out", tmp_path / "merged")
    assert done.returncode == 0, done.stderr
    merged, parts = tables(tmp_path / "merged"), [tables(part) for part in shards]
    assert merged.keys() == parts[0].keys()
    for name, content in merged.items():
        assert all(part[name] for part in parts), f"{name} is empty: this shows nothing"
        assert len(set(content)) == len(content), f"{name} has rows twice"
        assert set(content) == {row for part in parts for row in part[name]}, name


@pytest.mark.parametrize(
    ("table", "column", "message"),
    [
        ("attempts", "request", "answer, attempt 1 (its request)"),
        ("attempts", "reply", "answer, attempt 1 (its reply)"),
        ("attempts", "fault", "answer, attempt 1 (its fault)"),
        ("records", "verdict", "record 0 (its verdict)"),
        ("records", "record", "record 0 (its record)"),
        ("records", "outcome", "record 0 (its outcome)"),
        ("effects", "request", "search/1 (its request)"),
        ("effects", "outcome", "search/1 (its outcome)"),
    ],
)
def test_rows_that_differ_are_refused_by_the_first_of_them(
    shards: tuple[Path, Path], tmp_path: Path, table: str, column: str, message: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(shards[0], copy)
    execute(copy, f"update {table} set {column} = 'another'")
    refused = makespan("merge", shards[0], copy, "--out", tmp_path / "merged")
    first = rows(copy, "select key from episodes order by id")[0][0]
    assert refused.returncode == 2
    assert f"disagree on the episode {first}, {message}: " in refused.stderr
    assert not (tmp_path / "merged").exists()


def test_what_was_measured_may_differ(shards: tuple[Path, Path], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(shards[0], copy)
    for table in ("attempts", "effects"):
        execute(copy, f"update {table} set seconds = seconds + 1")
    done = makespan("merge", *shards, copy, "--out", tmp_path / "merged")
    assert done.returncode == 0, done.stderr
    merged, parts = tables(tmp_path / "merged"), [tables(part) for part in shards]
    for table in ("attempts", "effects"):
        assert set(merged[table]) == {row for part in parts for row in part[table]}


def test_a_table_of_another_version_is_refused_and_not_dropped(
    shards: tuple[Path, Path], tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(shards[0], copy)
    execute(copy, "create table ledgers (episode integer primary key, tokens integer)")
    refused = makespan("merge", shards[1], copy, "--out", tmp_path / "merged")
    assert refused.returncode == 2
    assert "has the table 'ledgers', which this makespan does not know" in refused.stderr
    assert not (tmp_path / "merged").exists()


def test_a_journal_without_the_younger_tables_is_merged(
    shards: tuple[Path, Path], tmp_path: Path
) -> None:
    copies = [tmp_path / "1", tmp_path / "2"]
    for shard, copy in zip(shards, copies, strict=True):
        shutil.copytree(shard, copy)
        execute(copy, "drop table effects")
        execute(copy, "drop table pace")
    done = makespan("merge", *copies, "--out", tmp_path / "merged")
    assert done.returncode == 0, done.stderr
    assert len(rows(tmp_path / "merged", "select * from records")) == 6


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished search that asks no server."""
    folder = tmp_path_factory.mktemp("search") / "whole"
    how = ["--model", "policy/mutate", "--calls", 4, "--lag", 1, "--limit", 2]
    done = makespan("evolve", "run", "tardiness-priority", *how, "--out", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.heavy
def test_copies_of_a_search_are_merged_to_the_one_that_went_on(
    search: Path, tmp_path: Path
) -> None:
    early = tmp_path / "early"
    shutil.copytree(search, early)
    execute(early, LATE)
    shown = makespan("evolve", "show", search)
    assert makespan("evolve", "show", early).returncode == 1
    for name, order in (("a", (early, search)), ("b", (search, early))):
        done = makespan("merge", *order, "--out", tmp_path / name)
        assert (done.returncode, done.stdout) == (0, shown.stdout), done.stderr
        assert "what is in more than one of the folders is the same" in done.stderr
        merged, whole = tables(tmp_path / name), tables(search)
        assert {k: sorted(v, key=str) for k, v in merged.items()} == {
            k: sorted(set(v), key=str) for k, v in whole.items()
        }


@pytest.mark.heavy
def test_searches_that_went_on_apart_are_refused(search: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(search, copy)
    execute(copy, "update effects set outcome = '{}' where path = 'rules/mdd/validation'")
    refused = makespan("merge", search, copy, "--out", tmp_path / "merged")
    assert refused.returncode == 2
    assert "the episode evolve, rules/mdd/validation (its outcome): " in refused.stderr
    assert not (tmp_path / "merged").exists()


@pytest.mark.heavy
def test_an_unfinished_search_is_merged_and_goes_on(search: Path, tmp_path: Path) -> None:
    early, merged = tmp_path / "early", tmp_path / "merged"
    shutil.copytree(search, early)
    execute(early, LATE)
    done = makespan("merge", early, "--out", merged)
    assert done.returncode == 1
    assert f"not finished: makespan resume {merged}" in done.stderr
    again = makespan("resume", merged)
    assert again.returncode == 0, again.stderr
    assert "policy/mutate" in again.stdout


@pytest.mark.heavy
def test_a_search_and_a_run_are_not_merged(
    search: Path, shards: tuple[Path, Path], tmp_path: Path
) -> None:
    refused = makespan("merge", shards[0], search, "--out", tmp_path / "merged")
    assert refused.returncode == 2
    assert "holds a run of another configuration" in refused.stderr
