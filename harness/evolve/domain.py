"""Domains: what programs of a kind are asked to do, and how they are judged. A domain is one file.

A file `domains/NAME.py` defines `DOMAIN`; its name on the command line has hyphens. A program of
the domain defines one function. Beside it, in the sandbox, runs the domain's driver, which calls
it; what the driver returns is a claim that the family's grader checks out here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from msgspec.structs import replace

from harness.digests import digest as short_digest
from harness.families.registry import family
from harness.suites.instances import InstanceSpec, digest, encode
from harness.suites.suite import Suite, SuiteEntry
from tasks.base import Fields, InputError, Instance, Scalar

SPLITS = ("train", "validation", "test", "larger", "cells")

REPORTED = SPLITS[2:]  # seen once, when the champion is chosen


class WrongSolution(Exception):
    """An error about a value that does not have the form of a solution; `kind` names the fault."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind, self.detail = kind, detail


@dataclass(frozen=True)
class Domain:
    """A kind of program.

    Attributes:
        name: on the command line.
        family: whose instances they are, and whose grader judges.
        description: one line for `makespan evolve`.
        function, arguments: what a program defines: `def function(arguments)`.
        facts: what the prompt says of the problem and the function.
        driver: source of `solve(function, case) -> solution`, run beside the program; the sandbox
            lends it `plain` and `number`, which refuse what is no JSON or no finite number. A
            solution `{"failure": kind, "detail": ...}` says that a rule of the domain was broken.
        programs: the seed programs by name, sources.
        rules: published rules by name, as policies of the family.
        splits: for each of `SPLITS` the instances; seeds differ, so they share none.
        case: what a program may see of an instance, as JSON.
        answer: the family's answer from an instance and a solution; `WrongSolution` if there is
            none in it.
        chance: the mean objective of random answers: the zero of skill, and what a failure costs.
    """

    name: str
    family: str
    description: str
    function: str
    arguments: tuple[str, ...]
    facts: str
    driver: str
    programs: Mapping[str, str]
    rules: Mapping[str, Callable[[Instance[Any]], Fields]]
    splits: Mapping[str, Suite]
    case: Callable[[Instance[Any]], Any]
    answer: Callable[[Instance[Any], Any], Fields]
    chance: Callable[[Instance[Any]], float]

    def __post_init__(self) -> None:
        if tuple(self.splits) != SPLITS:
            raise ValueError(f"domain {self.name}: splits are {', '.join(SPLITS)}, in this order")
        seeds = [suite.seed for suite in self.splits.values()]
        if len(set(seeds)) < len(seeds):
            raise ValueError(f"domain {self.name}: splits share instances: seeds {seeds}")
        if any(suite.size is None for suite in self.splits.values()):
            raise ValueError(f"domain {self.name}: a split has no size")

    @property
    def lock(self) -> str:
        """Return 12 hex digits that change with a program's task, its input and its ancestors."""
        return short_digest(
            [
                self.function,
                self.arguments,
                self.facts,
                self.driver,
                dict(self.programs),
                family(self.family).version,
            ]
        )

    def specs(self, split: str, limit: int | None) -> list[InstanceSpec]:
        """Return the instances of a split, settings resolved.

        Each has an index of its own: instances of one index share ingredients over settings, and
        would not be independent.

        Args:
            split: one of `SPLITS`.
            limit: the first so many; None for all.

        Raises:
            InputError: if there is no such split.
        """
        if split not in SPLITS:
            raise InputError(f"no split {split!r}: there are {', '.join(SPLITS)}")
        resolve = family(self.family).resolve
        entries = tuple(
            replace(e, settings=resolve(e.level, e.settings)) for e in self.splits[split].entry
        )
        specs = islice(replace(self.splits[split], entry=entries).instances(), limit)
        return [replace(spec, index=k) for k, spec in enumerate(specs)]


def entries(
    name: str, level: int, count: int, *settings: Mapping[str, Scalar]
) -> tuple[SuiteEntry, ...]:
    """Return `count` instances of a family in each of several settings."""
    return tuple(SuiteEntry(name, level, dict(each), count=count) for each in settings)


def content(instances: list[Instance[Any]]) -> str:
    """Return the digest of instances, references included."""
    return digest(map(encode, instances))
