"""Generates tool tasks: a graph of calls that fit together, tools around it, a request for it.

Each ingredient has its own stream. From level 8 on a task is kept only if calling all that is
ready needs at least 1.15 times the best turns known; else it is drawn again from the next streams.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from random import Random
from typing import Literal

import msgspec

from generators.base import settings_as
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

LARGEST = 50  # required calls
LONGEST = 30  # time units of a call, from 1
SITES = ("north", "east", "south", "west")
DRAWS = 4000  # tries at a task before it is given up
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

    depth: int = 0
    width: int = 0
    distractors: int = 10
    capacity: int = 2
    overhead: int = 2
    failures: float = 0.0
    track: Track = "reactive"
    transport: Literal["direct", "inprocess", "stdio", "http"] = "direct"
    select: int = 0

    def __post_init__(self) -> None:
        for name, least, most in (
            ("depth", 0, LARGEST),
            ("width", 0, LARGEST),
            ("distractors", 0, 40),
            ("capacity", 1, 9),
            ("overhead", 0, 1000),
            ("failures", 0, 0.9),
            ("select", 0, 100),
        ):
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name}: {getattr(self, name)} is not from {least} to {most}")


def resolve(level: int, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """All settings, with their defaults, in one spelling; InputError names a bad one."""
    if not 1 <= level <= LARGEST:
        raise InputError(f"level {level}: there are 1 to {LARGEST} calls")
    wanted = settings_as(RequestSettings, "tools", settings)
    depth, width = wanted.depth or max(1, round(level**0.56)), wanted.width
    if depth > level:
        raise InputError(f"depth {depth}: a chain of {level} calls is no longer than {level}")
    if width and not (width + depth - 1 <= level <= width * depth):
        raise InputError(
            f"width {width}: with {level} calls of depth {depth} it is from {-(-level // depth)}"
            f" to {level - depth + 1}"
        )
    plain: dict[str, Scalar] = msgspec.to_builtins(msgspec.structs.replace(wanted, depth=depth))
    return plain


def generate(
    level: int, seed: int, index: int, settings: Mapping[str, Scalar], *, reference: bool = True
) -> Instance[Errand]:
    """The task of `level` calls at a seed and index; its id does not depend on the transport.

    InputError if the settings are wrong, or leave no room for planning.
    """
    named = resolve(level, settings)
    wanted = msgspec.convert(named, RequestSettings)
    for number in range(DRAWS):
        payload = _errand(level, wanted, f"tools/{VERSION}/{seed}/{index}/{number}")
        if payload and (level < ROOM or has_room(payload)):
            break
    else:
        raise InputError(
            f"level {level}, index {index}: none of {DRAWS} tasks fits depth={wanted.depth}"
            f" width={wanted.width} distractors={wanted.distractors} select={wanted.select}"
            " and leaves room for planning"
        )
    known = solve(payload) if reference else Reference("none")
    seen = {name: value for name, value in named.items() if name not in UNSEEN}
    name = instance_id("tools", level, seed, index, VERSION, seen)
    return Instance(name, "tools", level, seed, index, named, VERSION, payload, known)


def _errand(level: int, wanted: RequestSettings, place: str) -> Errand | None:
    """One try at a task; None if the graph or its distractors did not come about."""
    known = catalogue()
    most, rng = wanted.select or MOST_TOOLS, Random(f"{place}/graph")
    graph = draw(known, level, wanted.depth, wanted.width, most, rng)
    others = graph and _distractors(known, graph, wanted, Random(f"{place}/distractors"))
    if graph is None or others is None:
        return None
    needed = dict.fromkeys(node.tool for node in graph.nodes)
    tools = [*needed, *others]
    Random(f"{place}/order").shuffle(tools)
    rng = Random(f"{place}/sites")
    attempts = ATTEMPTS + 1 if wanted.failures else 1
    return Errand(
        track=wanted.track,
        sites=SITES,
        tools=_offers(known, tools, wanted.capacity, place),
        starts=tuple(Start(label, kind, rng.choice(SITES)) for label, kind in graph.starts.items()),
        steps=tuple(RequiredCall(node.tool.name, node.inputs) for node in graph.nodes),
        wanted=_wanted(graph, Random(f"{place}/request")),
        overhead=wanted.overhead,
        limits=TurnLimits(2 * level * attempts + 10, 5 * level * attempts + 40),
        failures=wanted.failures,
        select=wanted.select,
        secret=f"{Random(f'{place}/secret').getrandbits(128):032x}",
    )


def _offers(
    known: Catalogue, tools: Sequence[ToolEntry], capacity: int, place: str
) -> tuple[Offer, ...]:
    """Tools with their latencies and capacities, which a tool of a task keeps by its name."""
    return tuple(
        _offer(known, tool, capacity, Random(f"{place}/tool/{tool.name}")) for tool in tools
    )


def _offer(known: Catalogue, tool: ToolEntry, capacity: int, rng: Random) -> Offer:
    latency = tuple(rng.randint(1, LONGEST) for _ in SITES)
    places = rng.randint(1, capacity)
    words = tool.words.format(**{name: f"`{name}`" for name in tool.params})
    does = f"Changes something: {words}" if tool.writes else f"Finds {words}"
    pairs = zip(tool.params, tool.kinds, strict=True)
    times = ", ".join(f"{site} {time}" for site, time in zip(SITES, latency, strict=True))
    return Offer(
        name=tool.name,
        description=f"{does}. Returns {_code(tool.output)}. Time units by the site of"
        f" `{tool.params[0]}`: {times}. At most {places} at once.",
        params=tuple(Param(name, kind, _about(known, kind)) for name, kind in pairs),
        output=tool.output,
        writes=tool.writes,
        latency=latency,
        capacity=places,
    )


def _about(known: Catalogue, kind: str) -> str:
    return known.starts[kind][0] if kind in known.starts else _code(kind)


def _code(kind: str) -> str:
    """A kind of code as one speaks of it."""
    words = kind.replace("_", " ").removesuffix(" code")
    ends = "" if words.endswith("code") else " code"
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}{ends}"


def _distractors(
    known: Catalogue, graph: Graph, wanted: RequestSettings, rng: Random
) -> list[ToolEntry] | None:
    """Tools that are not needed: the first half take what the task has, the rest nothing at all.

    None if there are not enough that are cut off.
    """
    needed = {node.tool.name for node in graph.nodes}
    kinds = {kind for node in graph.nodes for kind in (*node.tool.kinds, node.tool.output)}
    left = [tool for tool in known.tools if tool.name not in needed]
    rng.shuffle(left)
    near = [tool for tool in left if all(kind in kinds for kind in tool.kinds)]
    inside = [tool for tool in near if tool.output in kinds or tool.output not in known.goes_on]
    near = [*inside, *(tool for tool in near if tool not in inside)]  # fewest new kinds first
    near = near[: (wanted.distractors + 1) // 2]
    kinds |= {tool.output for tool in near}
    far: list[ToolEntry] = []
    for tool in left:
        cut_off = not any(kind in kinds for kind in tool.kinds)
        if cut_off and not any(f.output in tool.kinds for f in far):
            far.append(tool)
    far = far[: wanted.distractors // 2]
    return [*near, *far] if len(near) + len(far) == wanted.distractors else None


def _wanted(graph: Graph, rng: Random) -> tuple[RequestedValue, ...]:
    """What the request asks for: the values that nothing else takes, shuffled, and the orders."""
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
    """How the request speaks of a call's value: through all it comes from, down to the names."""
    tool, inputs, _ = graph.nodes[k]
    spoken = {}
    for name, text in zip(tool.params, inputs, strict=True):
        source = reference_of(text)
        words = text if source is None else _words(graph, source)
        plain = source is None or len(tool.params) == 1
        spoken[name] = words if plain else f"({words})"
    return tool.words.format(**spoken)
