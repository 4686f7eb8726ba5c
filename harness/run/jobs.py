"""The episodes of a run as jobs, and the shard that each belongs to."""

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from harness.store.journal import key_of
from harness.suites.instances import InstanceLine
from tasks.base import Instance


@dataclass(frozen=True)
class EpisodeJob:
    """An episode to be run: an instance, a model, an epoch."""

    line: InstanceLine
    model: str
    epoch: int

    @cached_property
    def key(self) -> str:
        """Its name in the journal."""
        return key_of(self.model, self.epoch, self.line.id)

    @property
    def instance(self) -> Instance[Any]:
        """Read when it is first wanted: a resumed run reads only what is open."""
        return self.line.instance


def in_shard(key: str, shard: tuple[int, int] | None) -> bool:
    """Return whether an episode belongs to part i of n, by a hash of its name."""
    if shard is None:
        return True
    number = int.from_bytes(sha256(key.encode()).digest()[:8])
    return number % shard[1] == shard[0] - 1
