"""`makespan run --dry-run`: what a run would take, in a table; nothing is written or asked."""

from collections.abc import Sequence

from harness.calls.budget import Budget
from harness.run.estimate import ModelEstimate, totals

HEADS = ("model", "family", "episodes", "calls", "tokens in", "out", "cost", "estimate")


def print_estimates(rows: Sequence[ModelEstimate], budget: Budget) -> None:
    """Print a line a model and family, their sum, and whether the budget would be reached."""
    total = totals(rows)
    cells = [HEADS, *map(_cells, rows), _cells(total)]
    widths = [max(len(row[k]) for row in cells) for k in range(len(HEADS))]
    for row in cells:
        line = [
            cell.ljust(width) if k in (0, 1, 7) else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(line).rstrip())
    print("dry run: nothing was asked or written; ~ is an estimate, ? is unknown")
    tokens = sum_of(total.input_tokens, total.output_tokens)
    for name, limit, expected in (
        ("cost", budget.cost, total.cost),
        ("tokens", budget.tokens, tokens),
    ):
        if limit is not None and expected is not None and expected > limit:
            print(f"--budget-{name} {limit:g} would be reached: about {expected:.4g} is expected")


def sum_of(a: float | None, b: float | None) -> float | None:
    """Return a sum; None if a part of it is unknown."""
    return None if a is None or b is None else a + b


def _cells(row: ModelEstimate) -> tuple[str, ...]:
    return (
        row.model,
        row.family,
        f"{row.episodes:,}",
        _number(row.calls),
        _number(row.input_tokens),
        _number(row.output_tokens),
        "?" if row.cost is None else "$0" if not row.cost else f"~${row.cost:.4g}",
        row.basis,
    )


def _number(value: float | None) -> str:
    if value is None:
        return "?"
    return f"~{value:,.0f}" if value else "0"
