"""Reads the catalogue: tools of everyday work by server, what they take and give, in TOML."""

from functools import cache
from random import Random
from typing import NamedTuple

import msgspec

from tasks.shipped import shipped

PARTS = 4  # of a tool's line


class ToolEntry(NamedTuple):
    """A tool before its latency is drawn.

    `params` are its parameters and `kinds` what they take; `output` is the kind of what it gives;
    `words` speak of it, with `{param}` for each argument; of a tool that `writes` an order.
    """

    name: str
    params: tuple[str, ...]
    kinds: tuple[str, ...]
    output: str
    words: str
    writes: bool


class Catalogue(NamedTuple):
    """Everything that tasks are drawn from.

    `starts` has what a kind is and two lists of words; `goes_on` the kinds that a reading tool
    takes, so that a chain can go on from them.
    """

    starts: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]]
    tools: tuple[ToolEntry, ...]
    goes_on: frozenset[str]

    def label(self, kind: str, rng: Random) -> str:
        """A name of a starting kind."""
        _, first, second = self.starts[kind]
        return f"{rng.choice(first)} {rng.choice(second)}".replace("_", " ")


class _CatalogueFile(msgspec.Struct):
    starts: dict[str, tuple[str, str, str]]
    servers: dict[str, str]


@cache
def catalogue() -> Catalogue:
    """The catalogue that comes with the project; ValueError names a line that is wrong."""
    text = (shipped("tools_catalogue.toml")).read_text(encoding="utf-8")
    raw = msgspec.toml.decode(text, type=_CatalogueFile)
    starts = {k: (a, tuple(x.split()), tuple(y.split())) for k, (a, x, y) in raw.starts.items()}
    tools = tuple(
        _entry(server, line)
        for server, lines in raw.servers.items()
        for line in lines.strip().splitlines()
    )
    kinds = {*starts, *(tool.output for tool in tools)}
    for tool in tools:
        if unknown := set(tool.kinds) - kinds:
            raise ValueError(f"{tool.name}: nothing gives a {unknown.pop()}")
    return Catalogue(starts, tools, frozenset(k for t in tools if not t.writes for k in t.kinds))


def _entry(server: str, line: str) -> ToolEntry:
    parts = [part.strip() for part in line.split("|")]
    if len(parts) != PARTS:
        raise ValueError(f"{server}: {line!r} has not {PARTS} parts")
    name, params, output, words = parts
    taken = []
    for one in params.split(","):
        left, _, right = one.strip().partition(":")
        taken.append((left, right or left))
    for param, _ in taken:
        if f"{{{param}}}" not in words:
            raise ValueError(f"{server}: {line!r} does not speak of {param}")
    return ToolEntry(
        name=f"{server}_{name}",
        params=tuple(param for param, _ in taken),
        kinds=tuple(kind for _, kind in taken),
        output=output.removeprefix("!"),
        words=words,
        writes=output.startswith("!"),
    )
