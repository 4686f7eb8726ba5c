"""A reader of frames reads again only what has no grade, and sees what a new reader sees."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import msgspec
import pytest

from harness.watch.frame import Snapshot
from harness.watch.read import FrameReader, read_frame
from tests.harness.helpers import instances, makespan, zeros
from tests.loopback import FAULTS, Fault, Json, Loopback, says

TABLES = ("episodes", "attempts", "records")


def _comparable(frame: Snapshot) -> object:
    """A frame without what passes with time, sums to nine places."""
    text = msgspec.json.encode(msgspec.structs.replace(frame, silent=None, folder=""))
    return _rounded(msgspec.json.decode(text))


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, 9)
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, list) else value


@pytest.mark.heavy
def test_frames_of_one_reader_are_those_of_new_ones(tmp_path: Path) -> None:
    def answer(number: int, body: Json) -> str | Fault:
        if number % 7 == 3:
            return FAULTS["server"]
        return says(400, "no") if number % 5 == 0 else zeros(number, body)

    whole, out = tmp_path / "whole", tmp_path / "run"
    with Loopback(answer) as server:
        file = instances(tmp_path / "i.jsonl", 30)
        words = ["--model", "openai/a", "--model", "openai/b", "--base-url", server.url]
        makespan("run", file, *words, "--price", "openai/a=100,200", "--out", whole)
    shutil.copytree(whole, out)
    with closing(sqlite3.connect(whole / "journal.sqlite")) as db:
        rows = [(name, row) for name in TABLES for row in db.execute(f"select * from {name}")]
    numbers = sorted({row[0] for _, row in rows})
    assert len(numbers) == 60
    with closing(sqlite3.connect(out / "journal.sqlite")) as db:
        for name in TABLES:
            db.execute(f"delete from {name}")
        db.commit()
        reader, late = FrameReader(out), set(Random(0).sample(numbers, 12))
        for begun in (0, 1, 20, 45, 60, 60):
            held = late if begun < 60 else set()
            for name, row in rows:
                if row[0] in numbers[:begun] and not (name == "records" and row[0] in held):
                    marks = ", ".join("?" * len(row))
                    db.execute(f"insert or ignore into {name} values ({marks})", row)
            db.commit()
            frame = reader.frame()
            assert _comparable(frame) == _comparable(read_frame(out)), begun
            assert sum(m.done + m.errors for m in frame.models) == len(set(numbers[:begun]) - held)
    assert _comparable(frame) == _comparable(read_frame(whole))
    assert frame.problems
    assert frame.failures


def test_a_second_frame_reads_no_graded_episode_again(tmp_path: Path) -> None:
    out = tmp_path / "run"
    makespan("run", instances(tmp_path / "i.jsonl", 5), "--model", "policy/serial", "--out", out)
    reader = FrameReader(out)
    first = reader.frame()
    with closing(sqlite3.connect(out / "journal.sqlite")) as db:
        db.execute("delete from records where episode < 3")
        db.commit()
    assert reader.frame().models == first.models
    assert read_frame(out).models[0].done == first.models[0].done - 2
