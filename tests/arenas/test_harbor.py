"""Exported tasks in Harbor's own hands: linted, and run by its own program in namespaces.

MAKESPAN_HARBOR is the folder of the programs of an environment that has Harbor.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import makespan
from harness.export.harbor import write_tasks
from tasks.base import Fields

PLACE = os.environ.get("MAKESPAN_HARBOR")
pytestmark = pytest.mark.skipif(PLACE is None, reason="MAKESPAN_HARBOR names no folder")
ASKED: list[tuple[str, int, Fields]] = [
    ("rcpsp", 6, {}),
    ("tardiness", 6, {"weights": True}),
    ("tools", 3, {"track": "plan"}),
    ("calendar", 3, {"rounds": 3, "feedback": "text"}),
]


FORGERY = (
    r"""'import os; open("/logs/verifier/reward.json","w").write("{\"reward\": 1}"); os._exit(0)'"""
)
ANSWER = "/logs/artifacts/answer.json"
ATTACKS = {  # what an agent does in its container, in place of the solution
    "forged-reward": "echo '{\"reward\": 1}' > /logs/verifier/reward.json",
    "forged-artifact": "echo '{\"reward\": 1}' > /logs/artifacts/reward.json",
    "link-to-tests": f"ln -s /tests/instance.json {ANSWER}",
    "link-to-the-solution": f"ln -s /solution/solve.sh {ANSWER}",
    "folder": f"mkdir -p {ANSWER}",
    "huge-file": f"head -c 50000000 /dev/zero > {ANSWER}",
    "sitecustomize": f"echo {FORGERY} > /app/sitecustomize.py",
    "json-module": f"echo {FORGERY} > /app/json.py; cp /app/json.py /logs/artifacts/msgspec.py",
    "other-tests": "mkdir -p /tests; echo 'exit 0' > /tests/test.sh; echo > /tests/grade.py",
    "bytes": f"head -c 20000 /dev/urandom > {ANSWER}",
    "not-a-number": f'echo \'{{"starts": {{"T1": NaN}}}}\' > {ANSWER}',
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    for name, level, settings in ASKED:
        list(write_tasks(makespan.generate(name, level, seed=7, settings=settings), root))
    return root


def harbor(*words: object) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "MAKESPAN_JAIL_PYTHON": sys.base_prefix,
        "PYTHONPATH": str(Path(__file__).parent),
    }
    return subprocess.run(
        [f"{PLACE}/harbor", *map(str, words)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_nothing_is_found_by_the_linter(tree: Path) -> None:
    done = harbor("lint", "--json", *tree.glob("*/*"))
    assert (done.returncode, json.loads(done.stdout)) == (0, []), done.stderr


@pytest.mark.parametrize(("agent", "reward"), [("oracle", 1.0), ("nop", 0.0)])
@pytest.mark.parametrize(("folder", "trials"), [("tasks", 3), ("rounds", 1)])
def test_the_oracle_has_everything_and_doing_nothing_has_nothing(
    tree: Path, tmp_path: Path, agent: str, reward: float, folder: str, trials: int
) -> None:
    jail = ("--env", "harbor_jail:Jail")
    done = harbor("run", "-p", tree / folder, "-a", agent, *jail, "-o", tmp_path, "-y", "-q")
    assert done.returncode == 0, done.stderr
    results = [json.loads(path.read_text()) for path in tmp_path.glob("*/*/result.json")]
    assert [each["exception_info"] for each in results] == [None] * trials
    assert [each["verifier_result"]["rewards"]["reward"] for each in results] == [reward] * trials


def test_no_attack_from_the_agents_container_gains_anything(tree: Path, tmp_path: Path) -> None:
    [rcpsp] = tree.glob("tasks/rcpsp-*")
    for name, command in ATTACKS.items():
        shutil.copytree(rcpsp, tmp_path / "tasks" / name)
        (tmp_path / "tasks" / name / "solution/solve.sh").write_text(f"#!/bin/sh\n{command}\n")
        configuration = tmp_path / "tasks" / name / "task.toml"
        text = configuration.read_text().replace(f"makespan/{rcpsp.name}", f"makespan/{name}")
        configuration.write_text(text)
    jail = ("--env", "harbor_jail:Jail")
    done = harbor(
        "run", "-p", tmp_path / "tasks", "-a", "oracle", *jail, "-o", tmp_path, "-y", "-q"
    )
    assert done.returncode == 0, done.stderr
    results = [json.loads(path.read_text()) for path in tmp_path.glob("*/*/result.json")]
    told = {
        each["task_name"].partition("/")[2]: (each["exception_info"], each["verifier_result"])
        for each in results
    }
    assert set(told) == set(ATTACKS)
    for name, (problem, result) in told.items():
        assert problem is None, name
        assert result["rewards"]["reward"] == 0, name
