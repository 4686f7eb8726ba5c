"""Programs that are tried on training instances: what is told of each, and which one counts."""

import json
from pathlib import Path

import pytest

from harness.calls.training import SEED, training_instance
from harness.families.registry import FAMILIES, family
from tasks.base import Failure, Reference
from tests.factories.gold import CASES, instance_of
from tests.harness.helpers import board, makespan, rows
from tests.loopback import Json, Loopback, prompt_of

LATEST = (
    "def solve(problem):\n"
    "    jobs = sorted(problem['jobs'], key=lambda job: -job['d'])\n"
    "    return {'order': [job['id'] for job in jobs]}\n"
)
EARLIEST = LATEST.replace("-job", "job")
FORGETS = LATEST.replace("in jobs]", "in jobs[1:]]")
FAILS = "def solve(problem):\n    return 1 / 0\n"


def in_turn(*sources: str) -> "Loopback":
    """A server that writes programs, by how many the conversation has."""

    def answer(_: int, body: Json) -> str:
        tries = sum(message["role"] == "assistant" for message in body["messages"])
        return f"```python\n{sources[tries]}```"

    return Loopback(answer)


def run(out: Path, server: Loopback, agent: str, status: int = 0) -> str:
    words = ("run", "tardiness", "--level", 5, "--limit", 1, "--agent", agent)
    model = ("--model", "openai/m", "--base-url", server.url)
    done = makespan(*words, *model, "--out", out)
    assert done.returncode == status, done.stderr
    return done.stderr


@pytest.mark.heavy
def test_each_program_is_tried_and_the_best_one_counts(tmp_path: Path) -> None:
    with in_turn(FAILS, EARLIEST, LATEST, FORGETS) as server:
        run(tmp_path / "four", server, "simulate:4,instances=2")
        shown = [prompt_of(request.body) for request in server.requests]
    with in_turn(EARLIEST) as server:
        run(tmp_path / "one", server, "program")
    assert len(shown) == 4
    assert "You may write 4 programs. Each is run on 2 training problems like this one" in shown[0]
    told = [text.rpartition("Training problem 1: ")[2] for text in shown[1:]]
    assert told[0].startswith("the program failed (raised): ZeroDivisionError")
    assert "3 programs are left, this one included" in told[0]
    values = [int(part.split()[0].rstrip(".")) for part in told[1].split("its value is ")[1:]]
    worse = [int(part.split()[0].rstrip(".")) for part in told[2].split("its value is ")[1:]]
    assert len(values) == len(worse) == 2
    assert sum(values) < sum(worse)
    [best], [plain] = board(tmp_path / "four"), board(tmp_path / "one")
    assert best["headline"] == plain["headline"]
    paths = [path for (path,) in rows(tmp_path / "four", "select path from effects order by path")]
    assert sum("/simulation-" in path for path in paths) == 8
    assert sum(path.endswith("/run") for path in paths) == 1


@pytest.mark.heavy
def test_an_answer_that_breaks_a_rule_is_told_by_its_kind(tmp_path: Path) -> None:
    with in_turn(FORGETS, FORGETS) as server:
        run(tmp_path / "run", server, "simulate:2,instances=1")
        told = prompt_of(server.requests[1].body).rpartition("Training problem 1: ")[2]
    assert told.startswith("infeasible: missing, job J")
    assert "1 program is left, this one included" in told


@pytest.mark.parametrize("case", [c for c in CASES if "program" in family(CASES[c][0]).means])
def test_training_instances_are_others_without_a_reference(case: str) -> None:
    instance = instance_of(case)
    first, second = (training_instance(instance, number) for number in (1, 2))
    assert first.seed == second.seed == SEED
    assert first.payload != second.payload
    assert instance.payload not in (first.payload, second.payload)
    assert (first.level, first.settings) == (instance.level, instance.settings)
    assert first.reference == Reference("none")
    with pytest.raises(Failure, match=f"it is of seed {SEED} itself"):
        training_instance(first, 1)


@pytest.mark.heavy
def test_what_was_not_generated_has_no_training_instances(tmp_path: Path) -> None:
    line = json.loads(_line())
    line |= {"id": "mine", "seed": None}
    (tmp_path / "i.jsonl").write_text(json.dumps(line) + "\n")
    words = ("run", tmp_path / "i.jsonl", "--agent", "simulate:1", "--model", "policy/edd")
    done = makespan(*words, "--out", tmp_path / "run")
    [row] = board(tmp_path / "run")
    assert (row["n"], row["errors"]) == (1, 1), done.stderr


def _line() -> str:
    done = makespan("generate", "tardiness", "--level", 5, "--count", 1)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_family_with_programs_and_a_checker_can_be_simulated() -> None:
    both = {n for n in FAMILIES.own if {"program", "checker"} <= set(family(n).means)}
    assert both == {"rcpsp", "tardiness", "serving", "fair-queue", "placement"}
