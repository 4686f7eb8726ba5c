"""The command `tune`."""

import sys
from argparse import Namespace

import msgspec

from harness.cli.options import run_options
from harness.cli.output import print_json
from harness.formatting import with_interval
from harness.log import Log
from harness.run.several import Unfinished
from harness.screen import Screen, Table, TableColumn
from harness.tune.beside import TableRow
from harness.tune.search import Tuned
from harness.tune.search import tune as search
from harness.tune.space import read_plan

COLUMNS = (
    TableColumn("on held-out instances", rank=0, folds=True),
    TableColumn("score (95 % interval)", rank=0),
    TableColumn("to the winner (95 % interval)", rank=1),
    TableColumn("n", rank=3),
    TableColumn("tokens", rank=0),
    TableColumn("pipeline", rank=2, folds=True),
)


def tune(options: Namespace) -> int:
    """`makespan tune FILE.toml --out DIR`: search, and print the table on held-out instances.

    Status 1 if it was stopped, or episodes ended in errors: the same command goes on.
    """
    plan, as_json = read_plan(options.file), options.json
    log = Log(options.log_json)
    try:
        result = search(
            plan,
            str(options.file),
            options.out,
            options=run_options(options),
            log=log,
            prices=options.price,
        )
    except Unfinished as error:
        print(f"makespan tune: {error}", file=sys.stderr)
        return 1
    if as_json:
        print_json(msgspec.to_builtins(result))
    else:
        _print(result)
    return 0


def _print(result: Tuned) -> None:
    plan, screen = result.plan, Screen(way="--json has all")
    steps = ", ".join(f"{len(step.trials)} trials on {step.instances}" for step in result.rungs)
    title = f"{plan.family}, {plan.held_out} instances of seed {plan.held_out_seed}"
    screen.print(Table(title, COLUMNS, [_cells(row) for row in result.rows]))
    screen.end()
    screen.say(
        f"{result.space} pipelines in the space; development on seed {plan.seed}: {steps};"
        f" {result.episodes} episodes, {plan.tokens} tokens an answer at most",
        "only the first row is ranked: it was chosen before any held-out instance was asked",
    )


def _cells(row: TableRow) -> tuple[str, ...]:
    difference = "" if row.ranked else with_interval(row.behind, 3)
    score = with_interval(row.score, 3)
    return (row.title, score, difference, str(row.n), f"{row.tokens:.0f}", row.pipeline)
