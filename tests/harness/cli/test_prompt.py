"""`makespan prompt` shows what a run would send, to the letter."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.families.registry import FAMILIES
from tests.harness.helpers import makespan
from tests.loopback import Loopback

MANNERS = ("--system-message", "Be brief.")


def shown(*words: object) -> Any:
    """What the command prints as JSON."""
    done = makespan("prompt", *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.heavy
@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_shown_is_what_is_sent(family: str, tmp_path: Path) -> None:
    prompt = shown(family, "--level", 3, *MANNERS)
    with Loopback(lambda *_: "{}") as server:
        words = (family, "--level", 3, "--limit", 1, "--model", "openai/m", *MANNERS)
        makespan("run", *words, "--base-url", server.url, "--out", tmp_path / "run")
        body = server.requests[0].body
    sent = [(m["role"], m["content"]) for m in body["messages"]]
    assert [(m["role"], m["content"]) for m in prompt["messages"]] == sent
    names = [tool["function"]["name"] for tool in body.get("tools", [])]
    assert [tool["name"] for tool in prompt["tools"]] == names
    assert prompt["characters"] == sum(len(content) for _, content in sent)


def test_an_instance_is_found_by_its_id(tmp_path: Path) -> None:
    makespan("generate", "tardiness", "--level", 4, "--count", 3, "--out", tmp_path / "i.jsonl")
    ids = [json.loads(line)["id"] for line in (tmp_path / "i.jsonl").read_text().splitlines()]
    for target in (("tardiness", "--level", 4), (tmp_path / "i.jsonl",)):
        assert [shown(*target, "--id", each)["instance"] for each in ids] == ids
        refused = makespan("prompt", *target, "--id", ids[0] + "x")
        assert refused.returncode == 2
        assert f"did you mean {ids[0]!r}?" in refused.stderr


def test_a_length_in_tokens_says_that_it_is_an_estimate() -> None:
    done = makespan("prompt", "tools", "--level", 3)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert any("tokens, an estimate by characters with the tools" in line for line in lines)
    assert any(line.startswith("tools: ") for line in lines)
    plain = makespan("prompt", "rcpsp", "--level", 3).stdout
    assert "schema of the answer: Schedule (starts)" in plain
    assert "tools: " not in plain


@pytest.mark.heavy
def test_memory_and_agent_are_those_of_a_run() -> None:
    assert shown("calendar", "--level", 2)["memory"] == "history"
    assert shown("calendar", "--level", 2, "--memory", "none")["memory"] == "none"
    assert shown("tools", "--level", 2, "--agent", "text-tools")["tools"] == []
