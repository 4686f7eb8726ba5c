"""How many functions of the project stand between the command and the model's reply."""

import sys
from pathlib import Path

import pytest

from harness.cli import main
from harness.models.openai import OpenAI
from tasks.base import Ask, Reply, Usage
from tests.harness.helpers import instances

MOST = 10
ROOT = Path(__file__).parents[3]


def hops() -> list[str]:
    """The project's functions on this stack, the outermost first, without those of the test."""
    frame, names = sys._getframe(1), []
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        inside = path.is_relative_to(ROOT / "harness") or path.is_relative_to(ROOT / "tasks")
        if inside and ".venv" not in path.parts:
            names.append(f"{path.stem}.{frame.f_code.co_name}")
        frame = frame.f_back  # type: ignore[assignment]
    return names[::-1]


def test_few_functions_stand_between_the_command_and_the_reply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stacks: list[list[str]] = []

    async def reply(self: OpenAI, ask: Ask) -> Reply:  # noqa: ARG001
        stacks.append(hops())
        return Reply("no", usage=Usage(1, 1))

    monkeypatch.setattr(OpenAI, "reply", reply)
    file = instances(tmp_path / "i.jsonl", 1)
    nobody = ["--model", "openai/m", "--base-url", "http://127.0.0.1:9/v1"]
    assert main(["run", str(file), *nobody, "--out", str(tmp_path / "run")]) == 0
    [names] = stacks
    # what waits for the tasks that it made is on no stack, but it is a hop
    assert len(names) + 1 <= MOST, names
    assert names[0] == "__init__.main"
    assert names[-1] == "live._attempt"
