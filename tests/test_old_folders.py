"""Run folders of an older version open, go on and say what they said.

Only what a user has is used: the folder and the commands. What a command prints may grow, by keys
of JSON and by columns; what was there stays.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from math import isclose
from pathlib import Path
from typing import Any

import pytest

from tests.harness.helpers import makespan
from tests.loopback import Loopback, says
from tests.old_folders import ADDRESS, FIXTURES, KINDS, MODEL, move, requests, unpack
from tests.scripted import answer

RUNS = [name for name, kind in KINDS.items() if not kind.is_search]
COMPLETE_RUNS = [name for name in RUNS if not KINDS[name].stopped]
STOPPED_RUNS = [name for name in RUNS if KINDS[name].stopped]
SEARCHES = [name for name, kind in KINDS.items() if kind.is_search]
COMPLETE_SEARCHES = [name for name in SEARCHES if not KINDS[name].stopped]
STOPPED_SEARCHES = [name for name in SEARCHES if KINDS[name].stopped]

# An error that took one attempt was counted among those with more: it has no reply.
MISCOUNTED = {"standard-stopped": [".rows[1].retried: 0 instead of 1"]}
MISCOUNTED_LINES = {
    "standard-stopped": ["rcpsp openai/scripted: 1 of 3 episodes took more than one attempt"]
}

TIMES = frozenset({"seconds", "elapsed"})  # measured: not the same where something is done again


def printed(name: str, file: str) -> str:
    """What the version that made a folder printed of it."""
    return (FIXTURES / name / file).read_text("utf-8")


def differences(
    before: Any, now: Any, ignored: frozenset[str] = frozenset(), where: str = ""
) -> Iterator[str]:
    """Where JSON of today is not what it was; keys that have come since are no difference."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in (key for key in before if key not in ignored):
            if key in now:
                yield from differences(before[key], now[key], ignored, f"{where}.{key}")
            else:
                yield f"{where}.{key} is gone"
    elif isinstance(before, list) and isinstance(now, list):
        if len(before) != len(now):
            yield f"{where}: {len(now)} instead of {len(before)}"
        for k, (old, new) in enumerate(zip(before, now, strict=False)):
            yield from differences(old, new, ignored, f"{where}[{k}]")
    elif isinstance(before, float) and isinstance(now, float):
        if not isclose(before, now, rel_tol=1e-9, abs_tol=1e-12):
            yield f"{where}: {now} instead of {before}"
    elif type(before) is not type(now) or before != now:
        yield f"{where}: {now!r} instead of {before!r}"


def lost_lines(before: str, now: str) -> list[str]:
    """Lines with figures whose words do not stand, in their order, in one line of today.

    What a model had in a line over all families, a column each, has a line each today.
    """
    lines = [line.split() for line in now.splitlines()]
    overview, rest = parts(before)
    figures = [line for line in rest if any(c.isdigit() for c in line)]
    for model, *scores in (re.split(r" {2,}", line.strip()) for line in overview[4:]):
        figures += [f"{model.split()[0]} {score}" for score in scores if "(" in score]
    return [line for line in figures if not any(in_order(line.split(), today) for today in lines)]


def parts(text: str) -> tuple[list[str], list[str]]:
    """The lines of the table over all families, if there is one, and those after it."""
    lines = text.splitlines()
    if not text.startswith("all families\n"):
        return [], lines
    end = lines.index("", 2)
    assert end > 5
    return lines[:end], lines[end:]


def in_order(words: list[str], line: list[str]) -> bool:
    """Whether a line has all words, in their order."""
    remaining = iter(line)
    return all(word in remaining for word in words)


def look(*words: object, status: int = 0) -> str:
    """What a command prints that asks nobody."""
    done = makespan(*words)
    assert done.returncode == status, done.stderr
    return done.stdout


def board_of(folder: Path) -> Any:
    """The board in JSON, whether or not it is complete."""
    return json.loads(makespan("board", folder, "--json").stdout)


@contextmanager
def served_by(server: Loopback, folder: Path) -> Iterator[None]:
    """Have the model of a folder served elsewhere, for a while."""
    move(folder, ADDRESS, server.url)
    try:
        yield
    finally:
        move(folder, server.url, ADDRESS)


