"""The engine that an option names."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from harness.engines.base import Engine
from harness.engines.local import Local
from tasks.base import InputError


class EngineChoice(NamedTuple):
    """Where work is done that is heavy on CPU: the arguments of `open_engine`."""

    kind: str = "local"
    jobs: int | None = None
    address: str | None = None


HERE = EngineChoice()


@contextmanager
def open_engine(kind: str, jobs: int | None = None, address: str | None = None) -> Iterator[Engine]:
    """Yield the engine of a command's options, until the command is done.

    Args:
        kind: `local` or `ray`.
        jobs: processes of a local engine; None for one.
        address: HOST:PORT of a Ray cluster's head; None for a Ray of this machine.

    Raises:
        InputError: if the options do not fit together, or the cluster does not answer.
    """
    if kind == "local":
        if address is not None:
            raise InputError("`ray_address` is for `engine` ray")
        yield Local(jobs or 1)
        return
    if jobs is not None:
        raise InputError("`jobs` is for `engine` local: Ray takes the CPUs that its cluster has")
    from harness.engines.ray import connect

    with connect(address) as ray:
        yield ray
