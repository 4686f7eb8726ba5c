"""An exported domain in the hands of OpenEvolve, with a scripted model.

MAKESPAN_OPENEVOLVE is the folder of the programs of an environment that has it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.evolve.domains import domain
from harness.evolve.outside import write_domain
from tests.arenas.evolvers import Chance, Workshop, compare, table
from tests.harness.helpers import PROGRAM
from tests.loopback import Json, Loopback

PLACE = os.environ.get("MAKESPAN_OPENEVOLVE")
needs_it = pytest.mark.skipif(PLACE is None, reason="MAKESPAN_OPENEVOLVE names no folder")
BODIES = ("max(p + t, d) + 0.4 * p", "max(p + t, d)", "p", "1 / 0")


def says(number: int, _: Json) -> str:
    body = BODIES[number % len(BODIES)]
    return f"```python\ndef priority(p, d, t, P, n):\n    return {body}\n```"


@needs_it
def test_a_search_of_others_finds_the_best_program_that_it_is_told(tmp_path: Path) -> None:
    command = tmp_path / "makespan"
    command.write_text(f"#!{sys.executable}\n{PROGRAM[2]}\n")
    command.chmod(0o755)
    environment = {
        **os.environ,
        "MAKESPAN": str(command),
        "OPENAI_API_KEY": "none",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    write_domain(domain("tardiness-priority"), tmp_path)
    with Loopback(says) as server:
        config = (tmp_path / "config.yaml").read_text()
        (tmp_path / "config.yaml").write_text(
            config.replace("http://127.0.0.1:8091/v1", server.url)
        )
        words = ["--config", "config.yaml", "--iterations", "8", "--output", "out"]
        done = subprocess.run(
            [f"{PLACE}/openevolve-run", "initial_program.py", "evaluator.py", *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert len(server.requests) == 8
    best = json.loads((tmp_path / "out/best/best_program_info.json").read_text())
    assert best["metrics"]["valid"] == 1
    assert best["metrics"]["combined_score"] > 0.98
    assert BODIES[0] in (tmp_path / "out/best/best_program.py").read_text()


def told(prompt: str, number: int = 0) -> str:
    body = {"messages": [{"role": "user", "content": prompt}]}
    return Chance(domain("tardiness-priority"), seed=1)(number, body)


def test_the_scripted_model_changes_the_last_program_of_a_prompt() -> None:
    first, last = (f"```python\ndef priority(p, d, t, P, n):\n    return {e}\n```" for e in "dp")
    form = "```python\ndef priority(p, d, t, P, n):\n    ...\n```"
    broken = "```python\ndef priority(\n```"
    reply = told("\n".join([first, last, broken, form]))
    assert reply == told(last)
    assert reply not in (last, told(first))
    assert len({told(last, number) for number in range(20)}) > 10
    assert "def priority(" in told("Write a program.")


@needs_it
def test_all_searches_are_in_one_table() -> None:
    rows = list(compare(Path(f"{PLACE}/openevolve-run"), tries=2, seeds=[5]))
    names = ["makespan", "random-constants", "mutate", "openevolve-1", "openevolve-4"]
    assert [row.search for row in rows] == names
    assert all(1 <= ratio < 2 for row in rows for ratio in row[2:])
    assert len(table(rows).splitlines()) == 7


def test_a_search_that_is_none_is_an_error(tmp_path: Path) -> None:
    """Python runs the program once, and asks nothing."""
    with pytest.raises(RuntimeError, match="openevolve-1 asked the model 0 times, not 2"):
        Workshop(tmp_path, Path(sys.executable), tries=2).others(1, islands=False)
    with pytest.raises(RuntimeError, match="invalid choice"):
        Workshop(tmp_path, tmp_path / "makespan", tries=2).others(2, islands=False)
