"""The Makefile on machines that lack a Python, or have one that does not run."""

import os
import subprocess
from pathlib import Path
from shutil import which

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(which("make") is None, reason="no make")


def planned(target: str, *arguments: str, path: str = os.environ["PATH"]) -> str:
    """What make would do for a target."""
    command = ["make", "--dry-run", "--always-make", *arguments, target]
    done = subprocess.run(
        command, cwd=ROOT, env={"PATH": path}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def stub(folder: Path, name: str, code: int) -> Path:
    """A Python that ends at once."""
    path = folder / name
    path.write_text(f"#!/bin/sh\nexit {code}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_arenas_that_want_a_later_python_are_left_out_where_there_is_none(tmp_path: Path) -> None:
    for name in ("python3.12", "python3.13"):
        stub(tmp_path, name, 127)
    steps = planned("arenas", path=f"{tmp_path}:{os.environ['PATH']}")
    assert "arenas/harbor" not in steps
    assert "arenas/nemo" not in steps
    assert "nemo_server='-no Python 3.12'" in steps


def test_arenas_that_want_a_later_python_get_it(tmp_path: Path) -> None:
    python = stub(tmp_path, "python3.12", 0)
    steps = planned("arenas", f"PYTHON312={python}")
    assert f"{python} -m venv .venv/arenas/harbor" in steps
    assert f"{python} -m venv .venv/arenas/nemo" in steps


def test_a_python_that_does_not_run_is_passed_over(tmp_path: Path) -> None:
    stub(tmp_path, "python3.11", 127)
    later = stub(tmp_path, "python3.12", 0)
    steps = planned(".venv/bin/python", path=f"{tmp_path}:/usr/bin:/bin")
    assert f"{later} -m venv" in steps


def test_a_python_that_is_named_is_taken(tmp_path: Path) -> None:
    python = stub(tmp_path, "mine", 0)
    assert f"{python} -m venv" in planned(".venv/bin/python", f"PYTHON={python}")
