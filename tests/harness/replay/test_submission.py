"""A submission from elsewhere stands beside our rows; a forged one is refused with a line."""

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from harness.replay.submission import CLAIMS
from tests.harness.helpers import makespan
from tests.loopback import Loopback

SUITE = """
name = "tiny"
[[entry]]
family = "rcpsp"
level = 4
count = 6
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our own run, and the submission of another's."""
    folder = tmp_path_factory.mktemp("submitted")
    (folder / "tiny.toml").write_text(SUITE)
    words = ("run", folder / "tiny.toml", "--out")
    assert makespan(*words, folder / "ours", "--model", "policy/edf").returncode == 0
    with Loopback(lambda *_: '{"starts": {"T1": 0, "T2": 9, "T3": 20, "T4": 30}}') as server:
        model = ("--model", "openai/theirs", "--base-url", server.url)
        done = makespan(*words, folder / "theirs", *model, OPENAI_API_KEY="none")
    assert done.returncode == 0, done.stderr
    done = makespan("submit", folder / "theirs", "--out", folder / "sent")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("openai/theirs in rcpsp: ")
    return folder


@pytest.fixture
def sent(home: Path, tmp_path: Path) -> Path:
    """A copy of the submission, as it arrives."""
    shutil.copytree(home / "sent", tmp_path / "sent")
    return tmp_path / "sent"


def claims(sent: Path, **changes: Any) -> None:
    place = sent / CLAIMS
    content = json.loads(place.read_text())
    content["claims"][0] |= changes
    place.write_text(json.dumps(content))


def test_a_submission_verifies_and_is_boarded_beside_ours(home: Path, sent: Path) -> None:
    done = makespan("verify", sent)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("all is as it says\n")
    rows = json.loads(makespan("board", home / "ours", sent, "--json").stdout)["rows"]
    assert {row["model"] for row in rows} == {"policy/edf", "openai/theirs"}
    theirs_alone = json.loads(makespan("board", home / "theirs", "--json").stdout)["rows"]
    assert theirs_alone[0] in rows


def test_a_claim_that_its_records_do_not_come_to_is_refused(sent: Path) -> None:
    claims(sent, score=0.987)
    done = makespan("verify", sent)
    assert done.returncode == 1
    assert "problem: openai/theirs in rcpsp claims 0.987 over 6 episodes" in done.stdout


def test_records_that_are_forged_to_the_claim_are_refused(sent: Path) -> None:
    with sqlite3.connect(sent / "journal.sqlite") as db:
        db.execute("update records set record = json_set(record, '$.grade.score', 1.0)")
        db.execute("update records set record = json_set(record, '$.grade.verdict', 'valid')")
    claims(sent, score=1.0)
    done = makespan("verify", sent)
    assert done.returncode == 1
    assert done.stdout.count("problem: [") >= 1
    assert "its replies come to" in done.stdout


def test_a_part_of_a_run_is_neither_packed_nor_taken(sent: Path, tmp_path: Path) -> None:

    with sqlite3.connect(sent / "journal.sqlite") as db:
        db.execute("delete from records where episode = 2")
    done = makespan("verify", sent)
    assert done.returncode == 1
    assert "it is not whole" in done.stdout
    repacked = makespan("submit", sent, "--out", tmp_path / "again")
    assert repacked.returncode == 2
    assert not (tmp_path / "again").exists()


def test_what_is_there_is_not_written_over(home: Path) -> None:
    done = makespan("submit", home / "theirs", "--out", home / "sent")
    assert (done.returncode, done.stdout) == (2, "")
    assert "is there already: use another --out" in done.stderr
