"""Grades an answer that stands in a file, where nothing is but this folder and `tasks/`.

An exported task brings both along, with what they need (`harness/export/harbor_grader.py`), and
is graded by the same code as anywhere. Its agent may have left anything in the place of the answer.
"""

import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from stat import S_ISREG
from typing import Any

import msgspec

from tasks.base import Instance, Noun, Reward, Verdict

MOST = 4_000_000  # bytes of an answer: a longer file is none
GRADER, INSTANCE = "grader.json", "instance.json"  # beside the script that calls `main`


class GraderParts(Noun, frozen=True, omit_defaults=True):
    """The parts of a family that grade its answers, each as `module:name`.

    Attributes:
        payload: the type of what an instance holds.
        read: the outcome of the text of an answer.
        grade: the checker.
        reward: what a graded answer is worth.
        reward_step: what the reply to one round is worth; empty without rounds.
        has_score: whether a score means something, which may need a reference.
    """

    payload: str
    read: str
    grade: str
    reward: str
    reward_step: str = ""
    has_score: bool = True


def main(folder: Path, words: Sequence[str]) -> int:
    """Write the rewards of an answer to `LOGS/verifier/reward.json`.

    Args:
        folder: with the names of the grader's parts and the instance.
        words: LOGS, the name of the answer's file in `LOGS/artifacts`, and for a round its number.

    Raises:
        SolverFailure: the answer refutes the reference: no fault of the agent, and no reward.
    """
    logs, name, *numbers = words
    parts = msgspec.json.decode((folder / GRADER).read_bytes(), type=GraderParts)
    kind: Any = Instance[_part(parts.payload)]  # type: ignore[misc]
    instance: Instance[Any] = msgspec.json.decode((folder / INSTANCE).read_bytes(), type=kind)
    text = answer_text(Path(logs) / "artifacts" / name)
    number = int(numbers[0]) if numbers else None
    rewards = rewards_of(parts, instance, text, number)
    (Path(logs) / "verifier" / "reward.json").write_bytes(msgspec.json.encode(rewards))
    return 0


def rewards_of(
    parts: GraderParts, instance: Instance[Any], text: str, number: int | None
) -> dict[str, float]:
    """Return the reward of an answer in [0, 1], and beside it the score and more, by name.

    Args:
        parts: of the family.
        instance: what was asked.
        text: of the answer, as a model writes it.
        number: of the round that it answers, from 1; None if it answers all that was asked.
    """
    if number is not None:
        step: Reward = _part(parts.reward_step)(instance, number, text)
        return {"reward": step.value, "score": step.value}
    grade = _part(parts.grade)(instance, _part(parts.read)(None, text))
    reward: Reward = _part(parts.reward)(instance, grade)
    return {
        "reward": reward.value,
        **({"score": grade.score} if parts.has_score else {}),
        "valid": float(grade.verdict is Verdict.valid),
        "near_miss": reward.near_miss,
    }


def answer_text(path: Path) -> str:
    """Return what an agent left: the text of a regular file that is not too long, else nothing.

    Links are not followed, and a pipe is not waited for.
    """
    if path.parent.is_symlink():
        return ""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    try:
        status = os.fstat(descriptor)
        if not S_ISREG(status.st_mode) or status.st_size > MOST:
            return ""
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(MOST).decode("utf-8", "replace")
    finally:
        os.close(descriptor)


def _part(name: str) -> Any:
    """Return what `module:name` means."""
    module, _, inner = name.partition(":")
    return getattr(import_module(module), inner)
