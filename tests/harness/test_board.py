"""Boards: cells, kinds, denominators, order, and what may not be mixed."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import msgspec

from harness.board import Board, as_csv, as_json
from harness.board import build_board as build
from harness.gather import Asked
from harness.render import notes
from tasks.base import Grade, Problem, Record, Verdict
from tests.harness.helpers import instances, makespan, zeros
from tests.loopback import Loopback


def record(k: int, verdict: str = "valid", **changes: Any) -> Record:
    grade = Grade(
        Verdict(verdict), float(verdict == "valid"), gap=0.1 if verdict == "valid" else None,
        against="optimum" if verdict == "valid" else None,
        violations=() if verdict == "valid" else ({"kind": "window"},),
        metrics={"broken": 0.0 if verdict == "valid" else 0.2},
    )  # fmt: skip
    fields: dict[str, Any] = {
        "instance": f"i{k}", "family": "rcpsp", "level": 10 if k % 2 else 20,
        "settings": {"edges": 4, "axes": "none"}, "model": "openai/m", "agent": "direct",
        "memory": "none", "epoch": 0, "grade": grade, "problem": None, "calls": 1, "attempts": 1,
        "input_tokens": 10, "output_tokens": 5, "cost": None, "seconds": 0.5,
    } | changes  # fmt: skip
    return Record(**fields)


def build_board(records: list[Record], sizes: dict[str, int]) -> Board:
    return build([Asked(r, {}) for r in records], sizes)


def failed(k: int, **changes: Any) -> Record:
    return record(k, grade=None, problem=Problem("provider", "server: down"), **changes)


def test_errors_are_counted_and_not_scored() -> None:
    verdicts = ["valid", "valid", "infeasible", "unparsable"]
    board = build_board([*(record(k, v) for k, v in enumerate(verdicts)), failed(9)], {})
    [row] = board.rows
    assert (row.n, row.errors, row.unparsable, row.infeasible) == (5, 1, 1, 1)
    assert row.score.value == 0.5  # (level 20: 1 of 2) and (level 10: 1 of 2)
    assert row.metrics["feasible@10"].value == 0.5
    assert row.metrics["share_window"].value == 0.5
    assert row.tokens == 75
    assert row.cost is None
    assert any("1 of 5 episodes ended in an error" in note for note in notes(board))


def test_a_row_of_errors_only_has_no_score() -> None:
    [row] = build_board([failed(1), failed(2)], {}).rows
    assert (row.n, row.errors, row.score.value, row.metrics) == (2, 2, None, {})


def test_headline_is_the_mean_over_levels_not_over_episodes() -> None:
    records = [record(k, level=10) for k in range(9)] + [record(9, "infeasible", level=40)]
    [row] = build_board(records, {}).rows
    assert row.score.value == 0.5
    assert row.metrics["level_area"].value == 10 / 50


def test_cells_are_the_settings_that_differ_and_are_no_dial() -> None:
    records = [
        record(k, settings={"edges": k, "layers": 3, "axes": axes, "slack": 4}, level=20)
        for k in range(4)
        for axes in ("none", "windows")
    ]
    board = build_board(records, {})
    assert [row.cell for row in board.rows] == [{"axes": "none"}, {"axes": "windows"}]
    assert set(board.rows[0].metrics) >= {"feasible@0", "feasible@3"}


def test_kinds_and_order() -> None:
    records = [
        record(1, "infeasible", model="policy/edf"),
        record(1, model="policy/exact"),
        record(1, "infeasible", model="openai/m"),
    ]
    rows = build_board(records, {}).rows
    assert [(r.model, r.kind) for r in rows] == [
        ("policy/exact", "ceiling"), ("openai/m", "model"), ("policy/edf", "floor"),
    ]  # fmt: skip


def test_epochs_of_an_instance_are_one_trial() -> None:
    many = [record(1, epoch=e) for e in range(50)]
    [row] = build_board([*many, record(3, "infeasible")], {}).rows
    assert row.metrics["feasible@10"].low is not None
    assert row.metrics["feasible@10"].low < 0.1  # two instances, not 51


def test_json_and_csv_hold_the_same_numbers() -> None:
    board = build_board([record(k, "valid" if k % 3 else "infeasible") for k in range(12)], {})
    [row] = json.loads(as_json(board))["rows"]
    assert set(row["score"]) >= {"value", "low", "high"}
    [line] = csv.DictReader(io.StringIO(as_csv(board)))
    assert float(line["score"]) == row["score"]["value"]
    assert float(line["gap_median_low"]) == row["metrics"]["gap_median"]["low"]
    assert line["cost"] == ""
    assert msgspec.json.decode(as_json(board), type=type(board)) == board


def test_boards_do_not_mix_what_was_not_asked_the_same(tmp_path: Path) -> None:
    file = instances(tmp_path / "a.jsonl", 2)
    other = instances(tmp_path / "b.jsonl", 3)
    for name, what, model in (("x", file, "edf"), ("y", file, "serial"), ("z", other, "edf")):
        how = ["run", what, "--model", f"policy/{model}", "--out", tmp_path / name]
        assert makespan(*how).returncode == 0
    both = makespan("board", tmp_path / "x", tmp_path / "y", "--json")
    assert [r["model"] for r in json.loads(both.stdout)["rows"]] == ["policy/edf", "policy/serial"]
    mixed = makespan("board", tmp_path / "x", tmp_path / "z")
    assert mixed.returncode == 2
    assert "were not asked the same: suite.name is 'a' and 'b'" in mixed.stderr


def test_the_table_reads_well_in_a_file(tmp_path: Path) -> None:
    file = instances(tmp_path / "a.jsonl", 2)
    done = makespan("run", file, "--model", "policy/edf", "--out", tmp_path / "x")
    assert "95 % interval" in done.stdout
    assert "policy/edf" in done.stdout
    assert "floor" in done.stdout
    csv_file = tmp_path / "b.csv"
    assert makespan("board", tmp_path / "x", "--csv", csv_file).returncode == 0
    assert csv_file.read_text().startswith("family,cell,model,")


def test_errors_at_a_whole_level_leave_no_score() -> None:
    """Nobody wins by failing where it is hard."""
    easy = [record(k, level=5) for k in range(5)]
    hard = [failed(k, level=40) for k in range(5, 10)]
    wrong = [record(k, "infeasible", level=40, model="openai/n") for k in range(5, 10)]
    right = [record(k, level=5, model="openai/n") for k in range(5)]
    rows = build_board([*easy, *hard, *wrong, *right], {}).rows
    assert [(r.model, r.score.value) for r in rows] == [("openai/n", 0.5), ("openai/m", None)]
    assert rows[1].score.note == "only errors at level 40"
    assert rows[1].problems == {"server: down": 5}


def test_rows_of_another_setup_are_apart_and_no_episode_counts_twice(tmp_path: Path) -> None:
    file = instances(tmp_path / "a.jsonl", 2)
    with Loopback(zeros) as server:
        how = ["run", file, "--model", "openai/m", "--base-url", server.url]
        assert makespan(*how, "--temperature", "0", "--out", tmp_path / "x").returncode == 0
        assert makespan(*how, "--temperature", "1", "--out", tmp_path / "y").returncode == 0
    both = makespan("board", tmp_path / "x", tmp_path / "y", "--json")
    rows = json.loads(both.stdout)["rows"]
    assert [(r["setup"]["temperature"], r["n"]) for r in rows] == [(0.0, 2), (1.0, 2)]
    twice = makespan("board", tmp_path / "x", tmp_path / "x")
    assert twice.returncode == 2
    assert "is in two of the folders" in twice.stderr


def test_an_unfinished_run_is_said_to_be_one(tmp_path: Path) -> None:
    file = instances(tmp_path / "a.jsonl", 6)
    how = ["run", file, "--model", "policy/edf", "--out", tmp_path / "x"]
    assert makespan(*how, "--limit", "2").returncode == 0
    manifest = tmp_path / "x" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"limit": 2', '"limit": 6'))
    done = makespan("board", tmp_path / "x")
    assert done.returncode == 1
    assert "policy/edf: 2 of 6 episodes" in done.stdout
