"""Numbers, tables and names as text: the same on boards, audits, comparisons and cards."""

from collections.abc import Mapping, Sequence

from graders.statistics import Estimate
from harness.screen import PIPED, Screen, Table, TableColumn


def table(title: str, lines: Sequence[Sequence[str]]) -> str:
    """Return a table as it fits the screen, its first column first; `Screen` has the rules.

    Args:
        title: the line above it.
        lines: the heads, then at least one line of cells.
    """
    heads, *cells = lines
    columns = [TableColumn(head, rank=k, folds=not k) for k, head in enumerate(heads)]
    screen = Screen(way=PIPED)
    return "\n".join([screen.text(Table(title, columns, cells)), *screen.left_out()])


def label(model: str, agent: str, memory: str, setup: Mapping[str, object]) -> str:
    """Return a contestant: the model, and how it was asked if that is not the usual way.

    Args:
        model: `provider/name`.
        agent: left out if it is `direct`.
        memory: left out if it is `none`.
        setup: sampling settings that were set, by name.
    """
    sampling = [f"{k}={v}" for k, v in setup.items()]
    return " ".join([" + ".join([model, *unusual(agent, memory)]), *sampling])


def unusual(agent: str, memory: str) -> list[str]:
    """Return the agent and the memory, each if it is not the usual one."""
    return [x for x, usual in ((agent, "direct"), (memory, "none")) if x != usual]


def number(value: float | None, digits: int) -> str:
    """Return a number with so many decimals, or `-` for None."""
    return "-" if value is None else f"{value:.{digits}f}"


def percent(share: float | None) -> str:
    """Return a share or a gap in per cent, or `-` for None."""
    return "-" if share is None else f"{100 * share:.2f} %"


def with_interval(estimate: Estimate, digits: int) -> str:
    """Return `value (low to high)`, with its note instead of what is unknown."""
    value, low, high = estimate.value, estimate.low, estimate.high
    if value is None:
        return estimate.note
    if low is None or high is None:
        return f"{value:.{digits}f} ({estimate.note})"
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def tokens_text(count: int | None) -> str:
    """Return a number of tokens, with commas."""
    return "unknown" if count is None else f"{count:,}"


def cost_text(cost: float | None) -> str:
    """Return a cost in US dollars."""
    return "unknown" if cost is None else f"${cost:.4f}" if cost else "0"
