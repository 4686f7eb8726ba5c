"""Skill and more of every policy in a regime of `serving`: `python -m tests.serving_table REGIME`.

`python -m tests.serving_table agents 50 8` does so on 8 instances of 50 jobs, seed 0, which is what
the tables of docs/serving.md have. A further number is the pressure; one more sets arrivals without
regard to it, 8 % denser with each step from 0, at which jobs come one by one. Intervals are at 95 %
over instances.
"""

import sys
from collections.abc import Sequence
from statistics import fmean

import msgspec

from generators.serving import ServingSettings, at_leisure, denser, generate
from graders.exact.serving import case_of, least_cost, random_cost, reference
from graders.exact.serving_measure import figures, job_costs, measures, quantile, simulate
from graders.exact.serving_server import RefusedPlan, Request
from graders.exact.serving_simulator import ServingRun
from graders.statistics import Estimate, mean_of, skill
from harness.families.serving import PLANS
from tasks.base import Instance, Scalar
from tasks.serving_payload import Service


def measured(instance: Instance[Service], run: ServingRun) -> dict[str, float]:
    """Skill, and what else is in a row, of one finished run."""
    service = instance.payload
    others = sorted((r.first or 0) - r.arrived for r in run.requests if r.user)
    chance, bound = random_cost(service), least_cost(service)
    return {
        "skill": skill(sum(job_costs(run)), bound, chance) if chance > bound else 1.0,
        **figures(measures(run)),
        "light_p50": quantile(others, 50) / 1e9 if others else 0.0,
        "token_ms": fmean(_per_token(request) for request in run.requests),
    }


def _per_token(request: Request) -> float:
    """Milliseconds a token after the first."""
    return ((request.done or 0) - (request.first or 0)) / max(1, request.out - 1) / 1e6


def row(name: str, instances: Sequence[Instance[Service]]) -> dict[str, Estimate]:
    """Means over instances of one policy; a run that is refused is told, and left out."""
    values: dict[str, list[float]] = {}
    for instance in instances:
        try:
            run = simulate(case_of(instance.payload), PLANS[name][1]())
        except RefusedPlan as error:
            print(f"{name} on {instance.id}: {error}", file=sys.stderr)
            continue
        for key, value in measured(instance, run).items():
            values.setdefault(key, []).append(value)
    return {key: mean_of(each) for key, each in values.items()}


def text(estimate: Estimate) -> str:
    """A mean with its interval."""
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"


def clairvoyant(instances: Sequence[Instance[Service]]) -> Estimate:
    """Mean skill of the best runs that are known, of those who know all lengths."""
    skills = []
    for each in instances:
        best, chance = reference(each.payload).objective, random_cost(each.payload)
        assert best is not None
        skills.append(skill(best, least_cost(each.payload), chance))
    return mean_of(skills)


def workloads(
    regime: str, jobs: int, count: int, pressure: float, step: int
) -> list[Instance[Service]]:
    """Instances of a pressure; with a step, of that density of arrivals whatever an order costs."""
    settings: dict[str, Scalar] = {"regime": regime, "pressure": pressure}
    if not step:
        return [generate(jobs, 0, k, settings, reference=False) for k in range(count)]
    dials = msgspec.convert(settings, ServingSettings)
    cases = [denser(at_leisure(jobs, f"table/{k}", dials), step) for k in range(count)]
    return [
        Instance(
            f"table-{k}", "serving", jobs, None, k, settings, 1, msgspec.convert(case, Service)
        )
        for k, case in enumerate(cases)
    ]


def main(regime: str, jobs: int = 150, count: int = 8, pressure: float = 2, step: int = 0) -> None:
    """Print the table of a regime."""
    instances = workloads(regime, jobs, count, pressure, step)
    chance = fmean(random_cost(each.payload) / 1000 / jobs for each in instances)
    print(f"{regime}: {count} instances of {jobs} jobs, a random order costs {chance:.2f} a job")
    for name in PLANS:
        cells = row(name, instances)
        print(f"{name} |", " | ".join(f"{key} {text(each)}" for key, each in cells.items()))
    print(f"portfolio | skill {text(clairvoyant(instances))}")


if __name__ == "__main__":
    words = sys.argv[1:]
    kinds = (int, int, float, int)
    main(words[0], *(kind(word) for kind, word in zip(kinds, words[1:], strict=False)))
