"""`makespan evolve score`, and what `evolve show` says first."""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from graders.statistics import Estimate
from harness.evolve.domains import domain
from harness.evolve.looks import LOOKS, Look, note_look
from harness.evolve.replay import replay
from harness.evolve.report import ChampionComparison
from harness.evolve.verdict_text import opponents, verdict_lines
from harness.evolve.verdicts import Verdict
from tasks.base import InputError
from tests.harness.helpers import makespan, told_lines
from tests.old_folders import KINDS, unpack

MDD = "def priority(p, d, t, P, n):\n    return max(p + t, d)\n"
EDD = "def priority(p, d, t, P, n):\n    return d\n"
HOW = ("--domain", "tardiness-priority", "--limit", 6)
SEARCHES = [name for name, kind in KINDS.items() if kind.is_search]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in a working folder of its own."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "p.py"
    file.write_text(MDD)
    return file


def score(file: Path, *words: object, status: int = 0) -> Any:
    done = makespan("evolve", "score", file, *HOW, *words, "--json")
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout)


@pytest.mark.heavy
def test_validation_is_looked_at_unless_another_split_is_asked_for(program: Path) -> None:
    free = score(program)
    assert free["split"] == "validation"
    assert free["looks"] is None
    assert not LOOKS.exists()
    assert score(program, "--split", "train")["looks"] is None
    assert not LOOKS.exists()
    looked = score(program, "--split", "test")
    assert looked["split"] == "test"
    assert looked["looks"]["looks"] == looked["looks"]["programs"] == 1


@pytest.mark.heavy
def test_every_look_at_a_split_of_the_verdict_is_counted(program: Path) -> None:
    for count in (1, 2):
        assert score(program, "--split", "test")["looks"]["looks"] == count
    program.write_text(EDD)
    third = score(program, "--split", "test")["looks"]
    assert (third["looks"], third["programs"]) == (3, 2)
    assert third["noted"] == str(LOOKS / "tardiness-priority.jsonl")
    other = score(program, "--split", "cells")["looks"]
    assert (other["split"], other["looks"], other["programs"]) == ("cells", 1, 1)
    printed = makespan("evolve", "score", program, *HOW, "--split", "test").stdout
    last = printed.splitlines()[-1]
    assert last.startswith("test was looked at 4 times from here, by 2 programs (")
    lines = (LOOKS / "tardiness-priority.jsonl").read_text().splitlines()
    assert len(lines) == 5
    assert json.loads(lines[0]).keys() == {"split", "limit", "program", "file"}


def test_where_a_look_cannot_be_noted_there_is_none(program: Path) -> None:
    LOOKS.parent.mkdir()
    LOOKS.write_text("a file in the place of the folder")
    done = makespan("evolve", "score", program, *HOW, "--split", "test")
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot make the folder" in told_lines(done.stderr)[-1]
    LOOKS.unlink()
    LOOKS.mkdir()
    (LOOKS / "tardiness-priority.jsonl").write_text("not ours\n")
    with pytest.raises(InputError, match="is not what makespan wrote"):
        note_look("tardiness-priority", Look("test", None, "0", file="p.py"))


@pytest.mark.heavy
def test_a_score_has_its_interval_and_the_rules_beside_it(program: Path) -> None:
    found = score(program)
    for name in ("ratio", "skill"):
        interval = found[f"{name}_interval"]
        assert interval["value"] == pytest.approx(found[name])
        assert interval["low"] < found[name] < interval["high"]
    rules = {rule["rule"]: rule for rule in found["rules"]}
    assert set(rules) == {*domain("tardiness-priority").rules, "random"}
    assert rules["mdd"]["ratio"] == found["ratio_interval"]  # it is that rule
    assert (rules["mdd"]["win"], rules["mdd"]["loss"]) == (0, 0)
    assert all(rule["win"] + rule["tie"] + rule["loss"] == found["n"] for rule in found["rules"])
    assert rules["random"]["skill"]["value"] == 0
    ratios = [rule["ratio"]["value"] for rule in found["rules"]]
    assert ratios == sorted(ratios)
    printed = makespan("evolve", "score", program, *HOW).stdout
    assert printed.startswith("tardiness-priority validation: valid\n")
    for name in rules:
        assert f" {name} " in printed


@pytest.mark.heavy
def test_a_program_that_is_not_valid_ends_with_status_1(program: Path) -> None:
    program.write_text("def priority(p, d, t, P, n):\n    return 1 / (p - p)\n")
    found = score(program, status=1)
    assert not found["valid"]
    assert found["ratio"] > 1
    done = makespan("evolve", "score", program, *HOW)
    assert done.returncode == 1
    assert "NOT valid: 6 of 6 failed" in done.stdout
    assert "6 x raised: ZeroDivisionError" in done.stdout


# What a search came to ----------------------------------------------------------------------


@pytest.mark.parametrize("name", SEARCHES)
def test_the_verdict_comes_before_the_tables(name: str, tmp_path: Path) -> None:
    folder = unpack(name, tmp_path)
    report = replay(folder).report
    lines = makespan("evolve", "show", folder, COLUMNS="200").stdout.splitlines()
    first = f"{report.domain}, seed {report.seed}: "
    if report.champion is None:
        assert lines[0].startswith(f"{first}no verdict yet, after {report.arms[0].tries} tries")
        return
    assert lines[0].startswith(f"{first}the champion is {report.champion.name} (")
    for line, split in zip(lines[1:], ("test", "larger", "cells"), strict=False):
        assert line.startswith(f"{split}: ")
    below = lines.index(f"{report.domain}, seed {report.seed}: searches")
    for c in report.comparisons:
        [line] = [line for line in lines[:below] if line.startswith(f"{c.split}: ")]
        assert c.against.replace("seed", "best seed") in line


def test_each_opponent_stands_behind_its_own_verdict(tmp_path: Path) -> None:
    report = replay(unpack("search", tmp_path)).report
    unknown = Estimate(0.0, None, None)

    def against(name: str, verdict: Verdict) -> ChampionComparison:
        return ChampionComparison(
            name,
            "test",
            unknown,
            skill=unknown,
            win=0,
            tie=0,
            loss=0,
            p=1,
            p_holm=1,
            verdict=verdict,
        )

    report = replace(
        report,
        rediscovery=(),
        comparisons=(
            against("seed", "worse"),
            against("mutate", "better"),
            against("rule atc", "no difference shown"),
            against("random-constants", "better"),
        ),
    )
    assert list(verdict_lines(report))[1:] == [
        "test: better than mutate, random-constants; no difference shown to rule atc;"
        " worse than best seed",
        "",
    ]
    assert opponents(report, "larger", "better") == []


@pytest.mark.parametrize("name", SEARCHES)
def test_calls_are_of_models_alone(name: str, tmp_path: Path) -> None:
    folder = unpack(name, tmp_path)
    shown = json.loads(makespan("evolve", "show", folder, "--json").stdout)
    main, *nulls = shown["arms"]
    assert main["calls"] == main["tries"] > 0
    assert [arm["calls"] for arm in nulls] == [0] * len(nulls)
