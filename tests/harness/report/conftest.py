"""Runs that the tests of the report share: policies, a hostile model, a model with memories."""

import json
from pathlib import Path

import pytest

from harness.cli import main
from tests.harness.helpers import instances, makespan
from tests.loopback import FAULTS, Fault, Json, Loopback

HOSTILE = (
    "I think <script>document.title = 'owned'</script> and </script><!-- <img src=x "
    "onerror=\"document.title = 'owned'\"> ]]> &lt; \u202eback\u202c \x00\x01\x07 7 \ufffd "
    + "z" + "\u0335\u0321\u031b" * 200 + " 日本語 🗓️ \u2028 {{ 7 * 7 }} {% raw %}"
)  # fmt: skip
LONG = "word 12 " * 200_000


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
            HOSTILE, LONG, '{"starts": {"T01": 0, "T02":', FAULTS["server"],
            json.dumps({"starts": {"</script><script>alert(1)</script>": 10**30}}),
            json.dumps({"starts": starts}), json.dumps({"starts": starts | {"T01": 10**15}}),
            json.dumps({"starts": ["<b>", None]}), json.dumps({"starts": starts | {"T02": "<i>"}}),
        ]  # fmt: skip
        return said[(number - 1) % len(said)]

    with Loopback(answer) as server:
        how = ["--model", "openai/<b>m</b>", "--model", "policy/edf", "--base-url", server.url,
               "--max-attempts", "1", "--max-connections", "1"]  # fmt: skip
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
