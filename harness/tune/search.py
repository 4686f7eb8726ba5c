"""A search for a pipeline from its plan to the table on instances that were held out."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from harness import files
from harness.agents.pipeline_format import Pipeline
from harness.calls.options import RunOptions
from harness.log import Log
from harness.tune.beside import Rival, TableRow, rivals, rows
from harness.tune.halving import Rung, at_random, episodes_of, halved
from harness.tune.space import TunePlan, require_apart, sampled, space_of
from harness.tune.trials import BESIDE, HELD_OUT, TRIALS, Bench
from tasks.base import InputError, Noun

NAME, PLAN = "tune.json", "plan.json"


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


def tune(
    plan: TunePlan,
    where: str,
    out: Path,
    *,
    options: RunOptions,
    log: Log,
    prices: Sequence[str] = (),
) -> Tuned:
    """Search for a pipeline, or go on with a search, and write `tune.json` into its folder.

    All development is over before the first held-out instance is asked.

    Args:
        plan: of the search.
        where: its file, for messages.
        out: the folder of its runs; a run that is there is not asked again.
        options: how models are asked; its budget is for all runs together.
        log: what is told while it goes.
        prices: of models, each `MODEL=INPUT,OUTPUT[,CACHED]` in US dollars a million tokens.

    Raises:
        InputError: the plan cannot be, or the folder has another search.
        Unfinished: it was stopped, or a run has errors; what was answered is kept.
        Failure: a model cannot go on.
    """
    space = _space(plan, where, log)
    require_apart(plan, where)
    _claim(plan, out)
    bench = Bench(plan, out, options, log, prices=prices)
    trials = sampled(space, plan.trials, f"tune/{plan.seed}")
    log.say(f"{len(space)} pipelines in the space, {len(trials)} of them are tried")
    best, steps = halved(bench, trials)
    episodes = episodes_of(steps)
    others = rivals(bench, best)
    drawn = at_random(bench, space, len(trials), episodes)
    if drawn:
        others.append(Rival("best of a random search", drawn.pipeline))
    table = rows(bench, best.pipeline, others)
    result = Tuned(plan, len(space), tuple(steps), episodes=episodes, rows=table)
    files.write(out / NAME, msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    return result


def _space(plan: TunePlan, where: str, log: Log) -> list[Pipeline]:
    """Return the space of a plan, and tell what in it has no effect."""
    notes: list[str] = []
    space = space_of(plan, where, notes)
    for line in dict.fromkeys(notes):
        log.say(f"{where}: {line}")
    return space


def _claim(plan: TunePlan, out: Path) -> None:
    """Write the plan into a folder, or raise InputError if it has runs of another."""
    place, content = out / PLAN, msgspec.json.encode(plan) + b"\n"
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file: use another `out`")
    began = any((out / kind).exists() for kind in (TRIALS, HELD_OUT, BESIDE))
    if began and not (place.exists() and place.read_bytes() == content):
        raise InputError(f"{out} has a search of another plan: use another `out`")
    if not place.exists() and out.exists() and any(out.iterdir()):
        raise InputError(f"{out} is not empty, and no search: use another `out`")
    out.mkdir(parents=True, exist_ok=True)
    files.write(place, content)
