"""A domain for evolvers of others: its evaluator is called as they call it."""

import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.evolve.domains import DOMAINS, domain
from harness.evolve.outside import BEGIN, END
from tests.harness.helpers import PROGRAM, makespan

Evaluate = Callable[[str], dict[str, float]]
DOMAIN = "tardiness-priority"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("domain")
    done = makespan("evolve", "export", DOMAIN, "--format", "openevolve", "--out", path)
    assert (done.returncode, done.stderr) == (0, f"{path}: {DOMAIN} for evolvers of others\n")
    return path


@pytest.fixture
def evaluate(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Evaluate:
    """The function of the exported file, with this makespan as its command."""
    command = tmp_path / "makespan"
    command.write_text(f"#!{sys.executable}\n{PROGRAM[2]}\n")
    command.chmod(0o755)
    root = str(Path(__file__).parents[3])
    monkeypatch.setenv("PYTHONPATH", root)
    monkeypatch.setenv("MAKESPAN", str(command))
    found: Evaluate = runpy.run_path(str(folder / "evaluator.py"))["evaluate"]
    return found


@pytest.mark.heavy
def test_a_seed_program_has_the_score_of_its_rule(folder: Path, evaluate: Evaluate) -> None:
    told = evaluate(str(folder / "initial_program.py"))
    assert told["valid"] == 1
    assert told["failed"] == 0
    assert told["combined_score"] == pytest.approx(1 / told["ratio"])
    assert 0 < told["combined_score"] < 1
    assert all(isinstance(value, float) for value in told.values())


@pytest.mark.heavy
def test_a_program_that_fails_has_less_than_any_that_is_valid(
    tmp_path: Path, evaluate: Evaluate
) -> None:
    program = tmp_path / "program.py"
    program.write_text("def priority(p, d, t, P, n):\n    return 1 / (n - 3)\n")
    told = evaluate(str(program))
    assert (told["combined_score"], told["valid"]) == (0, 0)
    assert told["failed"] > 0


@pytest.mark.heavy
def test_what_is_no_fault_of_the_program_is_an_error(evaluate: Evaluate) -> None:
    with pytest.raises(RuntimeError, match=r"cannot read nowhere\.py"):
        evaluate("nowhere.py")


@pytest.mark.parametrize("name", DOMAINS)
def test_every_domain_has_a_folder(name: str, tmp_path: Path) -> None:
    words = ("evolve", "export", name, "--format", "openevolve", "--out", tmp_path)
    assert makespan(*words).returncode == 0
    program = (tmp_path / "initial_program.py").read_text().splitlines()
    assert (program[0], program[-1]) == (BEGIN, END)
    assert f"def {domain(name).function}(" in "\n".join(program)
    compile((tmp_path / "evaluator.py").read_text(), "evaluator.py", "exec")


def test_a_domain_that_is_not_there_is_told(tmp_path: Path) -> None:
    words: tuple[Any, ...] = ("evolve", "export", "tardines", "--format", "openevolve")
    done = makespan(*words, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.startswith("makespan evolve: unknown domain 'tardines': there are ")
    assert not (tmp_path / "out").exists()
