"""The list of runs: how each stands, which is the newest, and that nothing in it is fatal."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from time import process_time
from typing import Any

import pytest

from harness.store.folder import Folder, is_claimed
from harness.watch import shelf
from harness.watch.shelf import RowScore, RunState, newest, states
from tasks.base import InputError
from tests.harness.helpers import board, instances, makespan, zeros
from tests.loopback import Json, Loopback, says
from tests.old_folders import KINDS, unpack


def dated(folder: Path, created: str) -> Path:
    """A folder that was begun at another time, and gave no sign of life since."""
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["environment"]["created"] = created
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def policies(root: Path, name: str, *models: str) -> Path:
    """A finished run of policies on three projects."""
    root.mkdir(exist_ok=True)
    file = instances(root.parent / "i.jsonl", 3)
    words = [word for model in models for word in ("--model", f"policy/{model}")]
    assert makespan("run", file, *words, "--out", root / name).returncode == 0
    return root / name


def by_board(folder: Path) -> set[tuple[Any, ...]]:
    """Family, cell, model, kind and score of the rows of a board."""
    rows = board(folder)
    return {
        (r["family"], str(r["cell"]), r["model"], r["kind"], r["score"]["value"], r["n"])
        for r in rows
    }


def as_tuples(scores: Sequence[RowScore]) -> set[tuple[Any, ...]]:
    return {(s.family, str(s.cell), s.model, s.kind, s.score, s.n) for s in scores}


@pytest.mark.parametrize("name", [n for n, kind in KINDS.items() if not kind.is_search])
def test_scores_of_the_list_are_those_of_the_board(name: str, tmp_path: Path) -> None:
    folder = unpack(name, tmp_path)
    [state] = states(tmp_path)
    rows = {(f, c, m, k, n): score for f, c, m, k, score, n in by_board(folder)}
    mine = {(f, c, m, k, n): score for f, c, m, k, score, n in as_tuples(state.scores)}
    assert mine.keys() == rows.keys()
    for key, score in rows.items():
        assert mine[key] == (None if score is None else pytest.approx(score, abs=1e-12)), key
    errors = sum(row["errors"] for row in board(folder))
    assert state.errors == errors
    assert state.done == sum(row["n"] for row in board(folder)) - errors
    is_complete = name.startswith("shard") or makespan("board", folder).returncode == 0
    assert (state.state == "complete") == is_complete
    assert (state.done >= state.of) == is_complete


@pytest.mark.heavy
def test_a_suite_with_a_headline_of_its_own_is_listed_by_it(tmp_path: Path) -> None:
    models = ("--model", "policy/sgs-lft-disjunctions", "--model", "policy/list-best")
    done = makespan("run", "rcpsp-makespan", "--limit", 6, *models, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    [state] = states(tmp_path)
    assert len(state.scores) == 2
    for row in board(tmp_path / "run"):
        [mine] = [s for s in state.scores if s.model == row["model"]]
        assert mine.score == pytest.approx(row["score"]["value"], abs=1e-12)


@pytest.mark.parametrize("name", [n for n, kind in KINDS.items() if kind.is_search])
def test_a_search_is_listed_by_its_tries(name: str, tmp_path: Path) -> None:
    folder = unpack(name, tmp_path)
    [state] = states(tmp_path)
    shown = makespan("evolve", "show", folder, "--json")
    assert state.sort == "search"
    assert state.done == json.loads(shown.stdout)["arms"][0]["tries"]
    assert (state.state == "complete") == (shown.returncode == 0)


def test_errors_and_what_is_left_are_counted(tmp_path: Path) -> None:
    def answer(number: int, body: Json) -> Any:
        return says(400, "no") if number == 2 else zeros(number, body)

    file = instances(tmp_path / "i.jsonl", 6)
    with Loopback(answer) as server:
        words = ["--model", "openai/m", "--base-url", server.url, "--max-connections", 1]
        words += ["--out", tmp_path / "runs" / "r", "--fail-on-error", 0]
        assert makespan("run", file, *words).returncode == 1
    [state] = states(tmp_path / "runs")
    assert (state.state, state.errors, state.of) == ("open", 1, 6)
    assert state.done < 6
    printed = makespan("runs", tmp_path / "runs").stdout
    assert f"r  {state.done} of 6, 1 errors  " in printed


def test_a_folder_that_is_claimed_is_running_and_looking_claims_nothing(tmp_path: Path) -> None:
    path = policies(tmp_path / "runs", "a", "edf")
    assert not is_claimed(path)
    writer = Folder.open(path)
    writer.claim()
    assert is_claimed(path)
    [state] = states(tmp_path / "runs")
    assert state.running
    assert ", running  " in makespan("runs", tmp_path / "runs").stdout
    writer.release()
    assert not is_claimed(path)
    again = Folder.open(path)
    again.claim()  # whoever looked has let go
    again.release()


@pytest.mark.heavy
def test_what_is_broken_or_foreign_is_told_and_stops_nothing(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    good = policies(root, "good", "edf")
    (root / "foreign").mkdir()
    (root / "file.txt").write_text("no folder")
    (root / ".hidden.1.partial").mkdir()
    for name, part, content in (
        ("cut", "manifest.json", b"{"),
        ("journal", "journal.sqlite", b"no database at all" * 99),
        ("newer", "manifest.json", (good / "manifest.json").read_bytes()),
        ("instances", "instances.jsonl", b"{}\n"),
        ("prompts", "templates/rcpsp/plain.j2", b""),
    ):
        policies(root, name, "edf")
        (root / name / part).write_bytes(content)
    manifest = root / "newer" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format": 3', '"format": 99'))
    (root / "instances" / "instances.jsonl").unlink()
    policies(root, "version", "edf")
    with closing(sqlite3.connect(root / "version" / "journal.sqlite")) as db:
        db.execute("update shared set fields = json_set(fields, '$.dial', 7)")
        db.commit()
    done = makespan("runs", root)
    assert done.returncode == 0
    assert done.stderr == ""
    by_name = {Path(state.folder).name: state for state in states(root)}
    broken = {"foreign", "cut", "journal", "newer", "instances", "prompts", "version"}
    assert set(by_name) == {"good", *broken}
    assert {name for name, state in by_name.items() if state.state != "unusable"} == {"good"}
    for name, reason in (
        ("foreign", "it has no manifest.json"),
        ("cut", "Input data was truncated"),
        ("journal", "file is not a database"),
        ("newer", "has format 99"),
        ("instances", "its instances.jsonl is missing"),
        ("prompts", "its templates of rcpsp are not those it began with"),
        ("version", "a record is of another version of makespan"),
    ):
        assert reason in by_name[name].problem
        assert f"{name}  unusable\n" in done.stdout
        assert reason in " ".join(done.stdout.split())
    assert newest(root) == root / "version"  # what is broken is told, not passed over


def test_the_newest_is_by_what_manifest_and_journal_say(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    first, second = policies(root, "b", "edf"), policies(root, "a", "edf")
    for path, year in ((first, 2999), (second, 2998)):
        dated(path, f"{year}-01-01T00:00:00+00:00")
    assert newest(root) == first  # though the other was written later
    assert [Path(s.folder).name for s in states(root)] == ["a", "b"]
    dated(first, "2001-01-01T00:00:00+00:00")
    dated(second, "2001-01-01T00:00:00+00:00")
    [earlier, later] = states(root)  # by the last sign of life in their journals
    assert (earlier.folder, later.folder) == (str(first), str(second))
    assert later.latest > later.created


def test_a_search_is_the_newest_only_where_searches_are_looked_for(tmp_path: Path) -> None:
    run = dated(unpack("file", tmp_path), "2020-01-01T00:00:00+00:00")
    search = dated(unpack("search", tmp_path), "2999-01-01T00:00:00+00:00")
    assert newest(tmp_path) == newest(tmp_path, "search") == search
    assert newest(tmp_path, "run") == run
    with pytest.raises(InputError, match="no run of a suite in"):
        newest(tmp_path / "nothing", "run")


def test_a_model_speaks_for_a_run_before_floors_and_ceilings() -> None:
    rows = (
        RowScore("rcpsp", {}, "policy/exact", kind="ceiling", score=1.0, n=3),
        RowScore("rcpsp", {}, "openai/a", kind="model", score=0.2, n=3),
        RowScore("rcpsp", {}, "openai/b", kind="model", score=0.4, n=3),
        RowScore("rcpsp", {}, "openai/c", kind="model", score=None, n=3),
        RowScore("rcpsp", {}, "policy/edf", kind="floor", score=0.9, n=3),
        RowScore("tools", {"track": "plan"}, "policy/random", kind="floor", score=0.1, n=3),
        RowScore("tools", {"track": "reactive"}, "policy/optimal", kind="ceiling", score=1.0, n=3),
    )
    best = RunState("f", "open", scores=rows).best
    assert [row.model for row in best["rcpsp"]] == ["openai/b"]
    assert [row.score for row in best["tools"]] == [0.1, 1.0]


@pytest.mark.heavy
def test_many_folders_are_listed_in_seconds(tmp_path: Path) -> None:
    """A hundredth of a second each is far above what it takes, and below what replay would."""
    root = tmp_path / "runs"
    first = policies(root, "000", "edf", "serial")
    for k in range(1, 100):
        (root / f"{k:03}").symlink_to(first)
    before = process_time()
    assert len(states(root)) == 100
    assert process_time() - before < 100 * 0.05


def test_no_score_is_computed_for_the_newest(tmp_path: Path, monkeypatch: Any) -> None:
    path = policies(tmp_path / "runs", "a", "edf")
    monkeypatch.setattr(shelf, "read_scores", None)
    assert newest(tmp_path / "runs") == path
