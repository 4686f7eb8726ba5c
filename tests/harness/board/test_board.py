"""Boards: cells, kinds, denominators, order, and what may not be mixed."""

import csv
import io
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from statistics import mean
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from graders.statistics import Estimate
from harness.board.board import Board, as_csv, read_board
from harness.board.board import build_board as build
from harness.board.html import as_html
from harness.board.load import ScoredRecord
from harness.board.ranking import side_by_side
from harness.board.text import board_tables, further_metrics, notes, print_board, ramps
from harness.cli import main
from harness.families.registry import FAMILIES, family
from harness.formatting import table
from harness.store.journal import read_records
from harness.suites.instances import encode
from tasks.base import Grade, Verdict
from tests.factories.records import build_board, failed, graded, record, several
from tests.harness.helpers import instances, makespan, zeros
from tests.loopback import Loopback


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
        ("policy/exact", "ceiling"),
        ("openai/m", "model"),
        ("policy/edf", "floor"),
    ]


def test_epochs_of_an_instance_are_one_trial() -> None:
    many = [record(1, epoch=e) for e in range(50)]
    [row] = build_board([*many, record(3, "infeasible")], {}).rows
    assert row.metrics["feasible@10"].low is not None
    assert row.metrics["feasible@10"].low < 0.1  # two instances, not 51


def test_json_and_csv_hold_the_same_numbers() -> None:
    board = build_board([record(k, "valid" if k % 3 else "infeasible") for k in range(12)], {})
    [row] = json.loads(msgspec.json.encode(board))["rows"]
    assert set(row["score"]) >= {"value", "low", "high"}
    [line] = csv.DictReader(io.StringIO(as_csv(board)))
    assert float(line["score"]) == row["score"]["value"]
    assert float(line["gap_median_low"]) == row["metrics"]["gap_median"]["low"]
    assert line["cost"] == ""
    assert msgspec.json.decode(msgspec.json.encode(board), type=type(board)) == board


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


def ranks(board: Board) -> dict[str, tuple[int, int] | None]:
    return {r.model: (r.rank.low, r.rank.high) if r.rank else None for r in board.rows}


def test_models_are_ranked_and_yardsticks_are_not() -> None:
    shares = {
        "openai/a": 0.9,
        "openai/b": 0.5,
        "openai/c": 0.48,
        "policy/edf": 0.7,
        "policy/exact": 1.0,
    }
    board = build_board([r for m, share in shares.items() for r in graded(m, share)], {})
    assert ranks(board) == {
        "policy/exact": None,
        "openai/a": (1, 1),
        "policy/edf": None,
        "openai/b": (2, 3),
        "openai/c": (2, 3),
    }
    [said] = [note for note in notes(board) if "ranked" in note]
    assert said.startswith("rcpsp: 3 models ranked; of two that differ by 0.1")
    assert ranks(build_board(graded("openai/a", 0.9), {})) == {"openai/a": None}


def test_the_ranking_is_by_cell() -> None:
    records = [
        r
        for axes, better in (("none", "openai/a"), ("windows", "openai/b"))
        for model in ("openai/a", "openai/b")
        for r in graded(model, 0.9 if model == better else 0.2, settings={"edges": 4, "axes": axes})
    ]
    found = {(r.cell["axes"], r.model): r.rank for r in build_board(records, {}).rows}
    assert [r.low for r in found.values() if r] == [1, 2, 1, 2]
    assert found[("windows", "openai/b")] == found[("none", "openai/a")]


def test_a_model_without_a_score_is_not_ranked() -> None:
    lost = [failed(k, model="openai/c") for k in range(60)]
    board = build_board([*graded("openai/a", 0.9), *graded("openai/b", 0.2), *lost], {})
    assert ranks(board) == {"openai/a": (1, 1), "openai/b": (2, 2), "openai/c": None}


def test_what_was_not_asked_the_same_is_not_ranked_together() -> None:
    """Agent, memory and sampling; where a model is served is no difference."""
    same = [
        ScoredRecord(r, {"temperature": 0.0, "base_url": m})
        for m in ("openai/a", "openai/b")
        for r in graded(m, 0.5)
    ]
    cases: list[tuple[dict[str, Any], dict[str, Any], str]] = [
        ({"temperature": 1.0}, {}, "temperature is 1.0 and 0.0"),
        ({"temperature": 0.0}, {"memory": "facts"}, "memory is 'facts' and 'none'"),
        ({"temperature": 0.0}, {"agent": "vote"}, "agent is 'vote' and 'direct'"),
    ]
    for setup, changes, why in cases:
        other = [
            ScoredRecord(r, setup)
            for m in ("openai/c", "openai/d")
            for r in graded(m, 0.9, **changes)
        ]
        board = build([*same, *other], {})
        assert ranks(board) == dict.fromkeys(
            ("openai/c", "openai/d", "openai/a", "openai/b"), (1, 2)
        )
        assert any(f"ranked apart: {why}" in note for note in notes(board))
    assert not any("apart" in note for note in notes(build(same, {})))


