"""Runs of instances that were given without a reference: solved first, told, or refused a score."""

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from generators.jobs import read_jobs
from graders.exact.tardiness import reference
from harness.families.registry import FAMILIES, family
from harness.suites.instances import encode
from makespan.episodes import grade, reward, start
from tasks.base import NoReference, Reference
from tests.data import data
from tests.factories.gold import CASES, gold, instance_of
from tests.factories.layouts import SM
from tests.harness.helpers import board, makespan, makespan_apart, rows

BOTH = ("--model", "policy/exact", "--model", "policy/edd")


def jobs(folder: Path, count: int = 4) -> Path:
    """Instances of one's own jobs, none with a reference."""
    lines = [
        {"id": f"mine-{k}", "p": [9, 4, 7, 2 + k, 5], "d": [3, 6, 2, 9, 5 + k]}
        for k in range(count)
    ]
    (folder / "jobs.jsonl").write_text("\n".join(map(json.dumps, lines)))
    file = folder / "i.jsonl"
    done = makespan("import", "jobs", folder / "jobs.jsonl", "--no-solve", "--out", file)
    assert done.returncode == 0
    return file


def by_model(folder: Path) -> dict[str, Any]:
    return {row["model"]: row for row in board(folder)}


def statuses(folder: Path) -> list[str]:
    lines = (folder / "instances.jsonl").read_text().splitlines()
    return [json.loads(line)["reference"]["status"] for line in lines]


def test_what_has_no_reference_is_solved_before_anybody_is_asked(tmp_path: Path) -> None:
    file, out = jobs(tmp_path), tmp_path / "run"
    done = makespan("run", file, *BOTH, "--out", out)
    assert done.returncode == 0
    assert "4 of 4 instances have no reference: they are solved first" in done.stderr
    found = by_model(out)
    assert found["policy/exact"]["score"]["value"] == 1
    assert found["policy/edd"]["score"]["value"] < 0.9
    assert statuses(out) == ["optimal"] * 4
    again = makespan("run", file, *BOTH, "--out", out)
    assert "8 of 8 episodes are done" in again.stderr
    assert "solved" not in again.stderr


