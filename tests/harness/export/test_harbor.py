"""Tasks of Harbor: their test script as a process, over replies of all kinds and over attacks."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import makespan as library
from graders.verifier import MOST, answer_text
from harness.export.harbor import write_tasks
from harness.families.registry import family
from tasks.base import InputError, Instance
from tests.factories.gold import instance_of
from tests.harness.helpers import makespan

PYTHON = f"{Path(sys.base_prefix) / 'bin'}:/usr/bin:/bin"  # one in which nothing is installed
CASES = ("rcpsp", "rcpsp-12", "tardiness", "tardiness-10", "tools-plan")
ANSWER = "artifacts/answer.json"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="tasks are for Linux")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tasks of every family, a short year among them."""
    root = tmp_path_factory.mktemp("tree")
    assert len(list(write_tasks([*map(instance_of, CASES), year()], root))) == len(CASES) + 1
    return root


def year(**settings: Any) -> Instance[Any]:
    [instance] = library.generate(
        "calendar", 2, seed=3, settings={"rounds": 4, "history": 3, **settings}
    )
    return instance


def task_of(tree: Path, instance: Instance[Any]) -> Path:
    [folder] = tree.glob(f"*/{instance.id}")
    return folder


def rewards(tests: Path, logs: Path, script: Path | None = None) -> dict[str, float]:
    """What the test script writes: nothing is there but the system's Python."""
    done = subprocess.run(
        ["sh", str(script or tests / "test.sh"), str(logs)],
        env={"PATH": PYTHON},
        cwd=logs,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    told: dict[str, float] = json.loads((logs / "verifier" / "reward.json").read_bytes())
    return told


def logs_with(folder: Path, content: str | bytes | None) -> Path:
    (folder / "artifacts").mkdir(parents=True)
    if content is not None:
        data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
        (folder / ANSWER).write_bytes(data)
    return folder


# Rewards ---------------------------------------------------------------------------------------


@pytest.mark.heavy
@pytest.mark.parametrize("case", CASES)
def test_the_oracle_has_everything_and_doing_nothing_has_nothing(
    tree: Path, tmp_path: Path, case: str
) -> None:
    folder, logs = task_of(tree, instance_of(case)), tmp_path / "logs"
    subprocess.run(["sh", str(folder / "solution/solve.sh"), str(logs)], check=True, timeout=60)
    told = rewards(folder / "tests", logs)
    assert (told["reward"], told["valid"], told["near_miss"]) == (1, 1, 1)
    assert told["score"] == 1
    nothing = rewards(folder / "tests", logs_with(tmp_path / "empty", None))
    assert (nothing["reward"], nothing["score"], nothing["valid"]) == (0, 0, 0)


def dressed(case: str) -> list[str]:
    """Replies as models write them: whole, in prose, worse than the best, broken."""
    instance = instance_of(case)
    policy = family(instance.family).policies
    floor = {"rcpsp": "serial", "tardiness": "mddc"}[instance.family]
    best = json.dumps(instance.reference.answer)
    return [
        json.dumps(policy[floor].answer(instance)),
        f"<think>{{}} or {best[:20]}</think>\nHere it is:\n```json\n{best}\n```\nDone.",
        f"{best}\n{{ unclosed",
        best[:-2],
        best.replace(":", ": NaN,", 1),
        "\ufeff" + best.replace('"', "'"),
        "\ud800" + best,
        "{" * 3000,
        "",
    ]


@pytest.mark.heavy
@pytest.mark.parametrize("case", ["rcpsp", "tardiness"])
def test_a_reply_has_the_reward_that_the_library_gives_it(
    tree: Path, tmp_path: Path, case: str
) -> None:
    instance = instance_of(case)
    tests, values = task_of(tree, instance) / "tests", set()
    for number, text in enumerate(dressed(case)):
        told = rewards(tests, logs_with(tmp_path / str(number), text))
        reply = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        reward, grade = library.reward(instance, reply), library.grade(instance, reply)
        expected = {"reward": reward.value, "score": grade.score, "near_miss": reward.near_miss}
        assert told == {**expected, "valid": float(grade.verdict == "valid")}, text[:80]
        values.add(told["reward"])
    assert len(values) > 1


@pytest.mark.heavy
def test_a_year_is_rounds_whose_mean_is_its_reward(tree: Path, tmp_path: Path) -> None:
    instance = year()
    folder = task_of(tree, instance)
    assert folder.parent.name == "rounds"
    values, replies = [], []
    for number, step in enumerate(sorted((folder / "steps").iterdir()), 1):
        tests, logs = tmp_path / f"tests-{number}", tmp_path / f"logs-{number}"
        shutil.copytree(folder / "tests", tests)  # a step's own tests are laid over the task's
        shutil.copytree(step / "tests", tests, dirs_exist_ok=True)
        subprocess.run(["sh", str(step / "solution/solve.sh"), str(logs)], check=True, timeout=60)
        answer = logs / "artifacts" / f"{step.name}.json"
        assert rewards(tests, logs) == {"reward": 1, "score": 1}
        if number % 2:
            answer.write_text("I accept the first one.")
        replies.append(answer.read_text())
        values.append(rewards(tests, logs)["reward"])
    episode = library.start(instance)
    for reply in replies:
        episode.reply(reply)
    assert sum(values) / len(values) == episode.reward().value == 0.5


# Attacks ---------------------------------------------------------------------------------------

FORGERY = """
import os
os.makedirs("verifier", exist_ok=True)
open("verifier/reward.json", "w").write('{"reward": 1}')
os._exit(0)
"""


def forge_the_reward(logs: Path, _: Path) -> None:
    (logs / "verifier").mkdir()
    (logs / "verifier/reward.json").write_text('{"reward": 1}')


def forge_the_reward_as_a_folder(logs: Path, _: Path) -> None:
    (logs / "verifier/reward.json/in").mkdir(parents=True)


def link_to_the_solution(logs: Path, folder: Path) -> None:
    (logs / "oracle").write_text((folder / "solution/solve.sh").read_text().splitlines()[4])
    (logs / ANSWER).symlink_to(logs / "oracle")


def link_the_folder(logs: Path, folder: Path) -> None:
    link_to_the_solution(logs, folder)
    (logs / "artifacts").rename(logs / "elsewhere")
    (logs / "elsewhere/answer.json").unlink()
    (logs / "oracle").rename(logs / "elsewhere/answer.json")
    (logs / "artifacts").symlink_to(logs / "elsewhere")


def hand_in_the_instance(logs: Path, folder: Path) -> None:
    shutil.copy(folder / "tests/instance.json", logs / ANSWER)


def shadow(name: str) -> Callable[[Path, Path], None]:
    def attack(logs: Path, _: Path) -> None:
        (logs / name).write_text(FORGERY)

    return attack


ATTACKS: dict[str, Callable[[Path, Path], Any]] = {
    "forged reward": forge_the_reward,
    "forged reward as a folder": forge_the_reward_as_a_folder,
    "link to an answer": link_to_the_solution,
    "link to a folder": link_the_folder,
    "folder": lambda logs, _: (logs / ANSWER).mkdir(),
    "pipe": lambda logs, _: os.mkfifo(logs / ANSWER),
    "huge file": lambda logs, _: (logs / ANSWER).write_bytes(b"x" * 100_000_000),
    "sitecustomize": shadow("sitecustomize.py"),
    "json module": shadow("json.py"),
    "msgspec module": shadow("msgspec.py"),
    "instance": hand_in_the_instance,
    "bytes": lambda logs, _: (logs / ANSWER).write_bytes(bytes(range(256)) * 50),
    "not a number": lambda logs, _: (logs / ANSWER).write_text('{"starts": {"T1": NaN}}'),
    "null": lambda logs, _: (logs / ANSWER).write_text('{"starts": null, "order": null}'),
}


@pytest.mark.heavy
@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_gains_nothing(tree: Path, tmp_path: Path, name: str) -> None:
    folder = task_of(tree, instance_of("rcpsp"))
    logs = logs_with(tmp_path / "logs", None)
    ATTACKS[name](logs, folder)
    assert rewards(folder / "tests", logs)["reward"] == 0


def test_only_a_regular_file_that_is_not_too_long_is_read(tmp_path: Path) -> None:
    place = tmp_path / "answer.json"
    assert answer_text(place) == ""
    place.write_bytes(b"\xff" + b"x" * (MOST - 1))
    assert answer_text(place) == "\ufffd" + "x" * (MOST - 1)
    place.write_bytes(b"x" * (MOST + 1))
    assert answer_text(place) == ""


@pytest.mark.heavy
def test_a_grader_that_fails_writes_no_reward(tree: Path, tmp_path: Path) -> None:
    """An answer that refutes the reference is no wrong answer, and no right one."""
    instance = instance_of("tardiness")
    shutil.copytree(task_of(tree, instance) / "tests", tmp_path / "tests")
    line = json.loads((tmp_path / "tests/instance.json").read_text())
    worse = line["reference"]["objective"] + 1
    line["reference"] |= {"objective": worse, "bound": worse}
    (tmp_path / "tests/instance.json").write_text(json.dumps(line))
    logs = logs_with(tmp_path / "logs", json.dumps(instance.reference.answer))
    forge_the_reward(logs, tmp_path)
    done = subprocess.run(
        ["sh", str(tmp_path / "tests/test.sh"), str(logs)],
        env={"PATH": PYTHON},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode
    assert "SolverFailure" in done.stderr
    assert not (logs / "verifier/reward.json").exists()


# What the agent sees ---------------------------------------------------------------------------


def seen_by_agents(folder: Path) -> str:
    """All text of a task that reaches an agent's container or prompt."""
    paths = [*folder.glob("instruction.md"), *folder.glob("steps/*/instruction.md")]
    paths += [path for path in folder.glob("environment/**/*") if path.is_file()]
    assert len(paths) >= 2
    return "\n".join(path.read_text() for path in paths)


@pytest.mark.heavy
def test_no_answer_is_in_what_an_agent_sees(tree: Path) -> None:
    for instance in [*map(instance_of, CASES), year()]:
        folder = task_of(tree, instance)
        text = seen_by_agents(folder)
        solutions = [path.read_text().splitlines()[4] for path in folder.rglob("solve.sh")]
        for answer in [*map(json.loads, solutions), instance.reference.answer]:
            spellings = {json.dumps(answer), json.dumps(answer, separators=(",", ":"))}
            assert answer
            assert not any(spelling in text for spelling in spellings), instance.id
        assert instance.id not in text  # it would tell how to make the instance, answer and all
        if instance.family == "tools":
            assert instance.payload.secret not in text


def test_the_past_of_a_year_stands_in_its_instructions(tree: Path) -> None:
    instance = year()
    steps = sorted((task_of(tree, instance) / "steps").iterdir())
    for number, step in enumerate(steps):
        text = (step / "instruction.md").read_text()
        decisions = [each.decision for each in instance.payload.truth.judgements]
        told = [line for line in text.splitlines() if line.startswith("Accepted: ")]
        assert told == [f"Accepted: {name}" for name in decisions[max(0, number - 3) : number]]


def test_the_configuration_names_image_and_verifier(tree: Path) -> None:
    single = task_of(tree, instance_of("tools-plan"))
    told = tomllib.loads((single / "task.toml").read_text())
    assert told["verifier"]["environment_mode"] == "separate"
    assert told["verifier"]["network_mode"] == "no-network"
    image = told["environment"]["docker_image"]
    assert image.startswith(f"python:{sys.version_info[0]}.{sys.version_info[1]}-")
    assert (single / "environment/Dockerfile").read_text() == f"FROM {image}\nWORKDIR /app\n"
    assert "steps" not in told
    stepped = tomllib.loads((task_of(tree, year()) / "task.toml").read_text())
    assert stepped["multi_step_reward_strategy"] == "mean"
    assert [step["name"] for step in stepped["steps"]] == [f"round-{k:03d}" for k in range(1, 5)]


def test_the_same_instance_makes_the_same_bytes(tree: Path, tmp_path: Path) -> None:
    instance = instance_of("rcpsp")
    [task] = write_tasks([instance], tmp_path)
    before = task_of(tree, instance)
    for path in sorted(before.rglob("*")):
        if path.is_file():
            assert (task.folder / path.relative_to(before)).read_bytes() == path.read_bytes()


# What cannot be told by files --------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{"feedback": "text"}, {"feedback": "none"}])
def test_years_with_true_decisions_can_be_exported(settings: Any, tmp_path: Path) -> None:
    [task] = write_tasks([year(**settings)], tmp_path)
    assert task.oracle == 1


@pytest.mark.parametrize(
    ("instance", "reason"),
    [
        (lambda: year(feedback="binary"), "depends on what was answered before"),
        (lambda: year(decisions="own"), "depends on what was answered before"),
        (lambda: instance_of("tools-turns"), "its tools are called turn by turn"),
        (lambda: instance_of("tools-pick"), "depends on what was answered before"),
    ],
)
def test_what_depends_on_the_agent_is_refused(
    instance: Callable[[], Instance[Any]], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=reason):
        list(write_tasks([instance()], tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_what_it_wrote_and_which_solutions_are_not_proven(tmp_path: Path) -> None:
    file, axes = tmp_path / "i.jsonl", {"axes": "downtime,windows,disjunctions"}
    proven, *unproven = library.generate("rcpsp", 12, 4, settings=axes, reference=False)
    library.write(file, [proven, unproven[-1]])
    done = makespan("export", file, "--format", "harbor", "--out", tmp_path / "out")
    assert (done.returncode, done.stderr) == (
        0,
        f"2 tasks in {tmp_path / 'out'}\n"
        "solutions with a reward below 1, for their optimum is not proven: 1\n",
    )
    hidden = makespan("export", file, "--format", "harbor", "--out", file, "--hide-answers")
    assert (hidden.returncode, hidden.stderr) == (
        2,
        "makespan export: --hide-answers is for the format hf\n",
    )
