"""A search for a pipeline from its plan to the table on instances that were held out."""

from pathlib import Path

import msgspec

from harness import files
from harness.calls.options import RunOptions
from harness.log import Log
from harness.tune.halving import Rung, TableRow, at_random, beside, halved, row
from harness.tune.space import TunePlan, sampled, space_of
from harness.tune.trials import Bench
from tasks.base import InputError, Noun

NAME = "tune.json"


class Tuned(Noun, frozen=True):
    """The end of a search.

    Attributes:
        plan: of the search.
        space: pipelines that there are.
        rungs: of the successive halving.
        episodes: of development, the winner's search alone.
        rows: on the instances that were held out, the winner first; only it is ranked.
    """

    plan: TunePlan
    space: int
    rungs: tuple[Rung, ...]
    episodes: int
    rows: tuple[TableRow, ...]


def tune(plan: TunePlan, where: str, out: Path, options: RunOptions, log: Log) -> Tuned:
    """Search for a pipeline, or go on with a search, and write `tune.json` into its folder.

    Args:
        plan: of the search.
        where: its file, for messages.
        out: the folder of its runs; a run that is there is not asked again.
        options: how models are asked.
        log: what is told while it goes.

    Raises:
        InputError: the plan cannot be, or the folder has another search.
        Failure: a run cannot go on, or has errors; what was answered is kept.
    """
    space = space_of(plan, where)
    _claim(plan, out)
    bench = Bench(plan, out, options, log)
    trials = sampled(space, plan.trials, f"tune/{plan.seed}")
    best, steps = halved(bench, trials)
    episodes = sum(step.trials * step.instances for step in steps)
    random = at_random(bench, space, len(trials), episodes)
    winner = bench.hold(best.pipeline)
    others = [*beside(bench, best), ("the best of a random search", random.pipeline)]
    rows = [row(bench, "successive halving", best.pipeline, winner)]
    rows += [row(bench, what, pipeline, winner) for what, pipeline in others]
    result = Tuned(plan, len(space), tuple(steps), episodes, tuple(rows))
    text = msgspec.json.format(msgspec.json.encode(result), indent=2)
    files.write(out / NAME, text + b"\n")
    return result


def _claim(plan: TunePlan, out: Path) -> None:
    """Write the plan into a folder, or raise InputError if it has another."""
    place, content = out / "plan.json", msgspec.json.encode(plan) + b"\n"
    if place.exists():
        if place.read_bytes() != content:
            raise InputError(f"{out} has a search of another plan: use another `out`")
    elif out.exists() and any(out.iterdir()):
        raise InputError(f"{out} is not empty, and no search: use another `out`")
    else:
        out.mkdir(parents=True, exist_ok=True)
        files.write(place, content)