DEAR = ("calendar", "vms", "serving", "pods")  # to make


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.heavy] * (n in DEAR)) for n in FAMILIES]
)
def test_the_headline_is_the_mean_over_strata(name: str, tmp_path: Path) -> None:
    """What is ranked and compared is what the board shows."""
    policies = list(family(name).policies)[:2]
    generated = [
        instance
        for level in (3, 5)
        for index in range(3)
        for instance in [family(name).generate(level, 0, index, {})]
    ]
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"".join(encode(i) + b"\n" for i in generated))
    models = [word for p in policies for word in ("--model", f"policy/{p}")]
    assert main(["run", str(file), *models, "--out", str(tmp_path / "x")]) == 0
    for row in read_board([tmp_path / "x"]).rows:
        records = [r for r in read_records(tmp_path / "x") if r.model == row.model]
        means = [mean(s[0] for s in stratum.values()) for stratum in side_by_side(name, [records])]
        assert row.score.value == pytest.approx(mean(means))


def test_several_epochs_have_pass_at_k() -> None:
    records = [
        record(k, "valid" if e == 0 else "infeasible", epoch=e) for k in range(6) for e in range(4)
    ]
    [row] = build_board(records, {}).rows
    assert {m: row.metrics[m].value for m in row.metrics if m.startswith("pass")} == {
        "pass@2": 0.5,
        "pass^2": 0,
        "pass@4": 1,
        "pass^4": 0,
    }
    assert [c.name for c in further_metrics([row])][-2:] == ["pass@4", "pass^4"]
    errors = [failed(k, epoch=4) for k in range(6)]
    [row] = build_board([*records, *errors], {}).rows
    assert "pass@5" not in row.metrics
    assert not any(m.startswith("pass") for m in build_board(graded("a", 1), {}).rows[0].metrics)


def test_a_ramp_is_told_by_level_and_a_year_by_rounds(capsys: pytest.CaptureFixture[str]) -> None:
    names = ("aer", "aer_first_quarter", "aer_last_quarter", "role_prior", "logit")
    metrics = dict.fromkeys(names, 0.5) | {"aer@1": 1.0, "aer@25": 0.25}
    grade = Grade(Verdict.valid, 0.5, metrics=metrics)
    years = [record(k, family="calendar", level=5, settings={}, grade=grade) for k in range(5)]
    print_board(build_board([*map(record, range(4)), *years], {}))
    titles = [line for line in capsys.readouterr().out.splitlines() if ": " in line]
    assert titles == ["calendar: aer after N rounds", "rcpsp: feasible by level"]


def test_headlines_of_tardiness_stand_together_each_with_its_dial(
    capsys: pytest.CaptureFixture[str],
) -> None:
    metrics = {
        "share_optimal": 0.5,
        "skill@5": 0.9,
        "skill@10": 0.9,
        "share_optimal@5": 0.7,
        "share_optimal@10": 0.3,
        "skill@tf=0.8": 0.2,
        "skill@tf=0.2": 0.8,
    }
    grade = Grade(Verdict.valid, 0.5, metrics={"random": 9.0, "reference": 3.0, "mddc": 4.0})
    records = [record(0, family="tardiness", level=5, settings={}, grade=grade)]
    row = build_board(records, {}).rows[0]
    estimates = {name: Estimate(x, x - 0.05, x + 0.05) for name, x in metrics.items()}
    board = Board((replace(row, metrics=estimates),))
    assert list(ramps(board.rows)) == ["skill@tf=", "share_optimal@"]
    assert ramps(board.rows)["skill@tf="] == ["skill@tf=0.2", "skill@tf=0.8"]
    print_board(board)
    lines = capsys.readouterr().out.splitlines()
    titles = [line for line in lines if ": " in line]
    assert titles == ["tardiness: skill by tf", "tardiness: share optimal by level"]
    head = re.split(r" {2,}", lines[2].strip())
    assert head[2:4] == ["score (95 % interval)", "share optimal (95 % interval)"]
    assert "0.500 (0.450 to 0.550)" in lines[4]
    assert lines[lines.index(titles[0]) + 4].split()[-2:] == ["0.80", "0.20"]
    assert "share optimal (95 % interval)" in as_html(board)


