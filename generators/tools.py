"""Generates tool tasks: a graph of calls that fit together, tools around it, a request for it.

Each ingredient has its own stream. From level 8 on a task is kept only if calling all that is
ready needs at least 1.15 times the best turns known; else it is drawn again from the next streams.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from random import Random
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from generators.base import plain_settings, settings_as
from generators.tools_catalogue import Catalogue, ToolEntry, catalogue
from generators.tools_graph import MOST_TOOLS, Graph, draw
from graders.exact.tools import has_room
from graders.exact.tools import reference as solve
from tasks.base import InputError, Instance, Noun, Reference, Scalar
from tasks.ids import instance_id
from tasks.tools import UNSEEN, VERSION
from tasks.tools_payload import (
    ATTEMPTS,
    Errand,
    Offer,
    Param,
    RequestedValue,
    RequiredCall,
    Start,
    Track,
    TurnLimits,
    reference_of,
)

LARGEST = 100  # required calls
LONGEST = 30  # time units of a call, from 1
SITES = ("north", "east", "south", "west")
DRAWS = 4000  # tries at a task before it is given up
Tools: TypeAlias = Sequence[ToolEntry]
ROOM = 8  # the level from which a task must leave room for planning


class RequestSettings(Noun, frozen=True):
    """The dials of a task.

    Attributes:
        depth: calls in the longest chain; 0 takes about level^0.56.
        width: most calls at one depth; 0 leaves it open.
        distractors: tools on offer that the request does not need, half of them connected.
        capacity: places of a tool are drawn from 1 to this.
        overhead: time units of a turn before its calls start.
        failures: share of calls that fail for a moment at first.
        track: `reactive`, turn by turn, or `plan`, one reply.
        transport: what carries the calls; no agent can see it.
        select: how many tools the agent picks beforehand at most, which are enough; 0 gives all.
    """

    depth: Annotated[int, Meta(ge=0, le=LARGEST)] = 0
    width: Annotated[int, Meta(ge=0, le=LARGEST)] = 0
    distractors: Annotated[int, Meta(ge=0, le=40)] = 10
    capacity: Annotated[int, Meta(ge=1, le=9)] = 2
    overhead: Annotated[int, Meta(ge=0, le=1000)] = 2
    failures: Annotated[float, Meta(ge=0, le=0.9)] = 0.0
    track: Track = "reactive"
    transport: Literal["direct", "inprocess", "stdio", "http"] = "direct"
    select: Annotated[int, Meta(ge=0, le=100)] = 0


def resolve(level: int, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return all settings, with their defaults, in one spelling.

    Args:
        level: the number of required calls.
        settings: those that are given; see `RequestSettings`.

    Raises:
        InputError: the level or a setting is wrong, or no graph of calls has such a shape.
    """
    if not 1 <= level <= LARGEST:
        raise InputError(f"level {level}: there are 1 to {LARGEST} calls")
    typed = settings_as(RequestSettings, "tools", settings)
    depth = typed.depth or max(1, round(level**0.56))
    _check_shape(level, depth, typed.width)
    return plain_settings(replace(typed, depth=depth))


def _check_shape(level: int, depth: int, width: int) -> None:
    """Refuse a shape that no graph of `level` calls has."""
    if depth > level:
        raise InputError(f"depth {depth}: a chain of {level} calls is no longer than {level}")
    if width and not (width + depth - 1 <= level <= width * depth):
        raise InputError(
            f"width {width}: with {level} calls of depth {depth} it is from {-(-level // depth)}"
            f" to {level - depth + 1}"
        )


def generate(
    level: int, seed: int, index: int, settings: Mapping[str, Scalar], *, reference: bool = True
) -> Instance[Errand]:
    """Return a task; its id does not depend on the transport.

    Args:
        level: the number of required calls.
        seed: of all streams.
        index: the number of the task, from 0.
        settings: those that are given; see `RequestSettings`.
        reference: whether the best answer known, and a bound, are added.

    Raises:
        InputError: the level or a setting is wrong, or no task leaves room for planning.
    """
    resolved = resolve(level, settings)
    typed = msgspec.convert(resolved, RequestSettings)
    payload = _first_fitting(level, index, typed, streams=f"tools/{VERSION}/{seed}/{index}")
    seen = {name: value for name, value in resolved.items() if name not in UNSEEN}
    return Instance(
        id=instance_id("tools", level, seed, index, VERSION, seen),
        family="tools",
        level=level,
        seed=seed,
        index=index,
        settings=resolved,
        version=VERSION,
        payload=payload,
        reference=solve(payload) if reference else Reference("none"),
    )


def _first_fitting(level: int, index: int, settings: RequestSettings, *, streams: str) -> Errand:
    """Return the first task that comes about and leaves room for planning."""
    for number in range(DRAWS):
        payload = _errand(level, settings, f"{streams}/{number}")
        if payload and (level < ROOM or has_room(payload)):
            return payload
    raise InputError(
        f"level {level}, index {index}: none of {DRAWS} tasks fits depth={settings.depth}"
        f" width={settings.width} distractors={settings.distractors} select={settings.select}"
        " and leaves room for planning"
    )


