"""Families of problems, and their instances: made, solved, read and written."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import count as naturals
from pathlib import Path
from typing import Any, TypeAlias

from harness import files
from harness.families.registry import FAMILIES
from harness.families.registry import family as family
from harness.garbage import uncollected
from harness.suites import instances
from tasks.base import InputError, Instance, Reference, Scalar

TRAINING = 1_000_000  # the first seed of training: evaluation has the seeds below
TOGETHER = 100  # instances of a batch between two searches for cycles of garbage, which are few
NO_SETTINGS: Mapping[str, Scalar] = {}

Level: TypeAlias = int | Sequence[int] | Callable[[int], int]


def families() -> list[str]:
    """Return the names of all families, those of other distributions last."""
    return list(FAMILIES)


def generate(
    name: str,
    level: int,
    count: int = 1,
    *,
    seed: int = 0,
    settings: Mapping[str, Scalar] = NO_SETTINGS,
    reference: bool = True,
) -> list[Instance[Any]]:
    """Generate instances 0 to `count` - 1 of a family at one level; the same ones everywhere.

    Args:
        name: of the family.
        level: of difficulty, as the family defines it.
        count: how many.
        seed: below 1,000,000 for evaluation; `stream` has those above.
        settings: of the family, see its page; those that are not given have their defaults.
        reference: whether a solver may run. Without it an instance has only what its generator
            knows, and is made in milliseconds.

    Raises:
        InputError: there is no such family, level or setting.
    """
    declared = family(name)
    resolved = declared.resolve(level, settings)
    return [
        declared.generate(level, seed, index, resolved, reference=reference)
        for index in range(count)
    ]


def stream(
    name: str,
    level: Level,
    *,
    seed: int = 0,
    settings: Mapping[str, Scalar] = NO_SETTINGS,
    reference: bool = False,
) -> Iterator[Instance[Any]]:
    """Generate instances to train on, without end: none of them is used to evaluate.

    Args:
        name: of the family.
        level: one level; several, taken in turn; or a function of the number of the instance, asked
            when that is made, so that a curriculum can rise with what has been learned.
        seed: 0, 1, ...: another stream; it stands for the seed 1,000,000 + `seed`.
        settings: of the family; those that are not given have their defaults.
        reference: whether a solver may run.

    Raises:
        InputError: there is no such family, level or setting, or the seed is negative.
    """
    declared = family(name)
    if seed < 0:
        raise InputError(f"`seed` {seed} is negative: streams begin at 0")
    for index in naturals():
        now = _level(level, index)
        resolved = declared.resolve(now, settings)
        yield declared.generate(now, TRAINING + seed, index, resolved, reference=reference)


def batch(
    name: str,
    level: Level,
    count: int,
    *,
    start: int = 0,
    seed: int = 0,
    settings: Mapping[str, Scalar] = NO_SETTINGS,
) -> list[Instance[Any]]:
    """Generate a part of a stream at once: the instances that `stream` has, without a solver.

    Parts do not depend on each other, so that several processes can make one each.

    Args:
        name: of the family.
        level: as `stream` has it.
        count: how many.
        start: the number of the first of them in its stream.
        seed: of the stream.
        settings: of the family; those that are not given have their defaults.

    Raises:
        InputError: there is no such family, level or setting, or a number is negative.
    """
    for what, number in (("count", count), ("start", start), ("seed", seed)):
        if number < 0:
            raise InputError(f"`{what}` {number} is negative")
    declared = family(name)

    @cache
    def resolved(now: int) -> Mapping[str, Scalar]:
        return declared.resolve(now, settings)

    def drawn(index: int) -> Instance[Any]:
        now = _level(level, index)
        return declared.generate(now, TRAINING + seed, index, resolved(now), reference=False)

    batched, end = list[Instance[Any]](), start + count
    for first in range(start, end, TOGETHER):
        with uncollected():
            batched += map(drawn, range(first, min(first + TOGETHER, end)))
    return batched


def _level(level: Level, index: int) -> int:
    if callable(level):
        return level(index)
    return level if isinstance(level, int) else level[index % len(level)]


def solve(instance: Instance[Any], *, seconds: float | None = None) -> Reference:
    """Find what can be known of an instance's optimum.

    Args:
        instance: of any origin.
        seconds: the most wall time; None is the family's default, which is repeatable.

    Returns:
        A proven optimum, or an honest bound and the best answer; its `status` says which.
    """
    return family(instance.family).solve(instance.payload, seconds=seconds)


def read(path: str | Path) -> list[Instance[Any]]:
    """Read the instances of a file of JSON lines.

    Raises:
        InputError: says which line and what is wrong.
    """
    return instances.read(Path(path))


def write(path: str | Path, problems: Iterable[Instance[Any]]) -> None:
    """Write instances to a file of JSON lines, which appears when it is whole."""
    files.write_lines(Path(path), map(instances.encode, problems))
