"""The `_meta` beside a call and its result: the call's place, the result's times."""

from typing import Any

from tasks.base import Failure, Noun, ToolCall
from tasks.tools_clock import arguments_of

PLACE = "makespan/call"
TIMES = "makespan/result"
DEEPEST = 20  # nesting of arguments that MCP's libraries carry without a doubt
LONGEST = 200  # characters of a tool's name, which travels in a header of HTTP too


class ToolsFailure(Failure):
    """A failure of the server of the tools.

    Args:
        message: what went wrong.
        lasting: whether the server will serve no other episode either.
    """

    boundary = "tools"

    def __init__(self, message: str, *, lasting: bool = False) -> None:
        super().__init__(message)
        self._lasting = lasting

    @property
    def kind(self) -> str:
        """Return `tool server` if no episode can be served any more, else `tools`."""
        return "tool server" if self._lasting else "tools"


class LostServer(ToolsFailure):
    """A connection to the server that has ended, or a server that no longer answers."""


class Place(Noun, frozen=True, omit_defaults=True):
    """The place of a call: the `index`-th of the `count` calls of a turn, from 1, of an episode.

    `attempt` tells one attempt at an episode from the next, which has a new world. `raw` is the
    tool and the text of the arguments of a call that MCP cannot carry as it was written.
    """

    instance: str
    episode: str
    attempt: int
    turn: int
    index: int
    count: int
    raw: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        if self.turn < 1 or not 0 <= self.index < self.count:
            raise ValueError(f"turn {self.turn} has no call {self.index} of {self.count}")


class Times(Noun, frozen=True):
    """The facts of a result beside its text; times in units from the episode's beginning."""

    status: str
    start: int
    end: int


def portable(call: ToolCall) -> tuple[str, dict[str, Any]] | None:
    """Return a call's tool and arguments as MCP takes them, None if it cannot carry them."""
    arguments = arguments_of(call)
    fine = 0 < len(call.name) <= LONGEST and call.name.isprintable()
    return (call.name, arguments) if fine and arguments is not None and _flat(arguments) else None


def _flat(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        parts = [x.values() if isinstance(x, dict) else x for x in level]
        level = [x for part in parts for x in part if isinstance(x, dict | list)]
    return not level
