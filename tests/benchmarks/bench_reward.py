"""What trainers wait for: a reward of a text, and an instance that no solver has seen."""

from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from random import Random
from statistics import median, quantiles
from time import process_time
from typing import Any

import msgspec

import makespan
from graders import tardiness
from harness.families.registry import family
from harness.suites import suite as suites
from harness.suites.suite import SuiteEntry
from tasks.base import Fields, InputError, Instance
from tests.benchmarks.limits import USUAL, Limit, cpu_limit, yardstick

FAMILIES = ("rcpsp", "tardiness")  # those of one question
SEED = 1_000_000  # the first of training
INSTANCES, GROUP = 10, 8  # of each level of standard-1; answers to one of them, as trainers sample
LEVELS, TRAINED = range(1, 13), 30  # of training instances, and how many of each
RATE = "training instances a second and core at usual speed, levels to 12"
TRAINING = {  # a family of one question, and the least of them
    "rcpsp": 2000,
    "tardiness": 1000,
    "jobshop": 1000,
    "dag": 1000,
    "hoist": 1000,
    "allocation": 1000,
    "temporal": 1000,
    "placement": 1100,  # an instance of these is searched for what there is to gain
    "vms": 1200,  # a cluster filled and emptied
    "pods": 1350,
    "feasibility": 1000,  # a pair of projects, one of which is proven to have no schedule
    "fair-queue": 2000,  # orders of jobs are run
    "serving": 1200,
}


def answers(instance: Instance[Any]) -> list[str]:
    """Replies to an instance: those of a rule, with ever more of it changed."""
    policy = {"rcpsp": "sgs-lft-disjunctions", "tardiness": "edd"}[instance.family]
    answer = family(instance.family).policies[policy].answer(instance)
    rng = Random(f"bench/{instance.id}")
    replies = [msgspec.json.encode(_changed(answer, k, rng)).decode() for k in range(GROUP)]
    return [f"Let me think. The answer is:\n```json\n{reply}\n```" for reply in replies]


def _changed(answer: Fields, count: int, rng: Random) -> Fields:
    [(key, value)] = answer.items()
    if isinstance(value, dict):
        changed = {
            name: rng.randrange(50) for name in rng.sample(sorted(value), min(count, 5, len(value)))
        }
        return {key: value | changed}
    order = list(value)
    for _ in range(count):
        a, b = rng.randrange(len(order)), rng.randrange(len(order))
        order[a], order[b] = order[b], order[a]
    return {key: order}


def reward_times(entry: SuiteEntry, *, solved: bool) -> Iterator[float]:
    """CPU seconds of each reward, from the text; the first of an instance finds nothing cached."""
    one = family(entry.family)
    for index in range(INSTANCES):
        instance = one.generate(entry.level, SEED, index, entry.settings, reference=solved)
        for text in answers(instance):
            began = process_time()
            one.reward(instance, one.grade(instance, one.read(None, text)))
            yield process_time() - began


def rewards(*, solved: bool) -> Limit:
    """The 95th percentile over all standard levels, and one line for each of them."""
    what = "with" if solved else "without"
    entries = [e for e in suites.load("standard-1").entry if e.family in FAMILIES]
    times: list[float] = []
    for entry in entries:
        tardiness.yardsticks.cache_clear()
        level = sorted(reward_times(entry, solved=solved))
        times += level
        print(
            f"reward {what} references, {entry.family} {entry.level}:"
            f" median {1e3 * median(level):.3f} ms, p95 {1e3 * quantiles(level, n=20)[-1]:.3f},"
            f" most {1e3 * level[-1]:.3f}"
        )
    slow = quantiles(times, n=20)[-1]
    return cpu_limit(f"a reward {what} references, one question, p95", slow, 1, scale=1e3)


def training_rate(name: str) -> float:
    """Return how many instances a second and core a curriculum through all levels gets.

    Of the machine on which limits were set, whose speed is measured before each level: it changes
    within seconds. Each level's rate is printed.
    """
    rates, levels = dict[int, float](), levels_of(name)
    makespan.batch(name, levels[-1], 1, start=10**6)  # what is loaded once
    if name == "feasibility":  # and what few of its instances need
        import_module("ortools.sat.python.cp_model")
    for level in levels:
        factor = yardstick() / USUAL
        began = process_time()
        makespan.batch(name, level, TRAINED)
        rates[level] = factor * TRAINED / (process_time() - began)
    print(name, "training instances a second:", {level: round(r) for level, r in rates.items()})
    return len(rates) / sum(1 / rate for rate in rates.values())


def levels_of(name: str) -> list[int]:
    """Return the levels up to 12 that a family has."""
    levels = []
    for level in LEVELS:
        with suppress(InputError):
            family(name).resolve(level, {})
            levels.append(level)
    return levels


def reward_rate(name: str) -> Limit:
    """Return how many answers to training instances are judged a second, at levels up to 12."""
    [first] = makespan.batch(name, LEVELS[-1], 1, start=10**6)
    makespan.reward(first, "what is loaded once")
    took, count = 0.0, 0
    for level in LEVELS[3::4]:
        for instance in makespan.batch(name, level, INSTANCES):
            texts = answers(instance)
            began = process_time()
            for text in texts:
                makespan.reward(instance, text)
            took, count = took + process_time() - began, count + len(texts)
    rate = yardstick() / USUAL * count / took
    return Limit(f"{name}, rewards a second and core at usual speed", rate, 5000, least=True)


def main() -> list[Limit]:
    """Measure."""
    return [
        rewards(solved=True),
        rewards(solved=False),
        *(reward_rate(name) for name in FAMILIES),
        *(
            Limit(f"{name}, {RATE}", training_rate(name), least_rate, least=True)
            for name, least_rate in TRAINING.items()
        ),
    ]


if __name__ == "__main__":
    print(*main(), sep="\n")
