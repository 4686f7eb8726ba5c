"""Which tree searches on a board have no independent tries at equal tokens beside them."""

from collections.abc import Callable, Iterator, Sequence

from harness.board.board import Row
from tasks.parts import read_part

TREE, TRIES = "mcts", "best-of"
NEAR = 0.1  # tokens of an episode that differ by no more of the tree's are as many


def tree_notes(rows: Sequence[Row], group: Callable[[Row], str]) -> Iterator[str]:
    """Yield a line for each model's tree without `best-of` at its clock and its tokens.

    A tree that beats one answer may have done so by its tokens alone.

    Args:
        rows: of the board.
        group: the name of a row's column group.
    """
    models = [row for row in rows if row.kind == "model" and row.tokens and row.n]
    for row in models:
        if _is(row, TREE) and not any(_is_beside(row, other, group) for other in models):
            tokens = round((row.tokens or 0) / row.n)
            yield (
                f"{group(row)} {row.model}: no {TRIES} stands beside {row.agent} at as many tokens:"
                f" `--agent {TRIES}:100,tokens={tokens}` takes about as many"
            )


def _is(row: Row, agent: str) -> bool:
    return read_part(row.agent).name == agent


def _is_beside(row: Row, other: Row, group: Callable[[Row], str]) -> bool:
    """Return whether a row is the same model's independent tries at a tree's clock and tokens."""
    same = (group(row), row.model, row.setup) == (group(other), other.model, other.setup)
    if not (same and _is(other, TRIES) and _clock(other) == _clock(row)):
        return False
    tree, tries = ((each.tokens or 0) / each.n for each in (row, other))
    return abs(tries - tree) <= NEAR * tree


def _clock(row: Row) -> str:
    return read_part(row.agent).settings.get("clock", "")