def _errand(level: int, settings: RequestSettings, streams: str) -> Errand | None:
    """Try once to draw a task; None if the graph or its distractors did not come about."""
    shipped = catalogue()
    most, rng = settings.select or MOST_TOOLS, Random(f"{streams}/graph")
    graph = draw(shipped, level, settings.depth, width=settings.width, most=most, rng=rng)
    if graph is None:
        return None
    distractors = _distractors(
        shipped, graph, settings.distractors, rng=Random(f"{streams}/distractors")
    )
    if distractors is None:
        return None
    tools = [*dict.fromkeys(node.tool for node in graph.nodes), *distractors]
    Random(f"{streams}/order").shuffle(tools)
    rng = Random(f"{streams}/sites")
    attempts = ATTEMPTS + 1 if settings.failures else 1
    return Errand(
        track=settings.track,
        sites=SITES,
        tools=_offers(shipped, tools, settings.capacity, streams=streams),
        starts=tuple(Start(label, kind, rng.choice(SITES)) for label, kind in graph.starts.items()),
        steps=tuple(RequiredCall(node.tool.name, node.inputs) for node in graph.nodes),
        wanted=_requested_values(graph, Random(f"{streams}/request")),
        overhead=settings.overhead,
        limits=TurnLimits(2 * level * attempts + 10, 5 * level * attempts + 40),
        failures=settings.failures,
        select=settings.select,
        secret=f"{Random(f'{streams}/secret').getrandbits(128):032x}",
    )


def _offers(
    shipped: Catalogue, tools: Sequence[ToolEntry], capacity: int, streams: str
) -> tuple[Offer, ...]:
    """Return tools with latencies and capacities, which a tool of a task keeps by its name."""
    return tuple(
        _offer(shipped, tool, capacity, rng=Random(f"{streams}/tool/{tool.name}")) for tool in tools
    )


def _offer(shipped: Catalogue, tool: ToolEntry, capacity: int, rng: Random) -> Offer:
    latency = tuple(rng.randint(1, LONGEST) for _ in SITES)
    places = rng.randint(1, capacity)
    times = ", ".join(f"{site} {time}" for site, time in zip(SITES, latency, strict=True))
    return Offer(
        name=tool.name,
        description=f"{_effect(tool)}. Returns {_code(tool.output)}. Time units by the site of"
        f" `{tool.params[0]}`: {times}. At most {places} at once.",
        params=tuple(
            Param(name, kind, _kind_words(shipped, kind))
            for name, kind in zip(tool.params, tool.kinds, strict=True)
        ),
        output=tool.output,
        writes=tool.writes,
        latency=latency,
        capacity=places,
    )


def _effect(tool: ToolEntry) -> str:
    """Return what a tool does, its parameters as code."""
    words = tool.words.format(**{name: f"`{name}`" for name in tool.params})
    return f"Changes something: {words}" if tool.writes else f"Finds {words}"


def _kind_words(shipped: Catalogue, kind: str) -> str:
    return shipped.starts[kind][0] if kind in shipped.starts else _code(kind)


def _code(kind: str) -> str:
    """Return a kind of code in words: `a person code`."""
    words = kind.replace("_", " ").removesuffix(" code")
    ends = "" if words.endswith("code") else " code"
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}{ends}"


def _distractors(
    shipped: Catalogue, graph: Graph, count: int, rng: Random
) -> list[ToolEntry] | None:
    """Draw tools that are not needed: the first half take what the task has, the others cannot.

    Args:
        shipped: all tools there are.
        graph: the required calls.
        count: how many distractors.
        rng: the stream of distractors.

    Returns:
        The distractors, None if there are not enough that are cut off from the task.
    """
    needed = {node.tool.name for node in graph.nodes}
    kinds = {kind for node in graph.nodes for kind in (*node.tool.kinds, node.tool.output)}
    pool = [tool for tool in shipped.tools if tool.name not in needed]
    rng.shuffle(pool)
    near = _near(pool, kinds, shipped.goes_on)[: (count + 1) // 2]
    far = _far(pool, kinds | {tool.output for tool in near})[: count // 2]
    return [*near, *far] if len(near) + len(far) == count else None


def _near(pool: Tools, kinds: set[str], goes_on: frozenset[str]) -> list[ToolEntry]:
    """Return the tools that take kinds of the task alone, those that add no new kind first."""
    near = (tool for tool in pool if kinds.issuperset(tool.kinds))
    return sorted(near, key=lambda tool: tool.output in goes_on - kinds)


def _far(pool: Tools, kinds: set[str]) -> list[ToolEntry]:
    """Return tools that take nothing of these kinds, nor anything that one before them gives."""
    far: list[ToolEntry] = []
    for tool in pool:
        if kinds.isdisjoint(tool.kinds):
            far.append(tool)
            kinds = kinds | {tool.output}
    return far


def _requested_values(graph: Graph, rng: Random) -> tuple[RequestedValue, ...]:
    """Return what the request asks for: values that no call takes, shuffled, then the orders."""
    sinks = graph.sinks()
    rng.shuffle(sinks)
    values = [k for k in sinks if not graph.nodes[k].tool.writes]
    orders = [k for k in sinks if graph.nodes[k].tool.writes]
    words = partial(_words, graph)
    return (
        *(RequestedValue(k, words(k), f"value_{n}") for n, k in enumerate(values, 1)),
        *(RequestedValue(k, words(k)) for k in orders),
    )


def _words(graph: Graph, k: int) -> str:
    """Return a call's value in words: through all it comes from, down to the names."""
    tool, inputs, _ = graph.nodes[k]
    phrases = {}
    for name, text in zip(tool.params, inputs, strict=True):
        source = reference_of(text)
        words = text if source is None else _words(graph, source)
        plain = source is None or len(tool.params) == 1
        phrases[name] = words if plain else f"({words})"
    return tool.words.format(**phrases)
