"""A suite that names another headline: from the command line to every file that is written."""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from generators.rcpsp import generate
from graders.rcpsp import quality
from harness.board.board import build_board
from harness.board.load import ScoredRecord, gather
from harness.board.ranking import side_by_side
from harness.board.text import notes, print_board
from harness.cli import main
from harness.families.family import Family
from harness.families.registry import family
from harness.run.rollout import Rollout
from harness.store.folder import Folder
from harness.store.journal import read_records
from tasks.base import Instance, Record, Scalar, SolverFailure
from tasks.prompts import Prompts, installed
from tasks.rcpsp import read
from tests.coverage.pools import answered
from tests.factories.records import record

MODELS = ("serial", "sgs-lft-disjunctions", "exact")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the first three instances, taken up for a fourth."""
    out = tmp_path_factory.mktemp("headline") / "x"
    models = [word for m in MODELS for word in ("--model", f"policy/{m}")]
    for limit in (2, 3):
        words = ["run", "rcpsp-makespan", "--limit", str(limit), *models, "--out", str(out)]
        assert main(words) == 0
    return out


@pytest.mark.heavy
def test_the_board_scores_by_the_headline(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["board", str(folder), "--json"]) == 0
    rows = {r["model"]: r for r in json.loads(capsys.readouterr().out)["rows"]}
    for row in rows.values():
        assert (row["headline"], row["n"]) == ("quality", 3)
        assert row["score"] == row["metrics"]["quality"]
    assert rows["policy/exact"]["score"]["value"] == 1
    middle = rows["policy/sgs-lft-disjunctions"]
    assert 0.5 < middle["score"]["value"] < 1 == middle["metrics"]["feasible"]["value"]
    main(["board", str(folder)])
    printed = capsys.readouterr().out
    assert "rcpsp: the score is quality" in printed
    assert "rcpsp: quality by level" in printed


def test_the_journal_regrades_to_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = list(read_records(folder))
    assert len(records) == 9
    assert all(r.grade and r.grade.score == quality(r.grade) for r in records)
    assert main(["regrade", str(folder)]) == 0
    assert "0 of 9" in "".join(capsys.readouterr())
    assert list(read_records(folder)) == records


def test_ranks_and_comparisons_are_of_the_headline(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = gather([folder])
    assert found.headlines == {"rcpsp": "quality"}
    two = [[a.record for a in found.records if a.record.model == f"policy/{m}"] for m in MODELS[1:]]
    pairs = [pair for stratum in side_by_side("rcpsp", two) for pair in stratum.values()]
    assert all(0 < a < 1 == b for a, b in pairs)
    names = [word for m in MODELS[1:] for word in ("--model", f"policy/{m}")]
    main(["compare", str(folder), *names, "--json"])
    [match] = json.loads(capsys.readouterr().out)["matches"]
    assert (match["wins"], match["losses"], match["b"]) == (0, 3, 1)


def test_the_report_and_the_exports_have_it(folder: Path, tmp_path: Path) -> None:
    page, out = tmp_path / "page.html", tmp_path / "eee"
    main(["report", str(folder), "--html", str(page)])
    assert "the score is quality" in page.read_text("utf-8")
    assert main(["export", str(folder), "--format", "eee", "--out", str(out)]) == 0
    results = [json.loads(f.read_text("utf-8")) for f in out.rglob("*.json")]
    scores = {r["score_details"]["score"] for one in results for r in one["evaluation_results"]}
    assert 1 in scores
    assert any(0 < score < 1 for score in scores)


def test_another_headline_is_another_board(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = tmp_path / "plain"
    words = ["--limit", "1", "--model", "policy/serial", "--out", str(plain)]
    assert main(["run", "rcpsp", *words]) == 0
    capsys.readouterr()
    assert main(["board", str(folder), str(plain)]) == 2
    [told] = capsys.readouterr().err.splitlines()
    assert f"{plain} do not have the same score: quality and the family's own" in told


NAMED = [  # a family, a measure that its suite may name, its policies, settings of the instances
    ("rcpsp", "quality", ("serial", "sgs-lft", "exact"), {"axes": "downtime"}),
    ("tardiness", "share_optimal", ("random", "mddc", "exact"), {"tf": 0.8, "rdd": 0.4}),
    ("tools", "completion", ("do-nothing", "random", "optimal"), {}),
]


@pytest.mark.parametrize(("name", "headline", "policies", "settings"), NAMED)
def test_any_column_with_a_measure_can_be_the_headline(
    name: str,
    headline: str,
    policies: tuple[str, ...],
    settings: dict[str, Scalar],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its estimate is the score; the family's other metrics are what they are without it."""
    one, prompts = family(name), installed()
    instances = [one.generate(4, 0, index, settings) for index in range(6)]
    own = [_record(one, i, policy, prompts) for policy in policies for i in instances]
    named = [_record(one, i, policy, prompts, headline) for policy in policies for i in instances]
    sizes = {name: len(instances)}
    before = build_board([ScoredRecord(each, {}) for each in own], sizes)
    board = build_board(
        [ScoredRecord(each, {}) for each in named], sizes, headlines={name: headline}
    )
    usual = {row.model: row for row in before.rows}
    for row in board.rows:
        old = usual[row.model]
        assert (row.headline, old.headline) == (headline, None)
        assert row.score.value == pytest.approx(row.metrics[headline].value)
        same = [key for key in row.metrics if not key.startswith("score@")]
        assert {key: row.metrics[key] for key in same} == {key: old.metrics[key] for key in same}
    assert f"{name}: the score is {headline}" in notes(board)
    assert board.rows[0].model == f"policy/{policies[-1]}"
    assert board.rows[0].score.value == 1
    capsys.readouterr()
    print_board(board)
    heads = [line for line in capsys.readouterr().out.splitlines() if line.startswith(" model")]
    assert "score (95 % interval)" in heads[0]
    assert headline.replace("_", " ") not in heads[0]  # it is the score


def test_a_share_as_the_headline_has_the_interval_of_a_share() -> None:
    """A mean of ones would have none: whoever is optimal 6 times is not known to be always."""
    one, prompts = family("tardiness"), installed()
    instances = [one.generate(4, 0, index, {"tf": 0.8, "rdd": 0.4}) for index in range(6)]
    records = [_record(one, each, "exact", prompts, "share_optimal") for each in instances]
    scored = [ScoredRecord(each, {}) for each in records]
    [row] = build_board(scored, {}, headlines={"tardiness": "share_optimal"}).rows
    assert row.score == row.metrics["share_optimal"]
    assert row.score.low is not None
    assert 0.4 < row.score.low < 0.9
    [plain] = build_board(scored, {}).rows
    assert plain.score.low == 1


def _record(
    one: Family[Any], instance: Instance[Any], policy: str, prompts: Prompts, headline: str = ""
) -> Record:
    grade = one.grade(instance, answered(one, instance, one.policies[policy], prompts))
    score = one.headlines[headline](grade) if headline else grade.score
    assert score is not None
    return record(
        instance.index,
        instance=instance.id,
        family=one.name,
        level=instance.level,
        settings=instance.settings,
        model=f"policy/{policy}",
        grade=replace(grade, score=score),
    )


def test_an_instance_without_a_bound_is_an_error_and_no_zero(folder: Path) -> None:
    """The witness's answer alone tells nothing of how short a schedule can be."""
    kit = Rollout.of(Folder.open(folder), ())
    instance = generate(4, 0, 0, {}, reference=False)
    with pytest.raises(SolverFailure, match="too little for the suite's headline quality"):
        kit.grade(instance, read(instance.reference.answer, ""))
