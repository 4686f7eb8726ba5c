"""Rollouts and steps of training by the arenas' own commands, models scripted.

MAKESPAN_ARENAS is the folder of their environments, as `make arenas` builds them.
"""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from makespan.arenas.carried import problem
from tests.arenas.played import Recorded
from tests.arenas.recordings import played, policy_reply
from tests.arenas.script import Script, serving

ROOT = Path(__file__).parents[2]
ARENAS = os.environ.get("MAKESPAN_ARENAS")
LIMIT = 600  # seconds of a command
TASKSET = "from makespan.arenas.verifiers_v1 import MakespanPlay, MakespanTaskset, __all__\n"

pytestmark = pytest.mark.skipif(not ARENAS, reason="needs MAKESPAN_ARENAS")


def ended(arena: str, command: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a command of an arena's environment in a folder; its output."""
    programs = Path(str(ARENAS)).resolve() / arena / "bin"
    path = os.pathsep.join((str(programs), os.environ["PATH"]))
    python = os.pathsep.join((str(folder), str(ROOT)))
    done = subprocess.run(
        [str(programs / command[0]), *command[1:]],
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | {"PATH": path, "PYTHONPATH": python, "MAKESPAN_KEY": "none"},
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done


def episode(name: str, level: int, policy: str, *, train: bool, memory: str) -> Recorded:
    """The first instance of a level as a policy plays it."""
    settings = {"rounds": 4} if name == "calendar" else {}
    instance = problem(name, level, 0, train=train, settings=settings)
    return played("gold", instance, lambda each: policy_reply(each, policy), memory=memory)


def test_verifiers_evaluates_an_episode_with_tools(tmp_path: Path) -> None:
    script = Script([episode("tools", 2, "all-ready", train=False, memory="none")])
    with serving(script) as url:
        command = ["vf-eval", "makespan.arenas.verifiers_env", "-n", "1", "-r", "1", "-b", url]
        command += ["-m", "scripted", "-k", "MAKESPAN_KEY"]
        done = ended("verifiers", [*command, "-a", '{"family": "tools", "level": 2}'], tmp_path)
    assert script.asked_otherwise == []
    assert "reward: avg - 1.000" in done.stdout
    assert "score: avg - 1.000" in done.stdout


def test_verifiers_v1_plays_a_year_as_one_talk(tmp_path: Path) -> None:
    (tmp_path / "makespan_v1.py").write_text(TASKSET)
    script = Script([episode("calendar", 3, "oracle", train=True, memory="conversation")])
    with serving(script) as url:
        command = ["vf-eval", "makespan-v1", "-n", "1", "-r", "1", "-m", "scripted", "--no-push"]
        command += ["--client.base-url", url, "--client.api-key-var", "MAKESPAN_KEY"]
        command += ["--env.agent.runtime.type", "subprocess", "--env.agent.harness.id", "null"]
        command += ["--env.taskset.family", "calendar", "--env.taskset.level", "3"]
        command += ["--env.taskset.settings", '{"rounds": 4}', "--no-rich", "--output-dir", "out"]
        done = ended("verifiers-v1", command, tmp_path)
    assert script.asked_otherwise == []
    assert "reward=1.000 turns=4 stop=user_closed" in done.stderr


def test_training_by_trl_pays_a_valid_answer_and_no_garbage(tmp_path: Path) -> None:
    done = ended("trl", ["python", "-m", "tests.arenas.grpo"], tmp_path)
    seen = json.loads(done.stdout.splitlines()[-1])
    assert len(seen["rewards"]) == 2
    assert all(valid > 0 == garbage for valid, garbage in seen["rewards"])
    assert all(gradient > 0 for gradient in seen["gradients"])
    assert seen["tools"] == [1.0, 1.0]


SERVED = """
import sys
from tests.arenas.players.openenv_app import served
with served() as address:
    exec(sys.argv[1].replace("http://127.0.0.1:8000", address))
"""
EXAMPLES = {  # arena: the section of the page, and how many examples it has
    "openenv": ("OpenEnv", 1),
    "trl": ("TRL", 2),
    "nemo": ("NeMo Gym", 1),
    "reasoning-gym": ("reasoning-gym", 1),
}


@pytest.mark.parametrize("arena", EXAMPLES)
def test_the_examples_of_the_page_run(arena: str, tmp_path: Path) -> None:
    if arena == "nemo" and not (Path(str(ARENAS)) / arena).exists():
        pytest.skip("NeMo Gym needs Python 3.12")
    title, count = EXAMPLES[arena]
    page = (ROOT / "docs" / "arenas.md").read_text("utf-8")
    section = page.split(f"\n## {title}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    assert len(blocks) == count
    for block in (text.replace("1000", "4") for text in blocks):
        command = ["python", "-c", SERVED, block] if arena == "openenv" else ["python", "-c", block]
        printed = ended(arena, command, tmp_path).stdout
        assert arena != "openenv" or "True 0." in printed or "True 1.0" in printed
