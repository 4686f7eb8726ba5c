"""The command `curve`."""

import sys
from argparse import Namespace
from collections.abc import Iterator
from itertools import groupby

import msgspec

from graders.curves import EqualAccuracy
from harness.cli.options import run_options, sampling
from harness.cli.output import print_json
from harness.curve.ladder import AXES, Curve, CurvePoint, EqualTokens, LadderPlan, climb
from harness.formatting import with_interval
from harness.log import Log
from harness.run.request import RunRequest
from harness.run.several import Unfinished
from harness.screen import Screen, Table, TableColumn

COLUMNS = (
    TableColumn("way", rank=0),
    TableColumn("limit", rank=0),
    TableColumn("accuracy (95 % interval)", rank=0),
    TableColumn("test", rank=1),
    TableColumn("recall", rank=3),
    TableColumn("sleep", rank=2),
    TableColumn("cost", rank=1),
    TableColumn("all", rank=0),
)
EQUAL = (
    TableColumn("tokens", rank=0, folds=True),
    TableColumn("accuracy", rank=0),
    TableColumn("plain", rank=0),
    TableColumn("with it", rank=0),
    TableColumn("plain / with it (95 % interval)", rank=0),
)


def curve(options: Namespace) -> int:
    """`makespan curve SUITE --model M --out DIR`: run the ladder, and print both its tables.

    Status 1 if it was stopped, or episodes ended in errors: the same command goes on.
    """
    plan = LadderPlan(
        request=_request(options),
        limits=options.limits,
        placebo=not options.no_placebo,
        price_ratio=options.price_ratio,
    )
    how, log = run_options(options), Log(options.log_json)
    try:
        result = climb(plan, options.out, options=how, log=log, prices=options.price)
    except Unfinished as error:
        print(f"makespan curve: {error}", file=sys.stderr)
        return 1
    if options.json:
        print_json(msgspec.to_builtins(result))
    else:
        _print(result)
    return 0


def _request(options: Namespace) -> RunRequest:
    """Return the run of a rung, as far as it is the same on all of them."""
    return RunRequest(
        what=options.target,
        models=[options.model],
        agent=options.agent or "direct",
        memory=options.memory,
        level=options.level,
        seed=options.seed,
        settings=dict(options.settings),
        data=options.data,
        limit=options.limit,
        epochs=options.epochs or 1,
        sampling=sampling(options),
        base_url=options.base_url,
        api_key_env=options.api_key_env,
    )


def _print(result: Curve) -> None:
    screen = Screen(way="--json has all")
    title = f"{result.model}, {result.memory}: tokens a question"
    screen.print(Table(title, COLUMNS, [_cells(point) for point in result.points]))
    for arm, group in groupby(result.equal, lambda each: each.arm):
        lines = [line for each in group for line in _lines(each)]
        if lines:
            screen.print(Table(f"equal accuracy, plain and {arm}", EQUAL, lines))
        else:
            screen.say(f"plain and {arm}: there is no accuracy that both reach")
    screen.end()
    screen.say(
        f"{result.contexts} contexts of {result.questions:g} questions; test, recall and sleep are"
        f" tokens written, all has those read, too; cost: {result.price_ratio:g} tokens of sleep"
        " count as one that somebody waits for"
    )


def _cells(point: CurvePoint) -> tuple[str, ...]:
    counts = (point.test, point.recall, point.sleep, point.cost, point.all)
    accuracy = with_interval(point.accuracy, 3)
    return (point.arm, str(point.limit), accuracy, *(f"{count:.1f}" for count in counts))


def _lines(equal: EqualTokens) -> Iterator[tuple[str, ...]]:
    for each in equal.at:
        yield AXES[equal.axis], *_numbers(each)


def _numbers(each: EqualAccuracy) -> tuple[str, ...]:
    tokens = (f"{count:.1f}" for count in (each.plain, each.aided))
    return (f"{each.accuracy:.3f}", *tokens, with_interval(each.ratio, 2))
