"""Reads the catalogue: tools of everyday work by server, what they take and give, in TOML."""

from functools import cache
from random import Random
from typing import NamedTuple

import msgspec

from tasks.shipped import shipped

PARTS = 4  # of a tool's line


class ToolEntry(NamedTuple):
    """A tool before its latency is drawn.

    Attributes:
        name: with its server in front.
        params: its parameters.
        kinds: the kind that each parameter takes.
        output: the kind that it gives.
        words: its value in words, with `{param}` for each argument; an order if it writes.
        writes: whether it changes something.
    """

    name: str
    params: tuple[str, ...]
    kinds: tuple[str, ...]
    output: str
    words: str
    writes: bool


class Catalogue(NamedTuple):
    """The kinds and tools that tasks are drawn from.

    Attributes:
        starts: for each kind that a request may name, a phrase and two lists of words.
        tools: all there are.
        goes_on: kinds that a reading tool takes, so that a chain can go on from them.
    """

    starts: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]]
    tools: tuple[ToolEntry, ...]
    goes_on: frozenset[str]

    def label(self, kind: str, rng: Random) -> str:
        """Draw a name of a starting kind."""
        _, first, second = self.starts[kind]
        return f"{rng.choice(first)} {rng.choice(second)}".replace("_", " ")


class _CatalogueFile(msgspec.Struct):
    starts: dict[str, tuple[str, str, str]]
    servers: dict[str, str]


@cache
def catalogue() -> Catalogue:
    """Return the catalogue that comes with the project.

    Raises:
        ValueError: a line of it is wrong; the message names it.
    """
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
    pairs = [_param(part) for part in params.split(",")]
    for param, _ in pairs:
        if f"{{{param}}}" not in words:
            raise ValueError(f"{server}: {line!r} does not speak of {param}")
    return ToolEntry(
        name=f"{server}_{name}",
        params=tuple(param for param, _ in pairs),
        kinds=tuple(kind for _, kind in pairs),
        output=output.removeprefix("!"),
        words=words,
        writes=output.startswith("!"),
    )


def _param(text: str) -> tuple[str, str]:
    """Return a parameter and the kind it takes, from `name:kind`, or from `kind` for both."""
    name, _, kind = text.strip().partition(":")
    return name, kind or name
