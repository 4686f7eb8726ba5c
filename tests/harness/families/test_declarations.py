"""Families are declared objects: what is misspelt or swapped is an error of the type checker."""

import subprocess
import sys
from pathlib import Path

import pytest

from harness.families.family import BoardColumn, Family
from harness.families.registry import FAMILIES, family

ROOT = Path(__file__).parents[3]
WRONG = {  # in the declaration of `rcpsp`: what is replaced, by what, and what is said of it
    "a misspelt field": ('along=("feasible@",)', 'alogn=("feasible@",)', 'argument "alogn"'),
    "swapped arguments": ("grade=grader.grade", "grade=swapped", 'Argument "grade"'),
    "a reward of a grade alone": ("reward=grader.reward", "reward=alone", 'Argument "reward"'),
    "a measure of something else": ("measure=grader.quality", "measure=len", 'Argument "measure"'),
    "a place that is not there": ('place="notes"', 'place="note"', 'Argument "place"'),
    "another family's world": ("world=task.world", "world=other.world", 'Argument "world"'),
    "a misspelt metric kind": ('"gap_median", "gap"', '"gap_median", "gaps"', "Argument 2"),
    "a constant that is not there": ("task.TEMPLATES", "task.TEMPLTES", '"TEMPLTES"'),
}
EXTRA = """
import tasks.tardiness as other
from tasks.base import Grade, Outcome, Reward


def swapped(outcome: Outcome, instance: Instance[Project]) -> Grade:
    return grader.grade(instance, outcome)


def alone(grade: Grade) -> Reward:
    return Reward(grade.score, {}, grade.score)


FAMILY"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What mypy says of the declaration with each fault, all checked in one run."""
    folder = tmp_path_factory.mktemp("declarations")
    source = (ROOT / "harness" / "families" / "rcpsp.py").read_text("utf-8")
    names = {}
    for number, (fault, (old, new, _)) in enumerate(WRONG.items()):
        assert source.count(old) == 1, old
        path = folder / f"wrong_{number}.py"
        path.write_text(source.replace(old, new).replace("\nFAMILY", EXTRA, 1))
        names[path.name] = fault
    files = [str(folder / name) for name in names]
    command = [sys.executable, "-m", "mypy", "--strict", *files]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if ": error: " in line]
    return {
        fault: "\n".join(line for line in lines if name in line) for name, fault in names.items()
    }


@pytest.mark.parametrize("fault", WRONG)
def test_the_type_checker_sees_a_wrong_declaration(fault: str, told: dict[str, str]) -> None:
    assert WRONG[fault][2] in told[fault]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_what_its_name_says(name: str) -> None:
    declared = family(name)
    assert isinstance(declared, Family)
    assert declared.name == name
    kinds = [policy.kind for policy in declared.policies.values()]
    assert kinds.count("ceiling") >= 1
    assert "floor" in kinds
    assert len({column.name for column in declared.columns}) == len(declared.columns)


def test_metrics_print_as_they_are_declared() -> None:
    assert family("tools").column("turns") == BoardColumn("turns", "count")
    assert not family("tardiness").column("ratio_of_sums").in_percent
    assert family("rcpsp").column("anything else").in_percent
    assert [column.head for column in family("rcpsp").columns_at("ramps")] == ["half succeed at"]
    assert [column.head for column in family("tardiness").columns_at("beside")] == ["share optimal"]


def test_a_column_with_a_measure_can_be_a_headline() -> None:
    headlines = {name: [*family(name).headlines] for name in FAMILIES}
    assert headlines == {
        "rcpsp": ["quality"],
        "calendar": [],
        "tardiness": ["share_optimal"],
        "tools": ["completion"],
        "flow": [],
        "vms": ["share_optimal"],
        "jobshop": [],
        "serving": [],
        "fair-queue": [],
        "placement": [],
        "feasibility": [],
        "temporal": [],
        "dag": [],
        "pods": [],
        "hoist": [],
        "allocation": ["fits"],
        "contexts": [],
    }
