"""One loop that sends into programs is asynchronous, one is not; two make programs of programs."""

import ast
from collections import Counter
from pathlib import Path

from tests.measures import PACKAGES

ROOT = Path(__file__).parents[1]


def senders(root: Path) -> dict[str, str]:
    """Return the functions that send into a program, each with what it is itself.

    (Solvers that pause are generators too, but they yield no effects: they know no `Program`.)
    """
    found: dict[str, str] = {}
    for path in (each for name in PACKAGES for each in (root / name).rglob("*.py")):
        text = path.read_text("utf-8")
        for node in ast.walk(ast.parse(text)) if "Program" in text else ():
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _sends(node):
                found[f"{path.relative_to(root).as_posix()}:{node.name}"] = _kind(node)
    return found


def _sends(node: ast.AST) -> bool:
    """Whether a function calls `.send(...)` and goes on until StopIteration."""
    sends = any(
        isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "send"
        for call in ast.walk(node)
    )
    stops = any(
        isinstance(name, ast.Name) and name.id == "StopIteration" for name in ast.walk(node)
    )
    return sends and stops


def _kind(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    if isinstance(node, ast.AsyncFunctionDef):
        return "async"
    yields = any(isinstance(each, ast.Yield | ast.YieldFrom) for each in ast.walk(node))
    return "program" if yields else "plain"


def test_one_driver_of_each_kind() -> None:
    assert senders(ROOT) == {
        "harness/calls/drive.py:drive": "async",
        "tasks/play.py:answer": "plain",
        "tasks/play.py:in_order": "program",
        "tasks/play.py:translate": "program",
    }


def test_another_driver_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "more.py").write_text(
        "def run(p: Program):\n"
        "    try:\n        p.send(1)\n    except StopIteration as s:\n        return s\n"
    )
    assert Counter(senders(tmp_path).values()) == {"plain": 1}
