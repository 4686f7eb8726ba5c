"""Generates workloads of equal pressure: arrivals so dense that a random order costs about 2.

At a load that is fixed instead, a random order costs 1.02 on one instance and 2.2 on the next, and
skill between it and the bound is noise.
"""

from collections.abc import Mapping
from random import Random
from statistics import fmean
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from generators.base import plain_settings, settings_as
from generators.serving_regimes import LINK, REGIMES, CallMaker, Regime
from graders.exact.serving import FEW, ORDERS_OF_FEW
from graders.exact.serving import reference as solved
from graders.exact.serving_measure import flow_time, job_costs, simulate
from graders.exact.serving_rules import chunked, random_order
from tasks.base import InputError, Instance, Noun, Reference, Scalar
from tasks.ids import instance_id
from tasks.serving import VERSION
from tasks.serving_payload import Service

Fields = dict[str, Any]
STEPS, RATIO = 96, 0.92  # of the mean time between arrivals, from the mean time of a job alone
LEAST = 1.1  # of the cost of a random order: below it there is nothing to plan
ROOM = 0.2  # of skill between random orders and the best of them, where jobs are few
TRIES = 400  # draws of a workload that has as much


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
    for number in range(TRIES):
        case = at_leisure(level, f"{place}/{number}", settings)
        case = denser(case, _step_of(case, settings.pressure))
        if _leaves_room(case, min(LEAST, settings.pressure)):
            return msgspec.convert(case, Service)
    raise InputError(
        f"level {level}: no order of regime={settings.regime} matters: give more jobs, or less"
        " memory"
    )


def _step_of(case: Fields, pressure: float) -> int:
    """Return the first step at which a random order costs as much, or the last."""
    low, high = 0, STEPS
    while low < high:
        middle = (low + high) // 2
        if _pressure(denser(case, middle)) < pressure:
            low = middle + 1
        else:
            high = middle
    return low


def _leaves_room(case: Fields, least: float) -> bool:
    """Return whether random orders cost enough, and one of few jobs clearly less than others."""
    jobs = len(case["jobs"])
    orders = ORDERS_OF_FEW if jobs <= FEW else 2
    runs = (simulate(case, random_order(jobs, str(number))) for number in range(orders))
    costs = [fmean(job_costs(run)) / 1000 for run in runs]
    if fmean(costs) < least:
        return False
    return jobs > FEW or fmean(costs) - min(costs) >= ROOM * (fmean(costs) - 1)


def _pressure(case: Fields) -> float:
    """Return the mean cost of a job in two random orders, 1 or more."""
    runs = (simulate(case, random_order(len(case["jobs"]), str(number))) for number in range(2))
    return fmean(fmean(job_costs(run)) / 1000 for run in runs)


def denser(case: Fields, step: int) -> Fields:
    """Return a workload whose jobs come sooner after one another, 8 % for each step."""
    share = round(RATIO**step * 1_000_000)
    jobs = [{**job, "at": job["at"] * share // 1_000_000} for job in case["jobs"]]
    return {**case, "jobs": jobs}


def at_leisure(level: int, place: str, settings: ServingSettings) -> Fields:
    """Return servers and jobs that come one by one: most end before the next comes.

    Args:
        level: the number of jobs.
        place: of the streams.
        settings: but the pressure.
    """
    regime = REGIMES[settings.regime]
    rng = _stream(place, "jobs")
    call = CallMaker(_stream(place, "hints"), settings.hint)
    memory = regime.memory * settings.memory // 100
    case: Fields = {
        "servers": [{**regime.hardware, "memory": memory, **each} for each in regime.servers],
        "jobs": [regime.job(rng, call) for _ in range(level)],
        "link": LINK if settings.regime == "pd" else 0,
    }
    case = _as_simulated(case)
    alone = [_alone(case, job) for job in case["jobs"]]
    _set_limits(case, alone, regime, _stream(place, "limits"))
    _set_arrivals(case, fmean(alone), _stream(place, "arrivals"))
    return case


def _stream(place: str, part: str) -> Random:
    return Random(f"serving/{VERSION}/{place}/{part}")


def _as_simulated(case: Fields) -> Fields:
    """Return a workload with all its defaults; a job without limits has a deadline of 1 ns."""
    for number, job in enumerate(case["jobs"]):
        job |= {"id": f"J{number + 1:03d}", "at": 0}
        if "ttft" not in job:
            job["deadline"] = 1
    service = msgspec.convert(case, Service)
    builtins: Fields = msgspec.to_builtins(service)
    return builtins


def _alone(case: Fields, job: Fields) -> int:
    """Return the ns that a job takes alone on empty servers, its prompts read whole."""
    run = simulate({**case, "jobs": [{**job, "at": 0}]}, chunked(1 << 31))
    return flow_time(run, 0)


def _set_limits(case: Fields, alone: list[int], regime: Regime, rng: Random) -> None:
    for job, time in zip(case["jobs"], alone, strict=True):
        if job["ttft"] is None:
            job["deadline"] = int(time * rng.uniform(*regime.slack))


def _set_arrivals(case: Fields, mean: float, rng: Random) -> None:
    now = 0
    for job in case["jobs"]:
        job["at"] = now
        now += int(rng.expovariate(1) * mean)
