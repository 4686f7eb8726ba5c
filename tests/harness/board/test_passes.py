"""A stochastic model asked several times: every board with epochs tells pass^K with an interval."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from harness.board.board import read_board
from tests.harness.helpers import makespan
from tests.loopback import Json, Loopback

SUITE = """
name = "twice"
[[entry]]
family = "feasibility"
level = 4
count = 12
[[entry]]
family = "tardiness"
level = 4
count = 12
"""
CHANCE = 0.8


def stumbling(number: int, body: Json) -> str:
    """Answer with the earliest due date, or with nothing in a fifth of the replies."""
    text = str(body["messages"])
    draw = int.from_bytes(sha256(f"{number}{text}".encode()).digest()[:4]) / 2**32
    if draw > CHANCE:
        return "I would rather not say."
    return '{"infeasible": ["P1", "P2", "P3"]}' if "infeasible" in text else '{"sequence": []}'


@pytest.mark.heavy
def test_every_family_with_epochs_has_pass_rates_with_intervals(tmp_path: Path) -> None:
    (tmp_path / "twice.toml").write_text(SUITE)
    words = ("run", tmp_path / "twice.toml", "--epochs", 4, "--out", tmp_path / "run")
    with Loopback(stumbling) as server:
        model = ("--model", "openai/m", "--model", "policy/exact", "--base-url", server.url)
        done = makespan(*words, *model, OPENAI_API_KEY="none")
    assert done.returncode == 0, done.stderr
    rows = {(r.model, r.family): r for r in read_board([tmp_path / "run"]).rows}
    assert len(rows) == 4
    for (model_name, _), row in rows.items():
        estimate = row.metrics["pass^4"]
        assert estimate.low is not None
        assert estimate.high is not None
        assert row.metrics["pass^2"].value is not None
        if model_name == "policy/exact":
            assert (estimate.value, estimate.high) == (1.0, 1.0)
            assert estimate.low > 0.7
        else:
            assert estimate.value is not None
            assert estimate.value <= row.metrics["pass@4"].value  # type: ignore[operator]
    text = makespan("board", tmp_path / "run").stdout
    for name in ("feasibility openai/m", "tardiness openai/m", "tardiness policy/exact"):
        [line] = [line for line in text.splitlines() if line.startswith(f"{name}: pass^4 ")]
        assert " to " in line
    shown = json.loads(makespan("board", tmp_path / "run", "--json").stdout)["rows"]
    assert all({"value", "low", "high"} <= set(row["metrics"]["pass^4"]) for row in shown)
