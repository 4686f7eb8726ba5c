"""Draws the required calls of a task: layers of calls that fit together by kinds."""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from generators.tools_catalogue import Catalogue, ToolEntry

MOST_TOOLS = 10  # needed in one task, so that as many can be picked as in TPS-Bench
JOIN = 0.35  # share of calls that first try a tool with two inputs
REUSE = 0.4  # share of calls that first try a tool in use
WRITE = 0.25  # share of last calls that first try a tool that changes something
SHARED = 0.3  # share of first calls that start from a name in use


class Node(NamedTuple):
    """A call: its tool, what its inputs are (a label, or `$k`), the layer it stands in."""

    tool: ToolEntry
    inputs: tuple[str, ...]
    layer: int


class Graph(NamedTuple):
    """The calls in the order of their layers, and the kinds of the labels they start from."""

    nodes: tuple[Node, ...]
    starts: dict[str, str]

    def sinks(self) -> list[int]:
        """The calls whose values no other call takes."""
        used = {text for node in self.nodes for text in node.inputs}
        return [k for k in range(len(self.nodes)) if f"${k}" not in used]


def layers(count: int, depth: int, width: int, rng: Random) -> list[int]:
    """The number of calls in each of `depth` layers; with `width` > 0 the most is just that."""
    sizes = [1] * depth
    most = width or count
    if width:
        sizes[rng.randrange(depth)] = width
    for _ in range(count - sum(sizes)):
        room = [k for k, size in enumerate(sizes) if size < most]
        sizes[rng.choice(room)] += 1
    return sizes


class GraphDraft:
    """A graph as it grows, call by call; None from `add` means that nothing fits."""

    def __init__(self, catalogue: Catalogue, most_tools: int, rng: Random) -> None:
        self._catalogue, self._most, self._rng = catalogue, most_tools, rng
        self.nodes: list[Node] = []
        self.starts: dict[str, str] = {}
        self._tools: dict[str, ToolEntry] = {}
        self._seen: set[tuple[str, ...]] = set()
        self._taken: dict[str, int] = {}  # how many calls take a value

    def graph(self) -> Graph:
        """What has been drawn."""
        return Graph(tuple(self.nodes), dict(self.starts))

    def add(self, layer: int, *, last: bool) -> bool:
        """Draw one call of a layer, one input of it from the layer before; False if none fits."""
        if layer == 0:
            return self._begin(last=last)
        sources = [k for k, node in enumerate(self.nodes) if node.layer == layer - 1]
        self._rng.shuffle(sources)
        sources.sort(key=lambda k: self._taken.get(f"${k}", 0))
        writing = last and self._rng.random() < WRITE
        joining = self._rng.random() < JOIN
        for writes in [True, False] if writing else [False]:
            for k in sources:
                found = self._fitting(k, joining, writes=writes, last=last)
                if found:
                    self._append(*self._rng.choice(found), layer)
                    return True
        return False

    def _begin(self, *, last: bool) -> bool:
        """A call on a name, a new one or one in use."""
        tools = [
            t
            for t in self._allowed(writes=False)
            if len(t.params) == 1
            and t.kinds[0] in self._catalogue.starts
            and (last or t.output in self._catalogue.goes_on)
        ]
        if not tools:
            return False
        tool = self._rng.choice(tools)
        old = [
            label
            for label, kind in self.starts.items()
            if kind == tool.kinds[0] and (tool.name, label) not in self._seen
        ]
        if old and self._rng.random() < SHARED:
            label = self._rng.choice(old)
        else:
            label = self._catalogue.label(tool.kinds[0], self._rng)
            while label in self.starts:
                label = self._catalogue.label(tool.kinds[0], self._rng)
            self.starts[label] = tool.kinds[0]
        self._append(tool, (label,), 0)
        return True

    def _allowed(self, *, writes: bool) -> Sequence[ToolEntry]:
        """Tools that may be drawn: those in use, and new ones while there is room for them."""
        used = [t for t in self._tools.values() if t.writes == writes]
        fresh = [
            t for t in self._catalogue.tools if t.writes == writes and t.name not in self._tools
        ]
        if len(self._tools) >= self._most:
            return used
        if used and self._rng.random() < REUSE:
            return used
        return [*used, *fresh]

    def _fitting(
        self, source: int, joining: bool, *, writes: bool, last: bool
    ) -> list[tuple[ToolEntry, tuple[str, ...]]]:
        """Tools with inputs that take the value of a call; joins alone if there are any."""
        kind = self.nodes[source].tool.output
        single: list[tuple[ToolEntry, tuple[str, ...]]] = []
        joint: list[tuple[ToolEntry, tuple[str, ...]]] = []
        for tool in self._allowed(writes=writes):
            if not (last or tool.output in self._catalogue.goes_on):
                continue
            for place, wanted in enumerate(tool.kinds):
                if wanted != kind:
                    continue
                if len(tool.kinds) == 1:
                    single.append((tool, (f"${source}",)))
                else:
                    joint += self._joined(tool, place, source)
        single = [one for one in single if (one[0].name, *one[1]) not in self._seen]
        joint = [one for one in joint if (one[0].name, *one[1]) not in self._seen]
        return joint if joining and joint else single

    def _joined(
        self, tool: ToolEntry, place: int, source: int
    ) -> list[tuple[ToolEntry, tuple[str, ...]]]:
        """A tool of two inputs with the source in one place and each earlier value in the other."""
        below = self.nodes[source].layer
        others = [
            f"${k}"
            for k, node in enumerate(self.nodes)
            if k != source and node.layer <= below and node.tool.output == tool.kinds[1 - place]
        ]
        mine = f"${source}"
        return [(tool, (mine, other) if place == 0 else (other, mine)) for other in others]

    def _append(self, tool: ToolEntry, inputs: tuple[str, ...], layer: int) -> None:
        self._tools[tool.name] = tool
        self._seen.add((tool.name, *inputs))
        for text in inputs:
            self._taken[text] = self._taken.get(text, 0) + 1
        self.nodes.append(Node(tool, inputs, layer))


def draw(
    catalogue: Catalogue, count: int, depth: int, width: int, most: int, rng: Random
) -> Graph | None:
    """One try at `count` calls of at most `most` tools in `depth` layers.

    None if the kinds did not fit, or if all that is asked for are changes.
    """
    draft = GraphDraft(catalogue, min(most, MOST_TOOLS, max(depth, (count + 1) // 2, 2)), rng)
    for layer, size in enumerate(layers(count, depth, width, rng)):
        for _ in range(size):
            if not draft.add(layer, last=layer == depth - 1):
                return None
    graph = draft.graph()
    values = [k for k in graph.sinks() if not graph.nodes[k].tool.writes]
    return graph if values else None
