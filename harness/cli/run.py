"""The command `run`, and how a run goes on to its board."""

import asyncio
import gc
import sys
from argparse import Namespace
from pathlib import Path

from harness.board.board import read_board
from harness.board.text import print_board
from harness.cli.options import run_options, sampling
from harness.log import Log
from harness.run.begin import OpenRun, begin, ready
from harness.run.request import RunRequest
from harness.screen import Screen
from tasks.extras import MissingExtra


def run(options: Namespace) -> int:
    """`makespan run`: begin a run or take it up, then print its board."""
    gc.disable()  # a third of the time to read 100,000 episodes; `go_on` turns it on again
    request = RunRequest(
        what=options.target,
        models=options.model or (),
        agent=options.agent,
        memory=options.memory,
        level=options.level,
        seed=options.seed,
        settings=dict(options.settings),
        data=options.data,
        limit=options.limit,
        epochs=options.epochs,
        sampling=sampling(options),
        base_url=options.base_url,
        api_key_env=options.api_key_env,
        shard=options.shard,
        out=options.out,
        references=options.references,
        solve=not options.no_solve,
        time_limit=options.time_limit,
        engine=options.engine,
        jobs=options.jobs,
        ray_address=options.ray_address,
    )
    return go_on(begin(request, run_options(options)), options)


def go_on(run: OpenRun, options: Namespace) -> int:
    """Run what is open, print the board; status 1 if episodes are left or ended in errors."""
    log, path = Log(options.log_json), run.folder.path
    with ready(run, run_options(options), log, options.price) as suite_run:
        gc.freeze()  # what was read stays
        gc.enable()
        counts = asyncio.run(suite_run.run(run.models))
    if counts["done"] or not counts["left"]:
        _print_board(path, log)
    if counts["left"]:
        log.say(f"{counts['left']} episodes are left: makespan resume {path}")
    if counts["errors"]:
        log.say(f"{counts['errors']} episodes ended in errors: makespan resume {path}")
    log.say(f"run folder: {path}")
    log.event("end", **counts)
    return 1 if counts["left"] or counts["errors"] else 0


def _print_board(path: Path, log: Log) -> None:
    """Print a run's board, or what it needs that is not installed: the run itself is done."""
    try:
        board = read_board([path])
    except MissingExtra as missing:
        log.say(f"no board: {missing}, then makespan board {path}")
    else:
        print_board(board, Screen(way=f"makespan board {path} --wide shows all"))
        sys.stdout.flush()  # what is said next comes after it
