"""The command `tune`."""

from argparse import Namespace

import msgspec

from harness.cli.options import run_options
from harness.cli.output import print_json
from harness.formatting import number
from harness.log import Log
from harness.tune.halving import TableRow
from harness.tune.search import Tuned
from harness.tune.search import tune as search
from harness.tune.space import read_plan


def tune(options: Namespace) -> int:
    """`makespan tune FILE.toml --out DIR`: search, and print the table on held-out instances."""
    plan = read_plan(options.file)
    how, log = run_options(options), Log(options.log_json)
    result = search(plan, str(options.file), options.out, how, log)
    if options.json:
        print_json(msgspec.to_builtins(result))
    else:
        _print(result)
    return 0


def _print(result: Tuned) -> None:
    plan = result.plan
    steps = ", ".join(f"{step.trials} on {step.instances}" for step in result.rungs)
    print(f"{result.space} pipelines in the space; trials on instances: {steps}")
    print(f"held out: {plan.held_out} instances of seed {plan.held_out_seed}")
    print()
    heads = ("", "score", "to the winner (95 % interval)", "tokens", "pipeline")
    table = [heads, *map(_cells, result.rows)]
    widths = [max(len(line[k]) for line in table) for k in range(len(heads))]
    for line in table:
        cells = zip(line, widths, strict=True)
        print("  ".join(cell.ljust(width) for cell, width in cells).rstrip())
    print()
    print("only the first row is ranked: the others were not searched for on held-out instances")


def _cells(row: TableRow) -> tuple[str, ...]:
    value, low, high = row.behind
    interval = f" ({number(low, 3)} to {number(high, 3)})" if low is not None else ""
    difference = "" if row.ranked else f"{number(value, 3)}{interval}"
    return (row.what, number(row.score, 3), difference, f"{row.tokens:.0f}", row.pipeline)