@pytest.mark.heavy
def test_the_same_command_finds_its_folder_without_solving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is known by its instances as they were given, and by how they are solved."""
    file = jobs(tmp_path)
    monkeypatch.chdir(tmp_path)
    for more in ((), (), ("--time-limit", 9), ("--no-solve",)):
        makespan("run", file, *BOTH, *more)
    names = sorted(path.name for path in (tmp_path / "results" / "runs").iterdir())
    assert len(names) == 3
    shown = makespan("run", file, *BOTH, "--time-limit", 8, "--out", f"results/runs/{names[0]}")
    assert shown.returncode == 2
    assert "suite.solved" in shown.stderr


def test_a_larger_limit_solves_what_is_new(tmp_path: Path) -> None:
    file, out = jobs(tmp_path), tmp_path / "run"
    assert makespan("run", file, *BOTH, "--limit", 1, "--out", out).returncode == 0
    first = (out / "instances.jsonl").read_bytes()
    assert statuses(out) == ["optimal"]
    done = makespan("run", file, *BOTH, "--limit", 3, "--out", out)
    assert "2 of 2 instances have no reference" in done.stderr
    assert (out / "instances.jsonl").read_bytes().startswith(first)
    assert [row["n"] for row in board(out)] == [3, 3]


def test_a_run_that_was_cut_off_while_solving_is_taken_up(tmp_path: Path) -> None:
    """From its folder alone: the file may be gone."""
    file, out = jobs(tmp_path), tmp_path / "run"
    assert makespan("run", file, *BOTH, "--out", out).returncode == 0
    whole = (out / "instances.jsonl").read_bytes()
    expected = {m: row["score"] for m, row in by_model(out).items()}
    shutil.rmtree(out)
    assert makespan("run", file, *BOTH, "--limit", 4, "--out", out).returncode == 0
    manifest = json.loads((out / "manifest.json").read_text())
    for name in ("made",):
        manifest.pop(name)
    (out / "manifest.json").write_text(json.dumps(manifest))
    (out / "instances.jsonl").write_bytes(whole[: len(whole) // 2])  # a line is half written
    with sqlite3.connect(out / "journal.sqlite") as db:
        for table in ("records", "attempts", "episodes"):
            db.execute(f"delete from {table}")
    file.unlink()
    assert makespan("resume", out).returncode == 0
    assert (out / "instances.jsonl").read_bytes() == whole
    assert {m: row["score"] for m, row in by_model(out).items()} == expected


def test_given_instances_that_were_changed_are_refused(tmp_path: Path) -> None:
    file, out = jobs(tmp_path), tmp_path / "run"
    assert makespan("run", file, *BOTH, "--limit", 1, "--out", out).returncode == 0
    given = out / "given.jsonl"
    given.write_bytes(given.read_bytes().replace(b'"p":9', b'"p":8', 1))
    done = makespan("run", file, *BOTH, "--limit", 2, "--out", out)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "its given.jsonl is not what it was" in done.stderr


@pytest.mark.heavy
def test_shards_agree_and_their_union_is_the_run(tmp_path: Path) -> None:
    file = jobs(tmp_path)
    for part in (1, 2):
        how = ("--shard", f"{part}/2", "--limit", 3, "--out", tmp_path / f"{part}")
        assert makespan("run", file, *BOTH, *how).returncode == 0
    assert makespan("run", file, *BOTH, "--limit", 3, "--out", tmp_path / "one").returncode == 0
    merged = tmp_path / "merged"
    assert makespan("merge", tmp_path / "1", tmp_path / "2", "--out", merged).returncode == 0
    for name in ("instances.jsonl", "given.jsonl"):
        assert (merged / name).read_bytes() == (tmp_path / "one" / name).read_bytes()
    scores = [{m: r["score"] for m, r in by_model(tmp_path / d).items()} for d in ("merged", "one")]
    assert scores[0] == scores[1]
    more = makespan("run", file, *BOTH, "--limit", 4, "--out", merged)
    assert more.returncode == 0, more.stderr
    assert [row["n"] for row in board(merged)] == [4, 4]


@pytest.mark.heavy
def test_several_processes_solve_the_same_bytes(tmp_path: Path) -> None:
    file = jobs(tmp_path)
    for count in (1, 2):
        how = ("--jobs", count, "--out", tmp_path / f"{count}")
        assert makespan_apart("run", file, *BOTH, *how).returncode == 0
    one, two = ((tmp_path / f"{count}" / "instances.jsonl").read_bytes() for count in (1, 2))
    assert one == two


def test_without_a_reference_there_is_no_score_and_the_board_says_why(tmp_path: Path) -> None:
    """Not 0, and not 1: the ceiling and the floors are errors alike, whatever they answer."""
    file, out = jobs(tmp_path), tmp_path / "run"
    done = makespan("run", file, *BOTH, "--no-solve", "--out", out)
    assert done.returncode == 1
    table = [line.split() for line in done.stdout.splitlines() if line.startswith(" policy/")]
    assert [line[2:5] for line in table] == [["no", "reference", "4"]] * 2
    assert "4 x no reference: a score in tardiness needs an optimum or a bound" in done.stdout
    for row in board(out):
        assert (row["n"], row["errors"], row["score"]["value"]) == (4, 4, None)
        assert row["score"]["note"] == "no reference"
    kinds = {json.loads(r)["problem"]["kind"] for (r,) in rows(out, "select record from records")}
    assert kinds == {"no reference"}


def test_those_that_have_a_reference_keep_their_score(tmp_path: Path) -> None:
    file, out = jobs(tmp_path), tmp_path / "run"
    table = tmp_path / "best.csv"
    table.write_text("id,best,lower\nmine-0,99,\nmine-1,,30\n")
    how = ("--references", table, "--no-solve", "--model", "policy/edd", "--out", out)
    assert makespan("run", file, *how).returncode == 1
    [row] = board(out)
    assert (row["n"], row["errors"]) == (4, 3)  # a best value alone is no bound
    assert row["score"]["value"] is not None


def test_a_file_of_references_takes_the_place_of_a_solver(tmp_path: Path) -> None:
    file, out = jobs(tmp_path), tmp_path / "run"
    assert makespan("solve", file, "--out", tmp_path / "s.jsonl").returncode == 0
    done = makespan("run", file, *BOTH, "--references", tmp_path / "s.jsonl", "--out", out)
    assert (done.returncode, "solved" in done.stderr) == (0, False)
    assert by_model(out)["policy/exact"]["score"]["value"] == 1
    assert not (out / "given.jsonl").exists()


def test_a_best_value_that_the_solver_refutes_is_one_line(tmp_path: Path) -> None:
    file, table = jobs(tmp_path), tmp_path / "best.csv"
    table.write_text("id,best\nmine-0,1\n")
    for command in (("run", file), ("import", "jobs", tmp_path / "jobs.jsonl")):
        done = makespan(*command, "--references", table, "--out", tmp_path / command[0])
        assert done.returncode == 2
        [line] = [line for line in done.stderr.splitlines() if "best.csv)" in line]
        assert "mine-0: the lower bound" in line
        assert "is above the value 1 (best.csv): one of them is wrong" in line


def test_an_optimum_that_an_answer_refutes_is_an_error_and_no_score(tmp_path: Path) -> None:
    file, table = jobs(tmp_path, 1), tmp_path / "optimum.csv"
    table.write_text("id,optimum\nmine-0,10000\n")
    how = ("--references", table, "--model", "policy/edd", "--out", tmp_path / "run")
    done = makespan("run", file, *how)
    assert done.returncode == 1
    assert "is below the reference's bound 10000" in done.stdout


def test_options_of_references_are_for_files(tmp_path: Path) -> None:
    for option in (("--references", "x.csv"), ("--time-limit", 3), ("--no-solve",)):
        done = makespan("run", "quickstart", *option, "--out", tmp_path / "run")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "are made with their references: --references" in done.stderr


def test_a_project_without_a_reference_is_feasible_or_not_but_has_no_gap(tmp_path: Path) -> None:
    """Feasibility needs no reference; the gap does, and says so in place of a dash."""
    (tmp_path / "j.sm").write_text(SM)
    file = tmp_path / "j.jsonl"
    makespan("import", "psplib", tmp_path / "j.sm", "--no-solve", "--out", file)
    policies = ("--model", "policy/serial", "--model", "policy/list-best")
    done = makespan("run", file, *policies, "--no-solve", "--out", tmp_path / "without")
    assert done.returncode == 0
    assert done.stdout.count("no reference") == 2
    for row in board(tmp_path / "without"):
        assert row["score"]["value"] == 1
        assert row["metrics"]["gap_median"] == {
            **dict.fromkeys(("value", "low", "high")),
            "note": "no reference",
        }
    done = makespan("run", file, *policies, "--out", tmp_path / "solved")
    assert "no reference" not in done.stdout
    assert all(r["metrics"]["gap_median"]["value"] is not None for r in board(tmp_path / "solved"))


@pytest.mark.heavy
def test_instances_made_without_a_reference_are_solved_or_refused(tmp_path: Path) -> None:
    for name, ceiling in (("tardiness", "exact"), ("tools", "optimal"), ("calendar", "oracle")):
        file = tmp_path / f"{name}.jsonl"
        made = ("generate", name, "--level", 3, "--count", 2, "--no-reference", "--out", file)
        assert makespan(*made).returncode == 0
        policy = ("--model", f"policy/{ceiling}")
        assert makespan("run", file, *policy, "--out", tmp_path / f"{name}-1").returncode == 0
        [row] = board(tmp_path / f"{name}-1")
        assert row["score"]["value"] == 1
        bare = makespan("run", file, *policy, "--no-solve", "--out", tmp_path / f"{name}-2")
        [row] = board(tmp_path / f"{name}-2")
        needs = family(name).score_needs_bound
        assert (bare.returncode, row["errors"]) == ((1, 2) if needs else (0, 0))


def test_regrading_takes_a_score_back_that_stood_for_nothing(tmp_path: Path) -> None:
    """As of a folder of an older version, whose graders took no reference for 0."""
    file, out = jobs(tmp_path), tmp_path / "run"
    assert makespan("run", file, *BOTH, "--out", out).returncode == 0
    lines = [json.loads(line) for line in (out / "instances.jsonl").read_text().splitlines()]
    bare = [line | {"reference": {"status": "none"}} for line in lines]
    manifest = json.loads((out / "manifest.json").read_text())
    manifest.pop("made")
    (out / "manifest.json").write_text(json.dumps(manifest))
    (out / "instances.jsonl").write_text("".join(json.dumps(line) + "\n" for line in bare))
    done = makespan("regrade", out)
    assert "changed 8 of 8" in done.stdout
    assert [row["score"]["note"] for row in board(out)] == ["no reference"] * 2


# The library --------------------------------------------------------------------------------


JUDGED = ("feasibility", "feasibility-6")  # nobody knows which side is right without a reference


@pytest.mark.parametrize("case", JUDGED)
def test_which_side_is_right_is_not_known_without_a_reference(case: str) -> None:
    from msgspec.structs import replace

    bare = replace(instance_of(case), reference=Reference("none"))
    for call in (grade, reward):
        with pytest.raises(NoReference, match=r"^no reference: a score in feasibility needs"):
            call(bare, '{"infeasible": []}')


@pytest.mark.parametrize("case", [case for case in CASES if case not in JUDGED])
def test_the_library_refuses_a_score_and_gives_a_reward(case: str) -> None:
    """Where the family's score needs a reference; the reward is never above that with one."""
    from msgspec.structs import replace

    instance, episode = instance_of(case), gold(case)
    bare = replace(instance, reference=Reference("none"))
    played, whole = start(bare), start(instance)
    for _, reply in episode.steps:
        played.reply(reply)
        whole.reply(reply)
    assert 0 < played.reward().value <= whole.reward().value <= 1
    assert (whole.reward().value == 1) == (instance.reference.status == "optimal")
    if not family(instance.family).score_needs_bound:
        score = played.grade().score
        assert score == whole.grade().score or instance.reference.status != "optimal"
        assert score is not None
        assert 0 < score <= 1
        return
    with pytest.raises(NoReference, match=f"^no reference: a score in {instance.family} needs"):
        played.grade()
    with pytest.raises(NoReference):
        grade(bare, "not even an answer")
    assert reward(bare, "not even an answer").value == 0