def resume_without_a_model(folder: Path) -> str:
    """Resume a complete folder; AssertionError if it asks. Returns what it prints."""
    with Loopback(lambda *_: says(401, "nobody is to be asked", "invalid_api_key")) as server:
        with served_by(server, folder):
            done = makespan("resume", folder)
        assert server.requests == []
    assert done.returncode == 0, done.stderr
    return done.stdout


def resume_to_the_end(name: str, folder: Path) -> str:
    """Resume a stopped folder: it asks what it asked then. Returns what it prints."""
    with Loopback(answer) as server:
        with served_by(server, folder):
            done = makespan("resume", folder)
            if KINDS[name].examined:
                look("audit", "--ask", folder)
        assert done.returncode == 0, done.stderr
        assert requests(server) == json.loads(printed(name, "finished/requests.json"))
    return done.stdout


def test_every_fixture_is_of_a_kind_that_is_tested_and_they_are_small() -> None:
    assert {path.name for path in FIXTURES.iterdir()} == set(KINDS)
    assert sum(path.stat().st_size for path in FIXTURES.rglob("*") if path.is_file()) < 700_000


@pytest.mark.parametrize("name", RUNS)
def test_the_board_of_an_old_run_has_its_numbers(name: str, tmp_path: Path) -> None:
    folder = unpack(name, tmp_path)
    before = json.loads(printed(name, "board.json"))
    assert before["rows"]
    assert list(differences(before, board_of(folder))) == MISCOUNTED.get(name, [])
    text = makespan("board", folder).stdout
    assert lost_lines(printed(name, "board.txt"), text) == MISCOUNTED_LINES.get(name, [])


@pytest.mark.parametrize("name", RUNS)
def test_an_old_run_is_graded_and_replayed_to_what_it_was(name: str, tmp_path: Path) -> None:
    folder = unpack(name, tmp_path)
    with Loopback(lambda *_: says(401, "nobody is to be asked", "invalid_api_key")) as server:
        with served_by(server, folder):
            audit = json.loads(look("audit", folder, "--json"))
        assert server.requests == []
    before = json.loads(printed(name, "audit.json"))
    assert before["replayed"] == before["episodes"] > 0
    assert list(differences(before, audit)) == []
    regraded = look("regrade", folder)
    assert regraded.startswith("changed 0 of ")
    assert regraded == printed(name, "regrade.txt")
    board = json.loads(printed(name, "board.json"))
    assert list(differences(board, board_of(folder))) == MISCOUNTED.get(name, [])


@pytest.mark.parametrize("name", COMPLETE_RUNS)
def test_a_complete_old_run_asks_nobody_when_it_is_resumed(name: str, tmp_path: Path) -> None:
    folder = unpack(name, tmp_path)
    text = resume_without_a_model(folder)
    assert lost_lines(printed(name, "board.txt"), text) == []
    assert list(differences(json.loads(printed(name, "board.json")), board_of(folder))) == []


@pytest.mark.heavy
@pytest.mark.parametrize("name", STOPPED_RUNS)
def test_a_stopped_old_run_goes_on_to_the_board_that_it_came_to(name: str, tmp_path: Path) -> None:
    folder = unpack(name, tmp_path)
    resume_to_the_end(name, folder)
    before = json.loads(printed(name, "finished/board.json"))
    assert list(differences(before, board_of(folder), TIMES)) == []
    audit = json.loads(look("audit", folder, "--json"))
    assert list(differences(json.loads(printed(name, "finished/audit.json")), audit)) == []
    assert look("regrade", folder) == printed(name, "finished/regrade.txt")
    assert resume_without_a_model(folder)


@pytest.mark.parametrize("name", SEARCHES)
def test_an_old_search_shows_what_it_found(name: str, tmp_path: Path) -> None:
    folder, status = unpack(name, tmp_path), int(KINDS[name].stopped)
    report = json.loads(look("evolve", "show", folder, "--json", status=status))
    before = json.loads(printed(name, "show.json"))
    assert before["arms"][0]["tries"] > 0
    assert list(differences(before, report)) == []
    text = look("evolve", "show", folder, status=status)
    assert lost_lines(printed(name, "show.txt"), text) == []


