"""The command `run`, and how a run goes on to its board."""

import asyncio
import gc
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness import files
from harness.board.board import read_board
from harness.board.text import print_board
from harness.calls.options import RunOptions
from harness.cli.dry_run import print_estimates
from harness.cli.options import run_options, sampling
from harness.garbage import seldom_collected
from harness.log import Log, worded
from harness.models.base import Sampling
from harness.run.begin import OpenRun, ready
from harness.run.estimate import Past, estimate
from harness.run.file_format import written
from harness.run.plan import RunPlan, plan_of
from harness.run.request import RunRequest
from harness.run.save import file_of_request
from harness.run.several import begin_each, options_of, prices_for
from harness.screen import Screen
from harness.store.folder import RUNS
from tasks.base import Failure, Fields, InputError
from tasks.extras import MissingExtra


@dataclass(frozen=True)
class RunCommand:
    """What a command asks for: one run, or those of a run file."""

    requests: Sequence[RunRequest]
    options: RunOptions
    price: Sequence[str]
    plan: RunPlan | None = None

    def prices(self, request: RunRequest) -> Sequence[str]:
        """Return the prices of a run's models."""
        return prices_for(request, self.plan, self.price) if self.plan else self.price


def run(options: Namespace) -> int:
    """`makespan run`: begin a run or take it up, then print its board.

    A run file may ask for several: the status is the worst of theirs.
    """
    gc.disable()  # a third of the time to read 100,000 episodes; `go_on` turns it on again
    command = command_for(options)
    if options.save_config:
        _save(command, options.save_config)
    if options.dry_run:
        return _dry_run(command)
    statuses = []
    for begun in begin_each(command.requests, command.options, command.prices):
        try:
            statuses.append(go_on(begun.run, begun.options, options, begun.prices))
        except (InputError, Failure) as error:  # of several runs the others go on
            if len(command.requests) == 1:
                raise
            message = " ".join(str(error).splitlines())
            print(f"makespan run: {begun.run.folder.path}: {worded(message)}", file=sys.stderr)
            statuses.append(2)
    return max(statuses)


def _dry_run(command: RunCommand) -> int:
    past = Past.of(RUNS)
    rows = [row for r in command.requests for row in estimate(r, command.prices(r), past)]
    print_estimates(rows, command.options.budget)
    return 0


def command_for(options: Namespace) -> RunCommand:
    """Return what a command asks for.

    Raises:
        InputError: what a run file says is said again beside it.
    """
    how = run_options(options)
    plan = plan_of(Path(options.target)) if options.target.endswith(".toml") else None
    if plan is None:
        return RunCommand([_request(options)], how, options.price)
    _require_unsaid(options)
    changes = {name: value for name, value in _overrides(options).items() if value is not None}
    requests = [replace(request, **changes) for request in plan.requests]
    if options.out is not None and len(requests) > 1:
        requests = [replace(r, out=None, runs=options.out) for r in requests]
    return RunCommand(requests, options_of(plan, how), options.price, plan)


def _overrides(options: Namespace) -> Fields:
    """Return what may be said beside a run file."""
    return {
        "limit": options.limit,
        "epochs": options.epochs,
        "data": options.data,
        "shard": options.shard,
        "out": options.out,
        "engine": options.engine,
        "jobs": options.jobs,
        "ray_address": options.ray_address,
    }


def _require_unsaid(options: Namespace) -> None:
    """Raise InputError if an option says what a run file says."""
    drawn, plain = sampling(options), Sampling()
    changed = [n for n in drawn.__struct_fields__ if getattr(drawn, n) != getattr(plain, n)]
    options_said = {
        "--model": options.model,
        "--agent": options.agent,
        "--memory": options.memory,
        "--level": options.level,
        "--seed": options.seed,
        "--commitment": options.commitment,
        "-T": options.settings,
        "--base-url": options.base_url,
        "--api-key-env": options.api_key_env,
        "--system-message": options.system_message,
        "--templates": options.templates,
        "--references": options.references,
        "--time-limit": options.time_limit,
        "--no-solve": options.no_solve or None,
        "[sampling]": changed,
    }
    for name, value in options_said.items():
        if value is not None and value != []:
            raise InputError(
                f"{options.target} says what is asked of whom: put {name} there; beside it stand"
                " --limit, --epochs, --data, --shard, --out, and how it asks"
            )


def _request(options: Namespace) -> RunRequest:
    return RunRequest(
        what=options.target,
        models=options.model or (),
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
        shard=options.shard,
        out=options.out,
        system=options.system_message,
        templates=options.templates,
        references=options.references,
        solve=not options.no_solve,
        time_limit=options.time_limit,
        engine=options.engine,
        jobs=options.jobs,
        ray_address=options.ray_address,
        commitment=options.commitment,
    )


def _save(command: RunCommand, place: Path) -> None:
    """Write a run file of what is asked; InputError if it came from one."""
    if command.plan:
        raise InputError(f"{command.plan.path} is a run file already: copy it")
    [request] = command.requests
    if request.commitment is not None:
        raise InputError("`commitment` names a secret, which no run file tells: give it each time")
    files.write(place, written(file_of_request(request, command.options, command.price, place)))


def go_on(opened: OpenRun, how: RunOptions, options: Namespace, prices: Sequence[str]) -> int:
    """Run what is open, print the board; status 1 if episodes are left or ended in errors."""
    log, path = Log(options.log_json), opened.folder.path
    with ready(opened, how, log, prices) as suite_run, seldom_collected():
        counts = asyncio.run(suite_run.run(opened.models))
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
