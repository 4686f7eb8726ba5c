"""Instances and tasks beside the tables of a repository."""

import shutil
from pathlib import Path

import pytest

import makespan as library
from tests.factories.gold import instance_of
from tests.harness.helpers import instances, makespan
from tests.optional import needs

pytestmark = needs("huggingface_hub", "pyarrow", "datasets")
NO_HUB = {"HF_TOKEN": "", "HF_ENDPOINT": "http://127.0.0.1:9"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("run")
    file = instances(root / "one.jsonl", 2)
    assert makespan("run", file, "--model", "policy/edf", "--out", root / "run").returncode == 0
    return root / "run"


def published(run: Path, out: Path, *words: object) -> dict[str, bytes]:
    done = makespan("publish", run, "--out", out, *words, **NO_HUB)
    assert done.returncode == 0, done.stderr
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file()
    }


@pytest.mark.heavy
def test_instances_and_tasks_join_stay_and_are_replaced(run: Path, tmp_path: Path) -> None:
    from datasets import load_dataset

    file, out, tree = tmp_path / "i.jsonl", tmp_path / "out", tmp_path / "tree"
    alone = published(run, out)
    assert not [path for path in alone if path.startswith(("instances/", "tasks/"))]
    cases = [instance_of(case) for case in ("rcpsp", "tardiness")]
    library.write(file, cases)
    assert makespan("export", file, "--format", "harbor", "--out", tree).returncode == 0
    joined = published(run, out, "--instances", file, "--tasks", tree)
    assert set(alone) < set(joined)
    assert {"instances/rcpsp.parquet", "instances/tardiness.parquet"} < set(joined)
    for instance in cases:
        assert f"tasks/{instance.id}/task.toml" in joined
    rows = load_dataset(str(out), "instances_rcpsp", split="test", cache_dir=str(tmp_path / "c"))
    assert [library.read_line(row["instance"]) for row in rows] == cases[:1]
    assert published(run, out) == joined  # who says nothing of them changes nothing
    library.write(file, cases[:1])
    shutil.rmtree(tree / "tasks" / cases[1].id)
    fewer = published(run, out, "--instances", file, "--tasks", tree)
    gone = {path for path in joined if "tardiness" in path}
    assert gone
    assert set(fewer) == set(joined) - gone
    card = fewer["README.md"].decode()
    assert "instances_rcpsp" in card
    assert "instances_tardiness" not in card


def test_hidden_answers_are_in_no_file(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "i.jsonl"
    library.write(file, [instance_of("tardiness")])
    files = published(run, tmp_path / "out", "--instances", file, "--hide-answers")
    from pyarrow import parquet

    table = parquet.read_table(tmp_path / "out/instances/tardiness.parquet").to_pylist()
    assert [(row["instance"], row["answer"], row["seed"]) for row in table] == [(None, None, None)]
    assert instance_of("tardiness").id.encode() not in b"".join(files.values())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--hide-answers"], "--hide-answers is of --instances, and there are none"),
        (["--tasks", "."], ".: no tasks in it: `makespan export FILE.jsonl --format harbor`"),
    ],
)
def test_what_is_not_there_is_told(
    run: Path, tmp_path: Path, words: list[str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = makespan("publish", run, "--out", tmp_path / "out", *words, **NO_HUB)
    assert (done.returncode, done.stderr) == (2, f"makespan publish: {told}\n")
