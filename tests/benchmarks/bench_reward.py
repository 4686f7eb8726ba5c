"""What trainers wait for: a reward of a text, and an instance that no solver has seen."""

from collections.abc import Iterator
from random import Random
from statistics import median, quantiles
from time import process_time
from typing import Any

import msgspec

from graders import tardiness
from harness.families.registry import family
from harness.suites import suite as suites
from harness.suites.suite import SuiteEntry
from tasks.base import Fields, Instance
from tests.benchmarks.limits import Limit, cpu_limit

FAMILIES = ("rcpsp", "tardiness")  # those of one question
SEED = 1_000_000  # the first of training
INSTANCES, GROUP = 10, 8  # of each level of standard-1; answers to one of them, as trainers sample
LEVELS, TRAINED = range(1, 13), 30  # of training instances, and how many of each


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


def training_instances(name: str) -> Limit:
    """The median over the instances of a curriculum through all levels; each level's is printed."""
    one, times, medians = family(name), list[float](), {}
    for level in LEVELS:
        for index in range(TRAINED):
            began = process_time()
            one.generate(level, SEED, index, {}, reference=False)
            times.append(process_time() - began)
        medians[level] = 1e3 * median(times[-TRAINED:])
    print(name, "training instances:", {level: round(ms, 2) for level, ms in medians.items()})
    what = f"{name}, an instance for training, levels 1 to 12, median"
    return cpu_limit(what, median(times), 5, scale=1e3)


def main() -> list[Limit]:
    """Measure."""
    return [
        rewards(solved=True),
        rewards(solved=False),
        *(training_instances(name) for name in FAMILIES),
    ]


if __name__ == "__main__":
    print(*main(), sep="\n")
