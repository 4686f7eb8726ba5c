"""Instances as tasks of Harbor (schema 1.4): a folder each, which others that read such tasks take.

One question is one step, a year a step a round. What the agent sees (the instruction, and the
container of its image) holds no answer: the tests run in a container of their own, which gets
nothing from the agent's but the files that it left as answers.
"""

import json
import re
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from graders.verifier import INSTANCE
from harness import files
from harness.export.harbor_grader import grader_files, image
from harness.export.questions import Question, questions
from harness.families.registry import family
from harness.suites import instances
from tasks.base import InputError, Instance, Outcome

SINGLE, STEPPED = "tasks", "rounds"  # folders: some readers refuse a tree with tasks in steps
ANSWERS = "/logs/artifacts"  # all that goes from the agent's container to that of the tests
ANSWER = "answer.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")

CONFIGURATION = """\
schema_version = "1.4"
artifacts = []
{strategy}
[task]
name = {name}
description = {description}
keywords = ["scheduling", "planning", {family}]

[metadata]
makespan = {version}
family = {family}
level = {level}
{seed}index = {index}

[verifier]
timeout_sec = 120.0
environment_mode = "separate"
network_mode = "no-network"

[agent]
timeout_sec = 1800.0

[environment]
docker_image = "{image}"
workdir = "/app"
cpus = 1
memory_mb = 2048
network_mode = "public"
"""
STEP = """
[[steps]]
name = "{name}"
"""
DOCKERFILE = """\
FROM {image}
WORKDIR /app
"""
TEST = """\
#!/bin/sh
# Writes the rewards of what the agent left as its answer; try it with `sh test.sh LOGS`.
# If the grader fails there is no reward at all, which is an error of the task and never a 0.
logs=${{1:-/logs}}
mkdir -p "$logs/verifier"
rm -rf "$logs/verifier/reward.json" "$logs/verifier/reward.txt"
exec python3 -I "$(dirname "$0")/grade.py" "$logs" {words}
"""
SOLUTION = """\
#!/bin/sh
logs=${{1:-/logs}}
mkdir -p "$logs/artifacts"
cat > "$logs/artifacts/{name}" <<'END'
{answer}
END
"""
INSTRUCTION = """\
{question}

Write your answer, that JSON object, to the file {path}.
"""


class WrittenTask(NamedTuple):
    """A task that was written: its folder, and the reward of its own solution."""

    folder: Path
    oracle: float


def write_tasks(problems: Sequence[Instance[Any]], root: Path) -> Iterator[WrittenTask]:
    """Write a folder for each instance: `tasks/ID`, and `rounds/ID` for those with rounds.

    Args:
        problems: of the project's own families.
        root: the folder of both.

    Raises:
        InputError: an instance cannot be told by files, or its id names no task.
    """
    for problem in problems:
        if not _NAME.fullmatch(problem.id):
            raise InputError(f"the id {problem.id!r} cannot be the name of a task")
    for problem in problems:
        yield _write_task(problem, root)


def _write_task(problem: Instance[Any], root: Path) -> WrittenTask:
    steps = questions(problem)
    stepped = family(problem.family).has_rounds
    if not stepped and len(steps) > 1:
        raise InputError(f"{problem.id}: it asks {len(steps)} questions, and they are no rounds")
    folder = root / (STEPPED if stepped else SINGLE) / problem.id
    names = [f"round-{number:03d}" for number in range(1, len(steps) + 1)] if stepped else []
    _put(folder / "task.toml", _configuration(problem, names))
    _put(folder / "environment" / "Dockerfile", DOCKERFILE.format(image=image()))
    _put(folder / "tests" / INSTANCE, instances.encode(problem) + b"\n")
    for path, content in grader_files(_declared(problem), has_score=_has_score(problem)).items():
        _put(folder / "tests" / path, content)
    if stepped:
        for number, (name, step) in enumerate(zip(names, steps, strict=True), 1):
            _put_step(folder / "steps" / name, step, f"{name}.json", number)
    else:
        _put_step(folder, steps[0], ANSWER)
    return WrittenTask(folder, _oracle(problem, steps))


def _declared(problem: Instance[Any]) -> Any:
    declared = family(problem.family)
    if declared.rounds and declared.rounds.reward_step is None:
        raise InputError(f"{problem.id}: a round of {declared.name} has no reward of its own")
    return declared


def _has_score(problem: Instance[Any]) -> bool:
    needed = family(problem.family).score_needs_bound
    return not needed or problem.reference.bound is not None


def _configuration(problem: Instance[Any], steps: Sequence[str]) -> str:
    text = CONFIGURATION.format(
        strategy='multi_step_reward_strategy = "mean"\n' if steps else "",
        name=json.dumps(f"makespan/{problem.id}"),
        description=json.dumps(family(problem.family).description),
        family=json.dumps(problem.family),
        version=json.dumps(version("makespan")),
        level=problem.level,
        seed="" if problem.seed is None else f"seed = {problem.seed}\n",
        index=problem.index,
        image=image(),
    )
    return text + "".join(STEP.format(name=name) for name in steps)


def _put_step(folder: Path, step: Question, name: str, number: int | None = None) -> None:
    """Write a step's instruction, its test and its solution.

    Args:
        folder: of the step, or of a task of one.
        step: what is asked and what the oracle answers.
        name: of the file of the answer.
        number: of the round, from 1; None where there is but one question.
    """
    question = "\n\n".join(message.content for message in step.ask.messages)
    text = INSTRUCTION.format(question=question, path=f"{ANSWERS}/{name}")
    words = name if number is None else f"{name} {number}"
    answer = msgspec.json.encode(step.answer).decode()
    _put(folder / "instruction.md", text)
    _put(folder / "tests" / "test.sh", TEST.format(words=words), 0o755)
    solution = SOLUTION.format(name=name, answer=answer)
    _put(folder / "solution" / "solve.sh", solution, 0o755)


def _oracle(problem: Instance[Any], steps: Sequence[Question]) -> float:
    """Return the reward of the solution: 1 where the optimum is proven."""
    declared = family(problem.family)
    texts = [msgspec.json.encode(step.answer).decode() for step in steps]
    if declared.rounds and declared.rounds.reward_step:
        rewards = [declared.rounds.reward_step(problem, k, t).value for k, t in enumerate(texts, 1)]
        return sum(rewards) / len(rewards)
    outcome: Outcome = declared.read(None, texts[0])
    return declared.reward(problem, declared.grade(problem, outcome)).value


def _put(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    files.make_folder(path.parent)
    files.write(path, content)
    path.chmod(mode)
