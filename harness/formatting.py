"""How numbers, tables and names are printed: the same on boards, audits, comparisons and cards."""

from collections.abc import Mapping, Sequence

from graders.statistics import Estimate


def table(title: str, lines: Sequence[Sequence[str]]) -> str:
    """A table at its natural width; a narrow terminal breaks lines, but loses nothing."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for head, cell in zip(lines[0], lines[1], strict=True):
        numeric = cell[:1].isdigit() or cell[:1] in "-$"
        table.add_column(head, justify="right" if numeric else "left", no_wrap=True)
    for line in lines[1:]:
        table.add_row(*line)
    console = Console(width=1000, highlight=False, color_system=None, markup=False, emoji=False)
    with console.capture() as text:
        console.print(table)
    return "\n".join([title, *(line.rstrip() for line in text.get().splitlines())])


def label(model: str, agent: str, memory: str, setup: Mapping[str, object]) -> str:
    """Who answered, and how it was asked where that is not the usual way."""
    sampling = [f"{k}={v}" for k, v in setup.items()]
    return " ".join([" + ".join([model, *unusual(agent, memory)]), *sampling])


def unusual(agent: str, memory: str) -> list[str]:
    """The agent and the memory, where they are not the usual ones."""
    return [x for x, usual in ((agent, "direct"), (memory, "none")) if x != usual]


def number(value: float | None, digits: int) -> str:
    """A number, if there is one."""
    return "-" if value is None else f"{value:.{digits}f}"


def percent(share: float | None) -> str:
    """A share or a gap, if there is one."""
    return "-" if share is None else f"{100 * share:.2f} %"


def with_interval(estimate: Estimate, digits: int) -> str:
    """`value (low to high)`, or why there is none."""
    value, low, high = estimate.value, estimate.low, estimate.high
    if value is None:
        return estimate.note
    if low is None or high is None:
        return f"{value:.{digits}f} ({estimate.note})"
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def tokens_text(count: int | None) -> str:
    """A number of tokens."""
    return "unknown" if count is None else f"{count:,}"


def cost_text(cost: float | None) -> str:
    """US dollars."""
    return "unknown" if cost is None else f"${cost:.4f}" if cost else "0"
