"""A tree search has independent tries at equal tokens beside it, or the board says it has not."""

import pytest

from graders.statistics import Estimate
from harness.board.board import Row
from harness.board.trees import tree_notes


def row(agent: str, tokens: int | None, model: str = "openai/m", kind: str = "model") -> Row:
    """A row of ten episodes that took so many tokens each."""
    return Row(
        "tools",
        {},
        model,
        agent,
        memory="none",
        setup={},
        kind=kind,
        n=10,
        of=10,
        errors=0,
        unparsable=0,
        infeasible=0,
        problems={},
        score=Estimate.unknown(""),
        metrics={},
        tokens=None if tokens is None else 10 * tokens,
        cost=None,
        seconds=0.0,
    )


def notes(*rows: Row) -> list[str]:
    return [*tree_notes(rows, lambda each: each.family)]


def test_a_tree_alone_is_told_with_what_is_to_stand_beside_it() -> None:
    assert notes(row("mcts:12", 13_042)) == [
        "tools openai/m: no best-of stands beside mcts:12 at as many tokens:"
        " `--agent best-of:100,tokens=13042` takes about as many"
    ]


@pytest.mark.parametrize("tokens", [920, 1000, 1090])
def test_tries_at_about_its_tokens_stand_beside_it(tokens: int) -> None:
    assert notes(row("mcts", 1000), row("best-of:999,tokens=900", tokens)) == []


@pytest.mark.parametrize(
    "other",
    [
        row("best-of", 880),
        row("best-of", 1120),
        row("best-of", 1000, model="openai/other"),
        row("best-of:clock=charged", 1000),
        row("best-of", None),
        row("mcts:5", 2000),
        row("direct", 1000),
    ],
)
def test_other_rows_do_not(other: Row) -> None:
    assert notes(row("mcts", 1000), other)[0].startswith("tools openai/m: no best-of")


def test_policies_and_rows_without_trees_need_none() -> None:
    assert notes(row("best-of", 900), row("direct", 90), row("mcts", 5, kind="floor")) == []
    assert notes(row("mcts", None)) == []