def test_a_board_of_families_begins_with_a_line_a_model_and_family() -> None:
    """By model, so that each has its profile; no average over families."""
    metrics = dict.fromkeys(("aer", "aer_first_quarter", "aer_last_quarter"), 0.5)
    grade = Grade(Verdict.valid, 0.5, metrics=metrics | {"role_prior": 0.4, "logit": 0.3})
    year: dict[str, Any] = {"family": "calendar", "level": 5, "settings": {}, "grade": grade}
    shares = {
        "openai/b": 0.9,
        "openai/a": 0.2,
        "policy/edf": 0.3,
        "policy/serial": 0.4,
        "policy/exact": 1.0,
    }
    records = [r for m, share in shares.items() for r in graded(m, share, n=10)]
    records += [record(k, model=m, **year) for m in list(shares)[:2] for k in range(5)]
    [overview, *_] = board_tables(build_board(records, {}))
    lines = [(line[0], line[1], line[2]) for line in overview.lines]
    assert lines == [
        ("openai/a", "calendar", "model"),
        ("openai/a", "rcpsp", "model"),
        ("openai/b", "calendar", "model"),
        ("openai/b", "rcpsp", "model"),
        ("policy/exact", "rcpsp", "ceiling"),
        ("policy/serial", "rcpsp", "floor"),  # the better of the two
    ]
    heads = [column.head for column in overview.columns]
    assert heads == ["model", "family", "kind", "score (95 % interval)", "rank", "n", "errors"]
    assert len(board_tables(build_board(records[:50], {}))) == 2  # one family: its table, its ramp


class Page(HTMLParser):
    """What a page shows: its text by cell, what it sorts by, and what it would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.tables: list[list[list[str | None]]] = []
        self.linked: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = dict(attrs)
        self.linked += [str(found[a]) for a in ("src", "href") if a in found]
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append(found.get("data-value"))


@pytest.mark.heavy
def test_the_page_has_the_boards_numbers_and_fetches_nothing(tmp_path: Path) -> None:
    both = map(str, several(tmp_path))
    page_file, csv_file = tmp_path / "b.html", tmp_path / "b.csv"
    assert main(["board", *both, "--html", str(page_file), "--csv", str(csv_file)]) == 0
    text = page_file.read_text()
    page = Page(text)
    assert page.linked == []
    assert not re.search(r"https?://|@import|url\(", text)
    assert {"caption", "button", "th"} <= set(page.tags)
    shown = {float(v) for lines in page.tables for line in lines for v in line if v is not None}
    for row in csv.DictReader(io.StringIO(csv_file.read_text())):
        for column in ("score", "n", "infeasible", "tokens", "cost", "seconds"):
            assert float(row[column]) in shown
    assert len(page.tables) == 3  # all families, and each
    for lines in page.tables:
        assert len({len(line) for line in lines}) == 1  # every line has every column


def test_a_page_escapes_what_it_is_given() -> None:
    board = build_board(graded("openai/<script>alert(1)</script>", 0.5), {})
    assert "<script>alert" not in as_html(board)
    assert "&lt;script&gt;alert" in as_html(board)


def test_ranks_are_columns_of_the_csv() -> None:
    board = build_board([*graded("openai/a", 0.9), *graded("policy/edf", 0.5)], {})
    lines = list(csv.DictReader(io.StringIO(as_csv(board))))
    assert [line["rank_low"] for line in lines] == ["", ""]
    board = build_board([*graded("openai/a", 0.9), *graded("openai/b", 0.5)], {})
    lines = list(csv.DictReader(io.StringIO(as_csv(board))))
    assert [(line["rank_low"], line["rank_high"], line["rank_of"]) for line in lines] == [
        ("1", "1", "2"),
        ("2", "2", "2"),
    ]
    assert msgspec.json.decode(msgspec.json.encode(board), type=Board) == board


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
    shutil.copytree(tmp_path / "x", tmp_path / "copy")
    once = makespan("board", tmp_path / "x", "--json").stdout
    assert makespan("board", tmp_path / "x", tmp_path / "copy", "--json").stdout == once


def test_an_unfinished_run_is_said_to_be_one(tmp_path: Path) -> None:
    file = instances(tmp_path / "a.jsonl", 6)
    how = ["run", file, "--model", "policy/edf", "--out", tmp_path / "x"]
    assert makespan(*how, "--limit", "2").returncode == 0
    manifest = tmp_path / "x" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"limit": 2', '"limit": 6'))
    done = makespan("board", tmp_path / "x")
    assert done.returncode == 1
    assert "policy/edf: 2 of 6 episodes" in done.stdout


def test_names_that_look_like_markup_are_shown_as_they_are() -> None:
    names = ["a/b[/red]", "a/b[bold]", "a/b:smile:c", "a/模型-ü"]
    shown = table("runs of [/x]", [["[i]model", "n"], *([name, "1"] for name in names)])
    assert "runs of [/x]" in shown
    assert "[i]model" in shown
    assert all(name in shown for name in names)
