"""Generates workloads of equal pressure: arrivals so dense that a random order costs about 2.

At a load that is fixed instead, a random order costs 1.02 on one instance and 2.2 on the next, and
skill between it and the bound is noise.
"""

from collections.abc import Mapping
from functools import cache, partial
from math import exp
from random import Random
from statistics import fmean
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from generators.base import plain_settings, settings_as
from generators.pressure import TRIES, RandomCosts, Ranks, orders_that_count, sooner, step_with_room
from generators.serving_regimes import LINK, REGIMES, Regime
from graders.exact.serving import reference as solved
from graders.exact.serving_kernel import Runs, runs_of
from graders.exact.serving_rules import random_orders
from tasks.base import InputError, Instance, Noun, Reference, Scalar
from tasks.ids import instance_id
from tasks.serving import VERSION
from tasks.serving_payload import ServerSpec, Service

Fields = dict[str, Any]


class ServingSettings(Noun, frozen=True):
    """The dials of a workload.

    Attributes:
        regime: the kind of jobs and servers.
        pressure: the mean cost of a job in a random order, by which arrivals are set.
        hint: what a scheduler is told of the tokens that a call will make: a guess, wrong by half;
            the number; or nothing.
        memory: of a server, in per cent of the regime's.
    """

    regime: Literal[
        "few", "reason", "chat", "mixed", "agents", "tenants", "workflow", "moe", "pd"
    ] = "few"
    pressure: Annotated[float, Meta(ge=1.2, le=5)] = 2.0
    hint: Literal["guess", "exact", "none"] = "guess"
    memory: Annotated[int, Meta(ge=50, le=400)] = 100


def resolve(level: int, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return all settings, with their defaults, in one spelling.

    Args:
        level: the number of jobs.
        settings: those that are given; see `ServingSettings`.

    Raises:
        InputError: the level or a setting is wrong.
    """
    typed = settings_as(ServingSettings, "serving", settings)
    regime = REGIMES[typed.regime]
    if not regime.least <= level <= regime.most:
        raise InputError(
            f"level {level}: a workload of regime={typed.regime} has {regime.least} to"
            f" {regime.most} jobs"
        )
    if not 1.2 <= typed.pressure <= 5:
        raise InputError(f"settings of serving: pressure: {typed.pressure} is not from 1.2 to 5")
    return plain_settings(typed)


def generate(
    level: int, seed: int, index: int, settings: Mapping[str, Scalar], *, reference: bool = True
) -> Instance[Service]:
    """Return a workload whose arrivals are set by its pressure.

    Args:
        level: the number of jobs.
        seed: of all streams.
        index: the number of the instance, from 0.
        settings: those that are given; see `ServingSettings`.
        reference: whether good runs are searched; the bound is there without.

    Raises:
        InputError: the level or a setting is wrong, or no workload leaves anything to plan.
    """
    resolved = resolve(level, settings)
    typed = msgspec.convert(resolved, ServingSettings)
    service = _under_pressure(level, f"{seed}/{index}/{level}", typed)
    return Instance(
        id=instance_id("serving", level, seed, index, VERSION, resolved, apart=True),
        family="serving",
        level=level,
        seed=seed,
        index=index,
        settings=resolved,
        version=VERSION,
        payload=service,
        reference=solved(service, search=reference),
    )


def solve(service: Service, /, *, seconds: float | None = None) -> Reference:
    """Return the best of a portfolio of runs, and the bound; see `graders.exact.serving`."""
    del seconds
    return solved(service)


def _under_pressure(level: int, place: str, settings: ServingSettings) -> Service:
    """Draw workloads until one can be put under the pressure that is asked for."""
    orders = random_orders(level, orders_that_count(level))
    for number in range(TRIES):
        draw = f"{place}/{number}"
        case, runs = _without_hints(level, draw, settings)
        costs = RandomCosts(partial(_mean_cost, runs), orders)
        step = step_with_room(costs, level, settings.pressure)
        if step is not None:
            case = hinted(case, settings.hint, _stream(draw, "hints"))
            return msgspec.convert(denser(case, step), Service)
    raise InputError(
        f"level {level}: no order of regime={settings.regime} matters: give more jobs, or less"
        " memory"
    )


def _mean_cost(runs: Runs, ranks: Ranks, share: int) -> float:
    return runs.cost(ranks, share) / len(ranks) / 1000


def denser(case: Fields, step: int) -> Fields:
    """Return a workload whose jobs come sooner after one another, 8 % for each step."""
    jobs = [{**job, "at": sooner(job["at"], step)} for job in case["jobs"]]
    return {**case, "jobs": jobs}


def at_leisure(level: int, place: str, settings: ServingSettings) -> Fields:
    """Return servers and jobs that come one by one: most end before the next comes.

    Args:
        level: the number of jobs.
        place: of the streams.
        settings: but the pressure.
    """
    case, _ = _without_hints(level, place, settings)
    return hinted(case, settings.hint, _stream(place, "hints"))


def hinted(case: Fields, hint: str, rng: Random) -> Fields:
    """Return a workload with a hint of each call: `guess`, wrong by half, `exact` or `none`."""

    def call(spec: Fields) -> Fields:
        guess = max(1, int(spec["output"] * exp(rng.gauss(0, 0.5))))
        return {**spec, "hint": {"exact": spec["output"], "guess": guess}.get(hint)}

    def stage(spec: Fields) -> Fields:
        return {**spec, "calls": list(map(call, spec["calls"]))}

    jobs = [{**job, "stages": list(map(stage, job["stages"]))} for job in case["jobs"]]
    return {**case, "jobs": jobs}


def _without_hints(level: int, place: str, settings: ServingSettings) -> tuple[Fields, Runs]:
    """Return a workload at leisure, but for its hints, and its runs."""
    regime, rng = REGIMES[settings.regime], _stream(place, "jobs")
    memory = regime.memory * settings.memory // 100
    jobs = [{**regime.job(rng), "id": f"J{number + 1:03d}"} for number in range(level)]
    case: Fields = {
        "servers": list(map(dict, _servers(settings.regime, memory))),
        "jobs": jobs,
        "link": LINK if settings.regime == "pd" else 0,
    }
    runs = runs_of(case)
    alone = runs.alone()
    if any(job["ttft"] is None for job in jobs):
        _set_limits(jobs, alone, regime, _stream(place, "limits"))
    _set_arrivals(jobs, fmean(alone), _stream(place, "arrivals"))
    return case, runs.at_other_times(case)


def _stream(place: str, part: str) -> Random:
    return Random(f"serving/{VERSION}/{place}/{part}")


@cache
def _servers(name: str, memory: int) -> list[Fields]:
    """Return the servers of a regime as a workload's JSON has them."""
    regime = REGIMES[name]
    specs = [{**regime.hardware, "memory": memory, **each} for each in regime.servers]
    servers: list[Fields] = msgspec.to_builtins(msgspec.convert(specs, list[ServerSpec]))
    return servers


def _set_limits(jobs: list[Fields], alone: list[int], regime: Regime, rng: Random) -> None:
    for job, time in zip(jobs, alone, strict=True):
        if job["ttft"] is None:
            job["deadline"] = int(time * rng.uniform(*regime.slack))


def _set_arrivals(jobs: list[Fields], mean: float, rng: Random) -> None:
    now = 0
    for job in jobs:
        job["at"] = now
        now += int(rng.expovariate(1) * mean)