@pytest.mark.heavy
@pytest.mark.parametrize("name", COMPLETE_SEARCHES)
def test_a_complete_old_search_asks_nobody_when_it_is_resumed(name: str, tmp_path: Path) -> None:
    folder = unpack(name, tmp_path)
    assert lost_lines(printed(name, "show.txt"), resume_without_a_model(folder)) == []
    report = json.loads(look("evolve", "show", folder, "--json"))
    assert list(differences(json.loads(printed(name, "show.json")), report)) == []
    look("evolve", "export", folder, "--out", tmp_path / "best.py")
    assert report["champion"]["name"] in (tmp_path / "best.py").read_text()


@pytest.mark.heavy
@pytest.mark.parametrize("name", STOPPED_SEARCHES)
def test_a_stopped_old_search_goes_on_to_what_it_found(name: str, tmp_path: Path) -> None:
    folder = unpack(name, tmp_path)
    resume_to_the_end(name, folder)
    before = json.loads(printed(name, "finished/show.json"))
    report = json.loads(look("evolve", "show", folder, "--json"))
    assert list(differences(before, report, TIMES)) == []
    assert resume_without_a_model(folder)


@pytest.mark.parametrize(
    "name", ["one-shot", "mini", "calendar-history", "calendar-hub", "tools-mcp", "tools-text"]
)
def test_the_command_that_made_an_old_run_takes_it_up(name: str, tmp_path: Path) -> None:
    """What it is compared by is what it uses, whatever else has come since."""
    folder = unpack(name, tmp_path)
    words = [*KINDS[name].words.split(), "--model", MODEL]
    with Loopback(lambda *_: says(401, "nobody is to be asked", "invalid_api_key")) as server:
        with served_by(server, folder):
            done = makespan(*words, "--base-url", server.url, "--out", folder)
        assert server.requests == []
    assert done.returncode == 0, done.stderr


def test_an_old_and_a_new_run_of_a_file_stand_on_one_board(tmp_path: Path) -> None:
    old, new = unpack("file", tmp_path), tmp_path / "new"
    look("run", old / "instances.jsonl", "--model", "policy/random", "--out", new)
    rows = json.loads(makespan("board", old, new, "--json").stdout)["rows"]
    assert {row["model"] for row in rows} > {MODEL, "policy/random"}


def test_old_shards_are_merged_to_the_run_that_was_not_split(tmp_path: Path) -> None:
    shards = [unpack(name, tmp_path) for name in ("shard-1", "shard-2")]
    look("merge", *shards, "--out", tmp_path / "merged")
    before = json.loads(printed("file", "board.json"))
    assert list(differences(before, board_of(tmp_path / "merged"), TIMES)) == []
    assert look("regrade", tmp_path / "merged") == printed("file", "regrade.txt")


@pytest.mark.heavy
def test_a_stopped_old_search_is_merged_with_its_copy_that_went_on(tmp_path: Path) -> None:
    name = "search-stopped"
    (tmp_path / "copy").mkdir()
    early, late = unpack(name, tmp_path), unpack(name, tmp_path / "copy")
    resume_to_the_end(name, late)
    look("merge", early, late, "--out", tmp_path / "merged")
    report = json.loads(look("evolve", "show", tmp_path / "merged", "--json"))
    assert report == json.loads(look("evolve", "show", late, "--json"))


def test_a_difference_is_seen() -> None:
    """What these tests rest on."""
    before = {"rows": [{"n": 2, "score": 0.5, "seconds": 1.0}]}
    grown = {"rows": [{"n": 2, "score": 0.5, "seconds": 1.0, "new": 1}]}
    assert list(differences(before, grown)) == []
    assert list(differences(before, {"rows": [{"n": 2, "score": 0.6}]})) == [
        ".rows[0].score: 0.6 instead of 0.5",
        ".rows[0].seconds is gone",
    ]
    assert list(differences(before, {"rows": []})) == [".rows: 0 instead of 1"]
    assert lost_lines("m 0.500 3\nno figures", "m new 0.500 3") == []
    assert lost_lines("m 0.500 3", "m 3 0.500") == ["m 0.500 3"]
