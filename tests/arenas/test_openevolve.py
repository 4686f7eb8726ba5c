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
from tests.harness.helpers import PROGRAM
from tests.loopback import Json, Loopback

PLACE = os.environ.get("MAKESPAN_OPENEVOLVE")
pytestmark = pytest.mark.skipif(PLACE is None, reason="MAKESPAN_OPENEVOLVE names no folder")
BODIES = ("max(p + t, d) + 0.4 * p", "max(p + t, d)", "p", "1 / 0")


def says(number: int, _: Json) -> str:
    body = BODIES[number % len(BODIES)]
    return f"```python\ndef priority(p, d, t, P, n):\n    return {body}\n```"


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
