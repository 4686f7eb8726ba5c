"""An MCP server of the worlds in a list of instances: many episodes, each with a world of its own.

The calls of a turn arrive one by one and in any order; they are performed together, in the order
that their `_meta` gives, once the last is there. A call without our `_meta`, from some other
client, is a turn of its own in the world of one named instance.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
import mcp_types as types
import msgspec
from mcp import MCPError
from mcp.server import Server, ServerRequestContext

from harness.mcp.wire import PLACE, TIMES, Place, Times
from tasks.base import Instance, ToolCall, ToolResult
from tasks.prompts import installed
from tasks.tools import shown
from tasks.tools_clock import Arguments, Simulation, arguments_of
from tasks.tools_payload import Errand

PATIENCE = 30.0  # seconds that a turn's first call waits for its last
KEPT = 10_000  # episodes, those used last; more than any run has open at once
OUTSIDE = "outside"  # the episode of calls without our `_meta`

Made = tuple[str, Arguments]


@dataclass
class _Turn:
    """The calls of one turn as they come in, by index; then their results, or what went wrong."""

    number: int
    count: int
    calls: dict[int, Made] = field(default_factory=dict)
    done: anyio.Event = field(default_factory=anyio.Event)
    results: tuple[ToolResult, ...] = ()
    problem: str = "the simulation failed"


@dataclass
class _Episode:
    world: Simulation
    turn: _Turn | None = None
    turns: int = 0


class Worlds:
    """The episodes that are being played, those used last; `patience` is in seconds."""

    def __init__(
        self, instances: Mapping[str, Instance[Any]], patience: float = PATIENCE, kept: int = KEPT
    ) -> None:
        self.instances = instances
        self.patience = patience
        self._kept = kept
        self._episodes: OrderedDict[tuple[str, str, int], _Episode] = OrderedDict()

    async def call(self, place: Place, made: Made) -> ToolResult:
        """Perform a call once all of its turn are there; MCPError if that cannot be."""
        name = f"{place.episode}, attempt {place.attempt}, turn {place.turn}"
        episode = self._episode(place)
        turn = episode.turn
        if turn is None:
            if place.turn <= episode.turns:
                raise _wrong(f"{name}: it comes after turn {episode.turns}")
            turn = episode.turn = _Turn(place.turn, place.count)
        mine = (turn.number, turn.count) == (place.turn, place.count)
        if turn.done.is_set() or not mine or place.index in turn.calls:
            raise _wrong(f"{name}: call {place.index} of {place.count} has no place in it")
        turn.calls[place.index] = made
        if len(turn.calls) == turn.count:
            _perform(episode, turn)
        else:
            await self._others(turn)
        if turn.problem:
            raise MCPError(types.INTERNAL_ERROR, f"{name}: {turn.problem}")
        return turn.results[place.index]

    async def outside(self, instance: str, made: Made) -> ToolResult:
        """Perform a call of a client that knows nothing of turns."""
        key = (instance, OUTSIDE, 0)
        turns = self._episodes[key].turns if key in self._episodes else 0
        return await self.call(Place(instance, OUTSIDE, 0, turns + 1, 0, 1), made)

    def _episode(self, place: Place) -> _Episode:
        key = (place.instance, place.episode, place.attempt)
        if key not in self._episodes:
            if place.instance not in self.instances:
                raise _wrong(f"there is no instance {place.instance!r}")
            self._episodes[key] = _Episode(Simulation(self.instances[place.instance].payload))
            if len(self._episodes) > self._kept:
                self._episodes.popitem(last=False)
        self._episodes.move_to_end(key)
        return self._episodes[key]

    async def _others(self, turn: _Turn) -> None:
        """Wait for the turn's other calls; after our patience the turn has failed for all."""
        with anyio.move_on_after(self.patience):
            await turn.done.wait()
        if not turn.done.is_set():
            turn.problem = (
                f"only {len(turn.calls)} of its {turn.count} calls came in {self.patience:g} s"
            )
            turn.done.set()


def _perform(episode: _Episode, turn: _Turn) -> None:
    try:
        turn.results = episode.world.turn([turn.calls[i] for i in range(turn.count)])
        turn.problem = ""
        episode.turn, episode.turns = None, turn.number
    finally:
        turn.done.set()


def _wrong(message: str) -> MCPError:
    return MCPError(types.INVALID_PARAMS, message)


def build_server(worlds: Worlds, instance: str) -> Server[Any]:
    """A server of all the worlds; `instance` is the one whose tools and request it shows."""
    payload = worlds.instances[instance].payload
    tools = [
        types.Tool(name=tool.name, description=tool.description, input_schema=tool.parameters)
        for tool in Simulation(payload).tools()
    ]

    async def list_tools(
        _context: ServerRequestContext[Any], _params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=tools)

    async def call_tool(
        _context: ServerRequestContext[Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        made: Made = (params.name, params.arguments or {})
        meta: Mapping[str, Any] = params.meta or {}
        if PLACE in meta:
            place = _place(meta[PLACE])
            if place.raw is not None:
                made = (place.raw[0], arguments_of(ToolCall("", *place.raw)))
            return _shown(await worlds.call(place, made))
        return _shown(await worlds.outside(instance, made))

    return Server(
        "makespan",
        instructions=_instructions(payload),
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        get_tool_input_schema=lambda _: None,  # none says how a header must mirror an argument
    )


def _instructions(errand: Errand) -> str:
    """What an agent is told of a task."""
    tools = [offer.shown for offer in errand.tools]
    name = "plan" if errand.track == "plan" else "turns"
    messages = installed().messages(f"tools/{name}.j2", tools=tools, **shown(errand))
    return "\n\n".join(message.content for message in messages)


def _place(value: object) -> Place:
    try:
        return msgspec.convert(value, Place)
    except msgspec.ValidationError as error:
        raise _wrong(f"_meta {PLACE}: {error}") from None


def _shown(result: ToolResult) -> types.CallToolResult:
    times = Times(result.status, result.start, result.end)
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=result.text)],
        is_error=result.status != "ok",
        _meta={TIMES: msgspec.to_builtins(times)},
    )
