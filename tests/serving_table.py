"""Skill and more of every policy in a regime of `serving`: `python -m tests.serving_table REGIME`.

`python -m tests.serving_table agents 50 8` does so on 8 instances of 50 jobs, seed 0, which is what
the tables of docs/serving.md have; intervals are at 95 % over instances.
"""

import sys
from collections.abc import Sequence
from statistics import fmean

from generators.serving import generate
from graders.exact.serving import case_of, least_cost, random_cost
from graders.exact.serving_measure import figures, job_costs, quantile, simulate
from graders.exact.serving_server import RefusedPlan
from graders.exact.serving_simulator import ServingRun
from graders.statistics import Estimate, mean_of, skill
from harness.families.serving import PLANS
from tasks.base import Instance
from tasks.serving_payload import Service


def measured(instance: Instance[Service], run: ServingRun) -> dict[str, float]:
    """Skill, and what else is in a row, of one finished run."""
    service = instance.payload
    others = sorted((r.first or 0) - r.arrived for r in run.requests if r.user)
    chance, bound = random_cost(service), least_cost(service)
    return {
        "skill": skill(sum(job_costs(run)), bound, chance),
        **figures(run),
        "light_p50": quantile(others, 50) / 1e9 if others else 0.0,
    }


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


def main(regime: str, jobs: int = 150, count: int = 8) -> None:
    """Print the table of a regime."""
    settings = {"regime": regime}
    instances = [generate(jobs, 0, k, settings, reference=False) for k in range(count)]
    chance = fmean(random_cost(each.payload) / 1000 / jobs for each in instances)
    print(f"{regime}: {count} instances of {jobs} jobs, a random order costs {chance:.2f} a job")
    for name in PLANS:
        cells = row(name, instances)
        print(f"{name} |", " | ".join(f"{key} {text(each)}" for key, each in cells.items()))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
