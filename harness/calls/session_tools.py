"""A world's tools in a session: each call of a client is a turn in a world of the session's own.

The turns are noted; once the session has ended its agent makes them again in the episode's world,
which answers the same.
"""

from collections.abc import Callable, Sequence

import msgspec

from harness.families.family import ToolWorld
from harness.mcp.turns import RUN, no_tool, turn_calls, turn_tool
from harness.sessions.mcp import CallTexts, ToolServer
from tasks.base import Failure, Fields, Tool, ToolCall

NewWorld = Callable[[], ToolWorld]
NOT_OFFERED = "not offered: "  # stands before the name of a tool that the step does not offer


def no_world() -> ToolWorld:
    """Refuse tools to a session of an episode that has none: that it wants some is a bug."""
    raise Failure("a session is offered tools, but its episode has none")


class SessionTools:
    """The tools of one session.

    Attributes:
        turns: the calls so far, turn by turn.
        server: offers them.
    """

    def __init__(self, tools: Sequence[Tool], world: ToolWorld) -> None:
        """Make them.

        Args:
            tools: that the step offers.
            world: a new one, in which they are called.
        """
        self.turns: list[tuple[ToolCall, ...]] = []
        self.server = ToolServer([turn_tool(tools)], self._call)
        self._names = {tool.name for tool in tools}
        self._world = world

    def _call(self, name: str, fields: Fields) -> CallTexts:
        calls = turn_calls(fields) if name == RUN else no_tool(name)
        if isinstance(calls, str):
            return CallTexts([f"error: {calls}"], refused=True)
        self.turns.append(
            tuple(
                ToolCall("", tool, msgspec.json.encode(arguments).decode())
                for tool, arguments in calls
            )
        )
        results = self._world.turn([(self._known(tool), arguments) for tool, arguments in calls])
        return CallTexts([result.text for result in results])

    def _known(self, name: str) -> str:
        return name if name in self._names else f"{NOT_OFFERED}{name}"
