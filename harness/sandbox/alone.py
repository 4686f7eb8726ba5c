"""Stands in for what would use more than one process: asks for one are answered with 1."""

import os
import sys
from types import ModuleType
from typing import Any

from harness.sandbox.refusals import ALONE, Refusal

NAME = "multiprocessing"


class Multiprocessing(ModuleType):
    """A module of that name whose functions refuse: libraries import it without a need."""

    @staticmethod
    def cpu_count() -> int:
        """Return 1."""
        return 1

    @staticmethod
    def get_start_method(allow_none: bool = False) -> str | None:
        """Return what a process returns that has set none."""
        return None if allow_none else "fork"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def refuse(*_: object, **__: object) -> None:
            raise Refusal(f"{NAME}.{name}: {ALONE}")

        return refuse


def stand_alone() -> None:
    """Put it in the place of the real one, and count one processor; not undone."""
    sys.modules[NAME] = Multiprocessing(NAME)
    os.cpu_count = lambda: 1
    os.sched_getaffinity = lambda _: {0}
