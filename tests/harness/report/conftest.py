"""Runs that the tests of the report share: policies, a hostile model, a model with memories."""

import json
import subprocess
from pathlib import Path

import pytest

from harness.cli import main
from tests.factories.hostile import CALLS, HOSTILE, LONG
from tests.harness.helpers import instances, makespan
from tests.loopback import FAULTS, Fault, Json, Loopback, says


@pytest.fixture(scope="session")
def policies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every policy on a few projects and jobs."""
    folder = tmp_path_factory.mktemp("runs") / "policies"
    assert main(["run", "quickstart", "--limit", "24", "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose replies are markup, too long, cut off, wrong or none at all."""
    place = tmp_path_factory.mktemp("hostile")

    def answer(number: int, _: Json) -> str | Fault:
        starts = {f"T0{k}": 0 for k in range(1, 5)}
        said: list[str | Fault] = [
            HOSTILE,
            LONG,
            '{"starts": {"T01": 0, "T02":',
            FAULTS["server"],
            json.dumps({"starts": {"</script><script>alert(1)</script>": 10**30}}),
            json.dumps({"starts": starts}),
            json.dumps({"starts": starts | {"T01": 10**15}}),
            json.dumps({"starts": ["<b>", None]}),
            json.dumps({"starts": starts | {"T02": "<i>"}}),
        ]
        return said[(number - 1) % len(said)]

    with Loopback(answer) as server:
        how = [
            "--model",
            "openai/<b>m</b>",
            "--model",
            "policy/edf",
            "--base-url",
            server.url,
            "--max-attempts",
            "1",
            "--max-connections",
            "1",
        ]
        done = makespan("run", instances(place / "i.jsonl", 9), *how, "--out", place / "run")
        assert done.returncode == 1, done.stderr
    return place / "run"


@pytest.fixture(scope="session")
def years(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A model on three users' years without a memory and with one that takes notes."""
    place = tmp_path_factory.mktemp("years")

    def answer(number: int, body: Json) -> str:
        if body.get("tools"):
            notes = ["the manager first", f"rule <{number % 2}>"]
            return json.dumps({"action": "update", "strategies": notes})
        return "no idea" if number % 9 == 0 else '{"accept": "E1"}'

    folders = []
    with Loopback(answer) as server:
        for memory in ("none", "strategy-hub"):
            folders.append(place / memory)
            how = ["--level", "2", "--limit", "3", "-T", "rounds=8", "--memory", memory]
            who = ["--model", "openai/m", "--base-url", server.url, "--max-connections", "1"]
            assert main(["run", "calendar", *how, *who, "--out", str(folders[-1])]) == 0
    return folders


@pytest.fixture(scope="session")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search whose model says markup, programs that fail, none at all, and a few good ones."""
    folder = tmp_path_factory.mktemp("searches") / "whole"
    done = _search(folder, CALLS, says(400, "not this one"))
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def unfinished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search whose server broke down."""
    folder = tmp_path_factory.mktemp("searches") / "part"
    assert _search(folder, 9, FAULTS["server"]).returncode == 2
    return folder


def _search(folder: Path, calls: int, fault: Fault) -> subprocess.CompletedProcess[str]:
    """A search of so many calls; the eighth meets a fault."""

    def answer(number: int, _: Json) -> str | Fault:
        if number == 8:
            return fault
        head = "An idea.\n```python\ndef priority(p, d, t, P, n):\n    return"
        said = [
            HOSTILE,
            f"{head} max(p + t, d) + {number / 40} * p\n```",
            f"<b>x</b> {head} d - '</script><script>alert(1)</script>'\n```",
            f"{head} t\n```",
            f"{head} max(p + t, {number / 20} * d)\n```",
            f"{head} max(p + t, d)\n```",
        ]
        return said[number % len(said)]

    with Loopback(answer) as server:
        how = [
            "--model",
            "openai/<b>m</b>",
            "--base-url",
            server.url,
            "--max-attempts",
            "1",
            "--lag",
            "2",
            "--islands",
            "2",
            "--limit",
            "3",
            "--calls",
            calls,
        ]
        return makespan("evolve", "run", "tardiness-priority", *how, "--out", folder)
