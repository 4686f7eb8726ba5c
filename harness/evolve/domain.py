"""Domains: what programs of a kind are asked to do, and how they are judged. A domain is one file.

A file `domains/NAME.py` defines `DOMAIN`; its name on the command line has hyphens. Another
distribution may bring a domain by an entry point of the group `makespan.domains`. A program of
the domain defines one function. Beside it, in the sandbox, runs the domain's driver, which calls
it; what the driver returns is a claim that the family's grader checks out here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from msgspec.structs import replace

from harness.digests import digest as short_digest
from harness.families.family import Generate
from harness.families.registry import family
from harness.sandbox.base import Limits
from harness.suites.instances import InstanceSpec, digest, encode, make
from harness.suites.suite import Suite, SuiteEntry
from tasks.base import Fields, Grade, InputError, Instance, Outcome, Scalar

SEARCHED = ("train", "validation")  # the splits that a search sees

TEST = "test"  # the split of the verdict


class WrongSolution(Exception):
    """An error about a value that does not have the form of a solution; `kind` names the fault."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind, self.detail = kind, detail


@dataclass(frozen=True)
class Twin:
    """A case that is another one until a moment, and differs only after it.

    Attributes:
        case: what a program may see of it, as JSON. Its driver may end at the moment: what comes
            after it is not looked at.
        decisions: what of a solution was decided before the moment, of the case and of its twin
            alike; whatever the solution is, it raises nothing.
    """

    case: Any
    decisions: Callable[[Any], Any]


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
        splits: the instances by split: `train` and `validation`, which a search sees, `test`, and
            others that are reported beside it. Seeds differ, so they share none.
        case: what a program may see of an instance, as JSON.
        answer: the family's answer from an instance and a solution; `WrongSolution` if there is
            none in it.
        chance: the mean objective of random answers: the zero of skill, and what a failure costs.
        generate, resolve, grade: in place of the family's own; None for these.
        version: of a `generate` of its own; None for the family's.
        twin: of an online domain, whose cases hold what a program may not know yet: the twin of an
            instance and a program's solution, or None where there is nothing to tell apart, as
            where the solution is none. Every program is run on it too, and one that decides
            otherwise before the moment fails with the kind `foresight`. None where nothing is
            hidden.
        output_bytes: the most that a run of a program may return, and print.
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
    generate: Generate[Any] | None = None
    resolve: Callable[[int, Mapping[str, Scalar]], dict[str, Scalar]] | None = None
    grade: Callable[[Instance[Any], Outcome], Grade] | None = None
    version: int | None = None
    twin: Callable[[Instance[Any], Any], Twin | None] | None = None
    output_bytes: int = Limits().output_bytes

    def __post_init__(self) -> None:
        if tuple(self.splits)[:3] != (*SEARCHED, TEST):
            raise ValueError(
                f"domain {self.name}: splits begin with {', '.join((*SEARCHED, TEST))}, in this"
                " order"
            )
        if (self.generate is None) != (self.version is None):
            raise ValueError(f"domain {self.name}: a generate of its own has a version of its own")
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
                self.version or family(self.family).version,
            ]
        )

    @property
    def reported(self) -> tuple[str, ...]:
        """Return the splits that are seen once, when the champion is chosen."""
        return tuple(self.splits)[len(SEARCHED) :]

    def make(self, spec: InstanceSpec) -> bytes:
        """Generate one of its instances as a line; the same bytes in every process."""
        if self.generate is None:
            return make(spec)
        return encode(self.generate(spec.level, spec.seed, spec.index, spec.settings))

    def judge(self, instance: Instance[Any], outcome: Outcome) -> Grade:
        """Return the grade of an outcome, by its own grader or the family's."""
        return (self.grade or family(self.family).grade)(instance, outcome)

    def specs(self, split: str, limit: int | None) -> list[InstanceSpec]:
        """Return the instances of a split, settings resolved.

        Each has an index of its own: instances of one index share ingredients over settings, and
        would not be independent.

        Args:
            split: one of its splits.
            limit: the first so many; None for all.

        Raises:
            InputError: if there is no such split.
        """
        if split not in self.splits:
            raise InputError(f"no split {split!r}: there are {', '.join(self.splits)}")
        resolve = self.resolve or family(self.family).resolve
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
