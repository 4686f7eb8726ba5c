"""Instances as a dataset: read by the library of datasets, and what is hidden is not there."""

from pathlib import Path
from typing import Any

import pytest

import makespan as library
from harness.export.columns import HIDDEN, INSTANCES
from harness.suites.instances import encode
from tasks.base import Instance
from tests.factories.gold import instance_of
from tests.harness.helpers import makespan
from tests.optional import needs

pytestmark = needs("datasets", "pyarrow")
CASES = (
    "rcpsp",
    "rcpsp-12",
    "tardiness",
    "tools-turns",
    "tools-plan",
    "calendar",
    "flow",
    "vms",
    "jobshop",
    "serving",
    "fair-queue",
    "placement",
    "feasibility",
    "temporal",
    "dag",
    "pods",
    "hoist",
    "allocation",
    "allocation-benefit",
    "contexts",
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("instances") / "i.jsonl"
    library.write(path, map(instance_of, CASES))
    return path


def loaded(folder: Path, family: str, cache: Path) -> list[dict[str, Any]]:
    from datasets import load_dataset

    rows = load_dataset(str(folder), f"instances_{family}", split="test", cache_dir=str(cache))
    return list(rows)


@pytest.mark.heavy
def test_a_dataset_gives_the_instances_back(file: Path, tmp_path: Path) -> None:
    done = makespan("export", file, "--format", "hf", "--out", tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, f"{len(CASES)} instances in {tmp_path / 'out'}\n")
    back: dict[str, Instance[Any]] = {}
    for name in library.families():
        for row in loaded(tmp_path / "out", name, tmp_path / "cache"):
            back[row["id"]] = instance = library.read_line(row["instance"])
            assert row["prompt"] == library.chat(library.start(instance).ask)
            assert (row["bound"], row["status"]) == (
                instance.reference.bound,
                instance.reference.status,
            )
    assert {k: encode(v) for k, v in back.items()} == {
        one.id: encode(one) for one in map(instance_of, CASES)
    }


@pytest.mark.heavy
def test_hidden_answers_are_not_there_and_rows_find_each_other(file: Path, tmp_path: Path) -> None:
    for name, words in (("open", ()), ("hidden", ("--hide-answers",))):
        done = makespan("export", file, "--format", "hf", "--out", tmp_path / name, *words)
        assert done.returncode == 0, done.stderr
    for name in library.families():
        shown, hidden = (loaded(tmp_path / k, name, tmp_path / "cache") for k in ("open", "hidden"))
        assert [row["key"] for row in shown] == [row["key"] for row in hidden]
        assert [row["prompt"] for row in shown] == [row["prompt"] for row in hidden]
        for row in hidden:
            assert {row[column] for column in HIDDEN} == {None}
            assert row["id"] == row["key"]
            assert set(row) == {column.name for column in INSTANCES}


@pytest.mark.heavy
def test_no_truth_is_in_any_value_of_a_hidden_row(file: Path, tmp_path: Path) -> None:
    makespan("export", file, "--format", "hf", "--out", tmp_path / "out", "--hide-answers")
    rows = [r for n in library.families() for r in loaded(tmp_path / "out", n, tmp_path / "cache")]
    text = repr(rows)
    assert len(rows) == len(CASES)
    for instance in map(instance_of, CASES):
        assert instance.id not in text
        if instance.family == "tools":
            assert instance.payload.secret not in text
    assert "judgements" not in text
    assert "reference" not in {name for row in rows for name in row}


def test_the_card_of_somebody_else_stays(file: Path, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Mine\n")
    done = makespan("export", file, "--format", "hf", "--out", tmp_path)
    assert (done.returncode, done.stderr) == (
        2,
        f"makespan export: {tmp_path} has a README.md of its own: use another --out\n",
    )
    assert (tmp_path / "README.md").read_text() == "# Mine\n"
