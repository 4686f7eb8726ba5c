"""A peer: how each measure is taken of it, as somebody who knows it well would have it run."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from tests.benchmarks.peers.samples import Samples

AT_ONCE = 100
PATIENCE = 5  # seconds for one attempt, where faults are
ATTEMPTS = 10
Words = Sequence[object]


@dataclass(frozen=True)
class Work:
    """Samples to be asked of a server, and the folder for what is kept of it."""

    url: str
    samples: Samples
    folder: Path


class Peer(Protocol):
    """Something that asks a server for an answer to every sample.

    Attributes:
        settings: what it is told, by measure.
    """

    name: str
    settings: Mapping[str, str]

    def version(self) -> str:
        """Of what, and which."""
        ...

    def start(self) -> Words:
        """What does nothing but start."""
        ...

    def lean(self, work: Work) -> Words:
        """The run that takes least."""
        ...


@runtime_checkable
class Keeper(Peer, Protocol):
    """One that keeps what it was told, and goes on after it was stopped."""

    def safe(self, work: Work) -> Words:
        """The run that loses least when it is killed."""
        ...

    def again(self, work: Work) -> Words:
        """Its own way to go on with a `safe` run."""
        ...

    def plain(self, work: Work) -> Words:
        """A run with its defaults and a time limit for each attempt."""
        ...

    def patient(self, work: Work) -> Words:
        """The run that bears most."""
        ...

    def log(self, work: Work) -> Path:
        """The file that holds the samples."""
        ...

    def answers(self, work: Work) -> int:
        """How many samples ended with an answer, by its own account."""
        ...


def environment(variable: str, folder: str) -> Path:
    """The Python of a peer: as the variable says, else where `make bench-peers` puts it."""
    python = Path(os.environ.get(variable) or Path(".venv/peers") / folder / "bin/python")
    if not python.exists():
        raise SystemExit(
            f"{python} is not there: `make bench-peers` makes it, or let {variable} name the"
            f" Python of an environment with {folder}"
        )
    return python.absolute()


def read_by(python: Path, program: str, *words: object) -> str:
    """What a program prints, run by a peer's Python."""
    command = [str(python), "-c", program, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()
