"""An MCP server of the worlds in a list of instances: many episodes, each with its own world.

The calls of a turn arrive one by one and in any order; they are performed together, in the order
that their `_meta` gives, once the last has arrived. A call without our `_meta`, from some other
client, is a turn of its own in the world of its session (see `outside.py`).
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import anyio
import mcp_types as types
import msgspec
from mcp import MCPError
from mcp.server import Server, ServerRequestContext
from mcp.server.context import CallNext, HandlerResult

from harness.families.family import ToolWorld
from harness.mcp.direct import world_of
from harness.mcp.outside import VisitResult, Visits
from harness.mcp.wire import PLACE, TIMES, Place, Times
from tasks.base import Instance, ToolCall, ToolResult
from tasks.tools_clock import Arguments, arguments_of

PATIENCE = 30.0  # seconds that a turn's first call waits for its last
MAX_EPISODES = 10_000  # episodes, those used last; more than any run has open at once

ToolRequest = tuple[str, Arguments]


@dataclass
class _Turn:
    """The calls of one turn as they come in, by index; then their results, or what went wrong."""

    number: int
    count: int
    calls: dict[int, ToolRequest] = field(default_factory=dict)
    completion: anyio.Event = field(default_factory=anyio.Event)
    results: tuple[ToolResult, ...] = ()
    problem: str = "the simulation failed"


@dataclass
class _Episode:
    world: ToolWorld
    turn: _Turn | None = None
    turns: int = 0


class Worlds:
    """The episodes that are being played.

    Args:
        instances: by id.
        patience: seconds that a turn's first call waits for its last.
        most_episodes: how many worlds are kept, those used last.
    """

    def __init__(
        self,
        instances: Mapping[str, Instance[Any]],
        patience: float = PATIENCE,
        most_episodes: int = MAX_EPISODES,
    ) -> None:
        self.instances = instances
        self.patience = patience
        self._most_episodes = most_episodes
        self._episodes: OrderedDict[tuple[str, str, int], _Episode] = OrderedDict()

    async def call(self, place: Place, request: ToolRequest) -> ToolResult:
        """Perform a call once all of its turn have come, and return its result.

        Args:
            place: of the call in its episode.
            request: the tool's name and its arguments.

        Raises:
            MCPError: if the call has no place in its turn, or the turn does not become complete.
        """
        name = f"{place.episode}, attempt {place.attempt}, turn {place.turn}"
        episode = self._episode(place)
        turn = episode.turn
        if turn is None:
            if place.turn <= episode.turns:
                raise _invalid(f"{name}: it comes after turn {episode.turns}")
            turn = episode.turn = _Turn(place.turn, place.count)
        matches = (turn.number, turn.count) == (place.turn, place.count)
        if turn.completion.is_set() or not matches or place.index in turn.calls:
            raise _invalid(f"{name}: call {place.index} of {place.count} has no place in it")
        turn.calls[place.index] = request
        if len(turn.calls) == turn.count:
            _perform(episode, turn)
        else:
            await self._wait_for_turn(turn)
        if turn.problem:
            raise MCPError(types.INTERNAL_ERROR, f"{name}: {turn.problem}")
        return turn.results[place.index]

    def _episode(self, place: Place) -> _Episode:
        key = (place.instance, place.episode, place.attempt)
        if key not in self._episodes:
            if place.instance not in self.instances:
                raise _invalid(f"there is no instance {place.instance!r}")
            self._episodes[key] = _Episode(world_of(self.instances[place.instance]))
            if len(self._episodes) > self._most_episodes:
                self._episodes.popitem(last=False)
        self._episodes.move_to_end(key)
        return self._episodes[key]

    async def _wait_for_turn(self, turn: _Turn) -> None:
        """Wait for the turn's other calls; after the patience the turn fails for all of them."""
        with anyio.move_on_after(self.patience):
            await turn.completion.wait()
        if not turn.completion.is_set():
            turn.problem = (
                f"only {len(turn.calls)} of its {turn.count} calls came in {self.patience:g} s"
            )
            turn.completion.set()


def _perform(episode: _Episode, turn: _Turn) -> None:
    try:
        turn.results = episode.world.turn([turn.calls[i] for i in range(turn.count)])
        turn.problem = ""
        episode.turn, episode.turns = None, turn.number
    finally:
        turn.completion.set()


def _invalid(message: str) -> MCPError:
    return MCPError(types.INVALID_PARAMS, message)


def build_server(
    worlds: Worlds, instance: str, *, score: bool = False, by_turns: bool = False
) -> Server[Any]:
    """Make the server.

    Args:
        worlds: the episodes of its instances.
        instance: the id of the one that clients of others are asked.
        score: whether these are told verdict and score at the end.
        by_turns: whether these have one tool whose calls are a turn, in place of the world's own.
    """
    visits = Visits(worlds.instances[instance], score=score, by_turns=by_turns)

    async def call_tool(
        context: ServerRequestContext[Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        request: ToolRequest = (params.name, params.arguments or {})
        meta: Mapping[str, Any] = params.meta or {}
        if PLACE not in meta:
            return _call_result(visits.call(context, *request))
        place = _place(meta[PLACE])
        if place.raw is not None:
            request = (place.raw[0], arguments_of(ToolCall("", *place.raw)))
        return _call_result(await worlds.call(place, request))

    async def begin(ctx: ServerRequestContext[Any], call_next: CallNext) -> HandlerResult:
        if ctx.method == "server/discover":
            visits.begin(ctx)
        return await call_next(ctx)

    server = Server(
        "makespan",
        version=version("makespan"),
        instructions=visits.request,
        on_call_tool=call_tool,
        get_tool_input_schema=lambda _: None,  # none says how a header must mirror an argument
        **_listings(visits),
    )
    server.middleware.append(begin)
    return server


def _listings(visits: Visits) -> dict[str, Any]:
    """Return the handlers of what a client of others may read."""

    async def list_tools(*_: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=visits.tools())

    async def list_resources(*_: Any) -> types.ListResourcesResult:
        return visits.resources()

    async def read_resource(
        _: ServerRequestContext[Any], params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        return visits.resource(str(params.uri))

    async def list_prompts(*_: Any) -> types.ListPromptsResult:
        return visits.prompts()

    async def get_prompt(
        _: ServerRequestContext[Any], params: types.GetPromptRequestParams
    ) -> types.GetPromptResult:
        return visits.prompt(params.name)

    return {
        "on_list_tools": list_tools,
        "on_list_resources": list_resources,
        "on_read_resource": read_resource,
        "on_list_prompts": list_prompts,
        "on_get_prompt": get_prompt,
    }


def _place(value: object) -> Place:
    try:
        return msgspec.convert(value, Place)
    except msgspec.ValidationError as error:
        raise _invalid(f"_meta {PLACE}: {error}") from None


def _call_result(result: VisitResult) -> types.CallToolResult:
    if isinstance(result, str):
        return types.CallToolResult(content=[types.TextContent(type="text", text=result)])
    if isinstance(result, tuple):
        return _turn_result(result)
    times = Times(result.status, result.start, result.end)
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=result.text)],
        is_error=result.status != "ok",
        _meta={TIMES: msgspec.to_builtins(times)},
    )


def _turn_result(results: Sequence[ToolResult]) -> types.CallToolResult:
    """Return the results of the calls of a turn, in their order; a failed one is no error of it."""
    content = [types.TextContent(type="text", text=result.text) for result in results]
    times = [Times(result.status, result.start, result.end) for result in results]
    return types.CallToolResult(
        content=list(content), _meta={TIMES: {"calls": msgspec.to_builtins(times)}}
    )
