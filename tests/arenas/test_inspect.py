"""Families as tasks of inspect-ai, by its own package: the same scores as here, reply by reply.

MAKESPAN_INSPECT_PYTHON is the Python of an environment that has it, and msgspec and jinja2.
"""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import makespan
from tasks.base import Ask, Message, Reply
from tests.factories.gold import CASES, gold, instance_of
from tests.loopback import Json, Loopback

ROOT = Path(__file__).parents[2]
INSPECT = os.environ.get("MAKESPAN_INSPECT_PYTHON")
EVAL = """
import json, sys
from inspect_ai import eval
from makespan.arenas import inspect_tasks
name, arguments, folder = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
task = getattr(inspect_tasks, name)(**arguments)
[log] = eval(task, model="openai-api/local/m", log_dir=folder, display="none")
assert log.status == "success", log.error
for sample in log.samples:
    score = sample.scores["graded"]
    print(json.dumps([sample.id, score.value, score.metadata]))
"""
DRESSES: dict[str, Callable[[str], str]] = {  # how a reply is spoilt
    "whole": lambda text: text,
    "prose": lambda text: f"So I think:\n```json\n{text}\n```",
    "cut": lambda text: text[: len(text) // 2],
    "nothing": lambda text: "I do not know.",  # noqa: ARG005
}


def evaluated(case: str, dress: str, folder: Path) -> tuple[list[object], list[Reply]]:
    """Return what inspect says of an episode of scripted replies, and the replies."""
    name, level, settings = CASES[case]
    script: dict[str, Reply] = {}
    for ask, reply in gold(case).steps:
        if isinstance(ask, Ask):
            script[_said(ask.messages)] = Reply(DRESSES[dress](reply.text), reply.calls)
    given: list[Reply] = []

    def answer(_: int, body: Json) -> Json:
        texts = [message.get("content") or "" for message in body["messages"]]
        given.append(script.get(texts[-1], Reply("lost")))
        return _body(given[-1])

    with Loopback(answer) as server:
        environment = os.environ | {"LOCAL_BASE_URL": server.url, "LOCAL_API_KEY": "none"}
        arguments = {"level": level, "count": 1, "memory": "none"} | settings
        if name != "calendar":
            del arguments["memory"]
        ended = subprocess.run(
            [str(INSPECT), "-c", EVAL, name, json.dumps(arguments), str(folder)],
            capture_output=True,
            text=True,
            env=environment,
            timeout=240,
            check=False,
        )
    assert ended.returncode == 0, ended.stderr
    row: list[object] = json.loads(ended.stdout.splitlines()[-1])
    return row, given


def _said(messages: tuple[Message, ...]) -> str:
    return messages[-1].content


def _body(reply: Reply) -> Json:
    calls = [
        {
            "id": f"call{k}",
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for k, call in enumerate(reply.calls)
    ]
    message: Json = {"role": "assistant", "content": reply.text}
    if calls:
        message["tool_calls"] = calls
    finish = "tool_calls" if calls else "stop"
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


@pytest.mark.skipif(not INSPECT, reason="needs MAKESPAN_INSPECT_PYTHON")
@pytest.mark.parametrize("dress", DRESSES)
@pytest.mark.parametrize("case", ["rcpsp", "tardiness", "calendar", "tools-turns", "tools-plan"])
def test_inspect_has_the_scores_that_we_have(case: str, dress: str, tmp_path: Path) -> None:
    [identifier, score, fields], given = evaluated(case, dress, tmp_path)
    here = makespan.start(instance_of(case), memory="none")
    for reply in given:
        here.reply(reply)
    assert identifier == here.instance.id
    assert isinstance(fields, dict)
    assert score == pytest.approx(here.grade().score, abs=1e-12)
    assert fields["reward"] == pytest.approx(here.reward().value, abs=1e-12)
    assert fields["verdict"] == here.grade().verdict
