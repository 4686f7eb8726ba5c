"""Makespan: measures how well language-model agents plan time, against proven optima.

This is the front of the library. Nothing heavy is loaded before it is used.

What is installed has one top-level package, this one, with `tasks`, `graders`, `generators`,
`memory` and `harness` inside it. In a checkout these five stand beside it; there `makespan.tasks`
is `tasks`, the same object, so that code written for one runs with the other.
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if not (Path(__file__).parent / "tasks").is_dir():
    from makespan.checkout import Neighbours

    sys.meta_path.insert(0, Neighbours(__name__))

if TYPE_CHECKING:
    from harness.calls.budget import Budget as Budget
    from harness.calls.options import RunOptions as RunOptions
    from harness.models.base import Sampling as Sampling
    from makespan.episodes import Episode as Episode
    from makespan.episodes import chat as chat
    from makespan.episodes import grade as grade
    from makespan.episodes import replay as replay
    from makespan.episodes import reward as reward
    from makespan.episodes import start as start
    from makespan.episodes import tools as tools
    from makespan.frames import dataset as dataset
    from makespan.frames import read_line as read_line
    from makespan.problems import batch as batch
    from makespan.problems import families as families
    from makespan.problems import family as family
    from makespan.problems import generate as generate
    from makespan.problems import read as read
    from makespan.problems import solve as solve
    from makespan.problems import stream as stream
    from makespan.problems import write as write
    from makespan.runs import Run as Run
    from makespan.runs import board as board
    from makespan.runs import compare as compare
    from makespan.runs import load as load
    from makespan.runs import run as run
    from makespan.runs import run_file as run_file
    from tasks.base import Failure as Failure
    from tasks.base import Grade as Grade
    from tasks.base import InputError as InputError
    from tasks.base import Instance as Instance
    from tasks.base import Message as Message
    from tasks.base import Reply as Reply
    from tasks.base import Reward as Reward

_PLACES = {
    "episodes": ("Episode", "chat", "grade", "replay", "reward", "start", "tools"),
    "frames": ("dataset", "read_line"),
    "problems": ("batch", "families", "family", "generate", "read", "solve", "stream", "write"),
    "runs": ("Run", "board", "compare", "load", "run", "run_file"),
    "harness.calls.budget": ("Budget",),
    "harness.calls.options": ("RunOptions",),
    "harness.models.base": ("Sampling",),
    "tasks.base": ("Failure", "Grade", "InputError", "Instance", "Message", "Reply", "Reward"),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}
__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    """Load a name of the library when it is first used."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
