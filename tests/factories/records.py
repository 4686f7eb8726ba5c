"""Records of episodes, and boards and runs made of them."""

from pathlib import Path
from typing import Any

from generators.tardiness import generate
from harness.board.board import Board
from harness.board.board import build_board as build
from harness.board.load import ScoredRecord
from harness.cli import main
from harness.suites.instances import encode
from tasks.base import Grade, Problem, Record, Verdict
from tests.harness.helpers import instances


def record(k: int, verdict: str = "valid", **changes: Any) -> Record:
    grade = Grade(
        Verdict(verdict),
        float(verdict == "valid"),
        gap=0.1 if verdict == "valid" else None,
        against="optimum" if verdict == "valid" else None,
        violations=() if verdict == "valid" else ({"kind": "window"},),
        metrics={"broken": 0.0 if verdict == "valid" else 0.2},
    )
    fields: dict[str, Any] = {
        "instance": f"i{k}",
        "family": "rcpsp",
        "level": 10 if k % 2 else 20,
        "settings": {"edges": 4, "axes": "none"},
        "model": "openai/m",
        "agent": "direct",
        "memory": "none",
        "epoch": 0,
        "grade": grade,
        "problem": None,
        "calls": 1,
        "attempts": 1,
        "input_tokens": 10,
        "output_tokens": 5,
        "cost": None,
        "seconds": 0.5,
    } | changes
    return Record(**fields)


def failed(k: int, **changes: Any) -> Record:
    return record(k, grade=None, problem=Problem("provider", "server: down"), **changes)


def graded(model: str, share: float, n: int = 60, **changes: Any) -> list[Record]:
    """Records of a model that answers a share of the instances, the first ones, feasibly."""
    verdicts = ["valid" if k < share * n else "infeasible" for k in range(n)]
    return [record(k, v, model=model, **changes) for k, v in enumerate(verdicts)]


def build_board(records: list[Record], sizes: dict[str, int], **setup: Any) -> Board:
    return build([ScoredRecord(r, setup) for r in records], sizes)


def several(folder: Path) -> list[Path]:
    """Two runs of different families."""
    made = [generate(5, 0, k, {}) for k in range(3)]
    (folder / "jobs.jsonl").write_bytes(b"".join(encode(i) + b"\n" for i in made))
    files = {"a": instances(folder / "projects.jsonl", 3), "b": folder / "jobs.jsonl"}
    for name, file in files.items():
        assert main(["run", str(file), "--out", str(folder / name)]) == 0
    return [folder / name for name in files]
