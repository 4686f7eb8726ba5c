"""The jobs of `flow`, checked when they are made."""

from collections.abc import Iterable
from typing import Literal

from tasks.base import Noun
from tasks.checks import check_unique


class StagedJob(Noun, frozen=True):
    """A job: when it comes, and the sizes of its operations in their order, in time units."""

    id: str
    release: int
    operations: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.release < 0:
            raise ValueError(f"job {self.id}: release {self.release} is negative")
        if not self.operations or min(self.operations) < 1:
            raise ValueError(f"job {self.id}: operations must be there, each of 1 or more")


class Flow(Noun, frozen=True):
    """The jobs of one machine, checked when they are made: a wrong one cannot be built.

    Attributes:
        jobs: ids unique; at some moment two are there at once, else there is nothing to decide.
        count: whether an agent is told how many operations of a job are to come.
        pause: time units for which the machine stands idle after a turn without a decision.
        history: what a turn shows, the state alone or the conversation so far.
    """

    jobs: tuple[StagedJob, ...]
    count: Literal["known", "hidden"] = "known"
    pause: int = 10
    history: Literal["state", "conversation"] = "state"

    def __post_init__(self) -> None:
        check_unique("jobs: id", (job.id for job in self.jobs))
        if self.pause < 1:
            raise ValueError(f"pause {self.pause} is below 1")
        if not has_choice(self.jobs):
            raise ValueError("jobs: no two are ever there at once, so nothing is to decide")


def has_choice(jobs: Iterable[StagedJob]) -> bool:
    """Return whether two jobs are ever there at once, whatever runs."""
    end = 0
    for release, size in sorted((job.release, sum(job.operations)) for job in jobs):
        if release < end:
            return True
        end = release + size
    return False