def test_grading_answers_from_a_file_is_refused_in_one_line(tmp_path: Path) -> None:
    file = jobs(tmp_path, 1)
    (tmp_path / "a.jsonl").write_text('{"id": "mine-0", "text": "no"}\n')
    done = makespan("grade", file, tmp_path / "a.jsonl")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("makespan grade: no reference: ")


def test_every_family_says_what_its_score_needs() -> None:
    needs = {name for name in FAMILIES if family(name).score_needs_bound}
    assert needs >= {"tardiness", "tools"}
    assert not needs & {"rcpsp", "calendar"}


def test_a_solved_instance_is_what_the_solver_says(tmp_path: Path) -> None:
    file, out = jobs(tmp_path, 1), tmp_path / "run"
    makespan("run", file, *BOTH, "--out", out)
    [instance] = read_jobs(tmp_path / "jobs.jsonl")
    from msgspec.structs import replace

    solved = replace(instance, reference=reference(instance.payload))
    assert (out / "instances.jsonl").read_bytes() == encode(solved) + b"\n"


def test_public_projects_have_gaps_and_the_simplest_policy_the_largest(tmp_path: Path) -> None:
    """A few of PSPLIB, by their published optima."""
    folder = data("psplib", "j30")
    files = [folder / f"j30{cell}_1.sm" for cell in (1, 5, 9, 13, 17, 21)]
    table = ("--references", folder / "optimum.csv")
    file = tmp_path / "j30.jsonl"
    done = makespan("import", "psplib", *files, *table, "--out", file)
    assert (done.returncode, done.stderr) == (0, "6 instances\n")
    policies = ("--model", "policy/serial", "--model", "policy/list-best")
    assert makespan("run", file, *policies, "--out", tmp_path / "run").returncode == 0
    found = by_model(tmp_path / "run")
    gaps = {model: row["metrics"]["gap_mean"]["value"] for model, row in found.items()}
    assert gaps["policy/serial"] > 0.5
    assert gaps["policy/list-best"] < 0.1
