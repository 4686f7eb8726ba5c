"""The journal: committed before it is used, together where that is cheaper."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from msgspec.structs import replace

from harness.store.journal import Journal, read_records
from harness.store.journal import key_of as episode_key
from tasks.base import Grade, Outcome, Parsed, Problem, Record, Reply, StoreFailure, Verdict


def record(name: str, message: str = "x") -> Record:
    return Record(
        name,
        "rcpsp",
        3,
        {},
        "m",
        "direct",
        "none",
        0,
        None,
        Problem("world", message),
        1,
        1,
        None,
        None,
        None,
        0.0,
    )


def test_rows_are_there_for_others_once_written(tmp_path: Path) -> None:
    async def go() -> None:
        journal = Journal(tmp_path)
        other = sqlite3.connect(tmp_path / "journal.sqlite")

        async def one(k: int) -> None:
            await journal.attempt(f"e{k}", "answer", 1, "q", 0.5, reply=Reply(f"r{k}"))
            found = other.execute(
                "select count(*) from attempts join episodes on id = episode where key = ?",
                (f"e{k}",),
            ).fetchone()
            assert found == (1,)

        await asyncio.gather(*(one(k) for k in range(50)))
        journal.close()

    asyncio.run(go())
    journal = Journal(tmp_path)
    assert journal.answered("e7")["answer"].reply == Reply("r7")
    assert journal.answered("never") == {}
    journal.close()


def test_failed_attempts_are_counted_and_kept(tmp_path: Path) -> None:
    async def go() -> None:
        journal = Journal(tmp_path)
        await journal.attempt("e", "answer", 1, "q", 0.1, fault="server: no")
        await journal.attempt("e", "answer", 2, "q", 0.1, reply=Reply("yes"))
        known = journal.answered("e")["answer"]
        assert (known.attempts, known.reply) == (2, Reply("yes"))
        journal.close()

    asyncio.run(go())


def test_newest_version_of_each_record(tmp_path: Path) -> None:
    async def go() -> None:
        journal = Journal(tmp_path)
        for name, version in (("b", 0), ("a", 0), ("b", 1), ("b", 2)):
            key = episode_key("m", 0, name)
            await journal.record(key, version, record(name, f"v{version}"), None)
        assert journal.latest()[episode_key("m", 0, "b")] == (2, record("b", "v2"))
        episodes = journal.open_episodes()
        assert [episodes.next_version(episode_key("m", 0, name)) for name in "abc"] == [1, 3, 0]
        journal.close()

    asyncio.run(go())
    assert list(read_records(tmp_path)) == [record("b", "v2"), record("a", "v0")]


def test_a_row_that_cannot_be_written_is_a_store_failure(tmp_path: Path) -> None:
    async def go() -> None:
        journal = Journal(tmp_path)
        await journal.attempt("e", "answer", 1, "q", 0.1, reply=Reply("a"))
        with pytest.raises(StoreFailure, match=r"cannot write .*journal\.sqlite: UNIQUE"):
            await journal.attempt("e", "answer", 1, "q", 0.1, reply=Reply("b"))
        journal.close()

    asyncio.run(go())


def test_what_is_no_run_folder_or_no_journal(tmp_path: Path) -> None:
    with pytest.raises(StoreFailure, match="not a run folder"):
        list(read_records(tmp_path))
    (tmp_path / "journal.sqlite").write_bytes(b"not a database, not at all" * 100)
    with pytest.raises(StoreFailure, match="not a database"):
        Journal(tmp_path)
    with pytest.raises(StoreFailure, match="not a database"):
        list(read_records(tmp_path))


def test_after_a_failed_commit_nothing_more_is_written(tmp_path: Path) -> None:
    """Rows that were rolled back leave no gap in which a resumed run would trip."""

    async def go() -> None:
        journal = Journal(tmp_path)
        await journal.attempt("a", "answer", 1, "q", 0.1, reply=Reply("1"))
        twice = [journal.attempt("b", "answer", 1, "q", 0.1, reply=Reply("2")) for _ in "xy"]
        failures = await asyncio.gather(*twice, return_exceptions=True)
        assert all(isinstance(f, StoreFailure) for f in failures)
        with pytest.raises(StoreFailure):
            await journal.attempt("c", "answer", 1, "q", 0.1, reply=Reply("3"))
        journal.close()
        again = Journal(tmp_path)
        for name in "bcd":
            await again.attempt(name, "answer", 1, "q", 0.1, reply=Reply("4"))
        assert again.answered("a")["answer"].reply == Reply("1")
        again.close()

    asyncio.run(go())


def test_a_gap_in_the_numbers_of_episodes_is_no_trouble(tmp_path: Path) -> None:
    Journal(tmp_path).close()
    db = sqlite3.connect(tmp_path / "journal.sqlite")
    db.execute("insert into episodes values (1, 'a'), (3, 'c')")
    db.commit()
    db.close()

    async def go() -> None:
        journal = Journal(tmp_path)
        for name in "bde":
            await journal.attempt(name, "answer", 1, "q", 0.1, reply=Reply(name))
        journal.close()

    asyncio.run(go())


def graded(name: str) -> Record:
    grade = Grade(Verdict.valid, 0.5, objective=3, bound=0, violations=({"kind": "x"},))
    return replace(record(name), grade=grade, problem=None, calls=7, cost=0.0, memory_tokens=None)


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    """What is unknown, zero or empty is not written, and yet told apart."""
    records = [record("a"), graded("b"), replace(record("c"), memory_calls=2, cost=1.5, epoch=3)]

    async def go() -> None:
        journal = Journal(tmp_path)
        for one in records:
            key = episode_key("m", one.epoch, one.instance)
            await journal.record(key, 0, one, Outcome((Parsed(),)))
        journal.close()

    asyncio.run(go())
    assert list(read_records(tmp_path)) == records
    episodes = Journal(tmp_path).open_episodes()
    keys = [episode_key("m", one.epoch, one.instance) for one in records]
    assert [key in episodes for key in keys] == [True, False, True]
    assert episode_key("m", 9, "b") in episodes
