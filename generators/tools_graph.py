"""Draws the required calls of a task: layers of calls that fit together by kinds."""

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import NamedTuple, TypeAlias

from generators.tools_catalogue import Catalogue, ToolEntry

MOST_TOOLS = 10  # needed in one task, so that as many can be picked as in TPS-Bench
JOIN = 0.35  # share of calls that first try a tool with two inputs
REUSE = 0.4  # share of calls that first try a tool in use
WRITE = 0.25  # share of last calls that first try a tool that changes something
SHARED = 0.3  # share of first calls that start from a name in use


class Node(NamedTuple):
    """A call: its tool, its inputs (a label, or `$k`), the layer it stands in, from 0."""

    tool: ToolEntry
    inputs: tuple[str, ...]
    layer: int


ToolCall: TypeAlias = tuple[ToolEntry, tuple[str, ...]]  # a tool and its inputs


class Graph(NamedTuple):
    """The calls in the order of their layers, and the kind of each label that they start from."""

    nodes: tuple[Node, ...]
    starts: dict[str, str]

    def sinks(self) -> list[int]:
        """Return the indices of the calls whose values no other call takes."""
        inputs = {text for node in self.nodes for text in node.inputs}
        return [k for k in range(len(self.nodes)) if f"${k}" not in inputs]


def layers(count: int, depth: int, width: int, rng: Random) -> list[int]:
    """Draw the number of calls in each of `depth` layers, at least one.

    Args:
        count: all calls.
        depth: the number of layers.
        width: the most calls of a layer, which one of them has; 0 leaves it open.
        rng: the stream of the graph.
    """
    sizes = [1] * depth
    most = width or count
    if width:
        sizes[rng.randrange(depth)] = width
    for _ in range(count - sum(sizes)):
        room = [k for k, size in enumerate(sizes) if size < most]
        sizes[rng.choice(room)] += 1
    return sizes


class GraphDraft:
    """A graph as it grows, call by call."""

    def __init__(self, catalogue: Catalogue, most_tools: int, rng: Random) -> None:
        self._catalogue, self._most, self._rng = catalogue, most_tools, rng
        self.nodes: list[Node] = []
        self.starts: dict[str, str] = {}
        self._tools: dict[str, ToolEntry] = {}
        self._seen: set[tuple[str, ...]] = set()
        self._uses: Counter[str] = Counter()  # how many calls take a value

    def graph(self) -> Graph:
        """Return the graph so far."""
        return Graph(tuple(self.nodes), dict(self.starts))

    def add(self, layer: int, *, last: bool) -> bool:
        """Draw a call of a layer, an input of it from the layer before; return whether one fits."""
        if layer == 0:
            return self._begin(last=last)
        sources = self._sources(layer)
        writing = last and self._rng.random() < WRITE
        joining = self._rng.random() < JOIN
        for writes in [True, False] if writing else [False]:
            for k in sources:
                calls = self._fitting(k, joining, writes=writes, last=last)
                if calls:
                    self._append(*self._rng.choice(calls), layer)
                    return True
        return False

    def _sources(self, layer: int) -> list[int]:
        """Return the calls of the layer before, shuffled, those that fewest calls use first."""
        sources = [k for k, node in enumerate(self.nodes) if node.layer == layer - 1]
        self._rng.shuffle(sources)
        return sorted(sources, key=lambda k: self._uses[f"${k}"])

    def _begin(self, *, last: bool) -> bool:
        """Draw a call on a name, a new one or one in use; return whether one fits."""
        tools = [
            tool
            for tool in self._allowed(writes=False)
            if len(tool.params) == 1
            and tool.kinds[0] in self._catalogue.starts
            and self._continues(tool, last)
        ]
        if not tools:
            return False
        tool = self._rng.choice(tools)
        self._append(tool, (self._label(tool),), 0)
        return True

    def _continues(self, tool: ToolEntry, last: bool) -> bool:
        """Return whether a tool may stand in a layer: a chain goes on from all but the last."""
        return last or tool.output in self._catalogue.goes_on

    def _label(self, tool: ToolEntry) -> str:
        """Draw the name that a first call starts from, a new one or one in use."""
        kind = tool.kinds[0]
        labels = [
            label
            for label, start_kind in self.starts.items()
            if start_kind == kind and (tool.name, label) not in self._seen
        ]
        if labels and self._rng.random() < SHARED:
            return self._rng.choice(labels)
        label = self._catalogue.label(kind, self._rng)
        while label in self.starts:
            label = self._catalogue.label(kind, self._rng)
        self.starts[label] = kind
        return label

    def _allowed(self, *, writes: bool) -> Sequence[ToolEntry]:
        """Return tools that may be drawn: those in use, and new ones while there is room."""
        old = [tool for tool in self._tools.values() if tool.writes == writes]
        new = [
            tool
            for tool in self._catalogue.tools
            if tool.writes == writes and tool.name not in self._tools
        ]
        if len(self._tools) >= self._most:
            return old
        if old and self._rng.random() < REUSE:
            return old
        return [*old, *new]

    def _fitting(self, source: int, joining: bool, *, writes: bool, last: bool) -> list[ToolCall]:
        """Return the calls that take the value of a call; of `joining` ones joins, if there are."""
        kind = self.nodes[source].tool.output
        single: list[ToolCall] = []
        joint: list[ToolCall] = []
        for tool in self._allowed(writes=writes):
            if not self._continues(tool, last):
                continue
            for place in (k for k, taken_kind in enumerate(tool.kinds) if taken_kind == kind):
                if len(tool.kinds) == 1:
                    single.append((tool, (f"${source}",)))
                else:
                    joint += self._joins(tool, place, source)
        joint = self._unseen(joint)
        return joint if joining and joint else self._unseen(single)

    def _unseen(self, calls: Sequence[ToolCall]) -> list[ToolCall]:
        return [call for call in calls if (call[0].name, *call[1]) not in self._seen]

    def _joins(self, tool: ToolEntry, place: int, source: int) -> list[ToolCall]:
        """Return calls of two inputs: the source in one place, each earlier value in the other."""
        below = self.nodes[source].layer
        values = [
            f"${k}"
            for k, node in enumerate(self.nodes)
            if k != source and node.layer <= below and node.tool.output == tool.kinds[1 - place]
        ]
        pairs = [(f"${source}", value) for value in values]
        return [(tool, pair if place == 0 else pair[::-1]) for pair in pairs]

    def _append(self, tool: ToolEntry, inputs: tuple[str, ...], layer: int) -> None:
        self._tools[tool.name] = tool
        self._seen.add((tool.name, *inputs))
        for text in inputs:
            self._uses[text] += 1
        self.nodes.append(Node(tool, inputs, layer))


def draw(
    catalogue: Catalogue, count: int, depth: int, width: int, most: int, rng: Random
) -> Graph | None:
    """Try once to draw a graph of calls that fit together.

    Args:
        catalogue: the tools there are.
        count: the number of calls.
        depth: the number of layers.
        width: the most calls of a layer; 0 leaves it open.
        most: the most tools.
        rng: the stream of the graph.

    Returns:
        The graph; None if the kinds did not fit, or if all it would ask for are changes.
    """
    draft = GraphDraft(catalogue, min(most, MOST_TOOLS, max(depth, (count + 1) // 2, 2)), rng)
    for layer, size in enumerate(layers(count, depth, width, rng)):
        for _ in range(size):
            if not draft.add(layer, last=layer == depth - 1):
                return None
    graph = draft.graph()
    values = [k for k in graph.sinks() if not graph.nodes[k].tool.writes]
    return graph if values else None
