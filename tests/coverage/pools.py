"""Fresh seeds of our own generators, answered by floors: what boards are drawn from.

A pool has the graded episodes of 1,000 or more seeds, one index each. A board is drawn from it by
whole clusters (a seed and index, at every level), so that what levels share is kept, and the truth
is the mean over the pool: no curve is fitted, and no law is assumed.
"""

import gzip
import sys
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from msgspec.structs import replace

from harness.digests import digest
from harness.families.family import Family, Policy
from harness.families.registry import family
from harness.suites import suite as suites
from harness.suites.suite import SuiteEntry
from tasks.base import (
    Ask,
    CallTools,
    Instance,
    Outcome,
    Outside,
    Record,
    Reply,
    Scalar,
    Tell,
    ToolResult,
)
from tasks.ids import instance_id
from tasks.play import play
from tasks.prompts import Prompts, installed
from tasks.tools_clock import arguments_of

SEEDS = 1000
FIRST = 5_000_000  # of the seeds: far from every suite's
FOLDER = Path("results/runs/coverage")
Cluster = tuple[Record, ...]


@dataclass(frozen=True)
class Source:
    """What a pool is of: the entries of a suite with these settings, and the policies that answer.

    Attributes:
        period: indices that are so far apart are alike: what the index decides, such as the cell
            of a grid, is no matter of chance, and a board draws its index k from those.
        solved: whether the solver runs; without gaps nothing needs it.
        seeds: of a pool at most, where instances are dear.
    """

    suite: str
    family: str
    policies: tuple[str, ...]
    period: int = 1
    solved: bool = True
    only: tuple[tuple[str, Scalar], ...] = ()
    seeds: int = SEEDS

    @property
    def entries(self) -> tuple[SuiteEntry, ...]:
        """The entries of the suite that belong to one board row."""
        everyone = [e for e in suites.load(self.suite).entry if e.family == self.family]
        return tuple(e for e in everyone if all(e.settings.get(k) == v for k, v in self.only))

    @property
    def count(self) -> int:
        """How many instances the suite has of each entry."""
        return min(entry.count or 0 for entry in self.entries)


@dataclass(frozen=True)
class Pool:
    """The episodes of each policy, by cluster; the place of a cluster is its index by `period`."""

    source: Source
    clusters: dict[str, list[Cluster]]

    def board(self, policy: str, count: int, rng: Random) -> list[Record]:
        """The records of a row on a suite of `count` indices, drawn with replacement."""
        period, everyone = self.source.period, self.clusters[policy]
        drawn = []
        for index in range(count):
            alike = (len(everyone) - index % period + period - 1) // period
            cluster = everyone[index % period + period * rng.randrange(alike)]
            drawn += [renamed(record, index) for record in cluster]
        return drawn

    def everyone(self, policy: str, count: int) -> list[Record]:
        """The records whose mean is the truth: for each index all that it may be."""
        period, clusters = self.source.period, self.clusters[policy]
        alike = [clusters[index % period :: period] for index in range(count)]
        whole = [cluster for group in alike for cluster in group[: min(map(len, alike))]]
        return [renamed(r, index) for index, cluster in enumerate(whole) for r in cluster]


def renamed(record: Record, index: int) -> Record:
    """The record as of seed 0 and another index."""
    apart = "-k" in record.instance
    name = instance_id(record.family, record.level, 0, index, 0, record.settings, apart=apart)
    return replace(record, instance=name)


def pool(source: Source, seeds: int = SEEDS, folder: Path | None = FOLDER) -> Pool:
    """The pool of a source: read from the folder, or made and written there."""
    version, seeds = family(source.family).version, min(seeds, source.seeds)
    mark = digest([source.entries, source.policies, source.period, version, seeds])
    path = folder and folder / f"{source.suite}-{mark}.json.gz"
    if path and path.exists():
        with gzip.open(path) as file:
            clusters = msgspec.json.decode(file.read(), type=dict[str, list[Cluster]])
        return Pool(source, clusters)
    made = Pool(source, _made(source, seeds))
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        with gzip.open(partial, "wb", compresslevel=3) as file:
            file.write(msgspec.json.encode(made.clusters))
        partial.replace(path)
    return made


def _made(source: Source, seeds: int) -> dict[str, list[Cluster]]:
    """Each policy's clusters; the k-th is of seed FIRST + k, and its index goes round by period."""
    prompts, one = installed(), family(source.family)
    headline = suites.load(source.suite).headline or ""
    clusters: dict[str, list[Cluster]] = {name: [] for name in source.policies}
    for k in range(seeds):
        if k % 100 == 0:
            print(f"{source.suite}: pool of seeds, {k} of {seeds}", file=sys.stderr, flush=True)
        instances = [
            one.generate(e.level, FIRST + k, k % source.period, e.settings, reference=source.solved)
            for e in source.entries
        ]
        for name in source.policies:
            clusters[name].append(
                tuple(_record(one, instance, name, prompts, headline) for instance in instances)
            )
    return clusters


def _record(
    one: Family[Any], instance: Instance[Any], name: str, prompts: Prompts, headline: str = ""
) -> Record:
    outcome = answered(one, instance, one.policies[name], prompts)
    grade = replace(one.grade(instance, outcome), violations=())
    if headline:
        score = one.headlines[headline](grade)
        assert score is not None
        grade = replace(grade, score=score)
    return Record(
        instance=instance.id,
        family=instance.family,
        level=instance.level,
        settings=instance.settings,
        model=f"policy/{name}",
        agent="direct",
        memory="none",
        epoch=0,
        grade=grade,
        problem=None,
        calls=1,
        attempts=1,
        input_tokens=0,
        output_tokens=0,
        cost=0.0,
        seconds=0.0,
    )


def answered(
    one: Family[Any], instance: Instance[Any], policy: Policy, prompts: Prompts
) -> Outcome:
    """Play an episode of a policy: what its world hands to the grader."""
    world = one.world(instance, prompts)
    tools = one.tools.world(instance.payload) if one.tools else None

    def perform(effect: Outside) -> Reply | tuple[ToolResult, ...] | None:
        if isinstance(effect, Ask):
            calls = policy.calls(effect.view)
            text = "" if calls else msgspec.json.encode(policy.answer(effect.view)).decode()
            return Reply(text, calls, "tool_calls" if calls else "stop")
        if isinstance(effect, CallTools) and tools:
            return tools.turn([(call.name, arguments_of(call)) for call in effect.calls])
        assert isinstance(effect, Tell)
        return None

    return play(world, perform)
