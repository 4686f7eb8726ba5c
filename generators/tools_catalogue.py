"""Reads the catalogue: tools of everyday work by server, what they take and give, in TOML."""

from functools import cache
from importlib.resources import files
from random import Random
from typing import NamedTuple

import msgspec

PARTS = 4  # of a tool's line


class Entry(NamedTuple):
    """A tool before its latency is drawn.

    `params` are (name, kind); `output` is the kind of what it gives; `words` speak of it, with
    `{param}` for each argument; of a tool that `writes` they are an order.
    """

    name: str
    params: tuple[tuple[str, str], ...]
    output: str
    words: str
    writes: bool

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds it takes."""
        return tuple(kind for _, kind in self.params)


class Catalogue(NamedTuple):
    """Everything that tasks are drawn from; `starts` has what a kind is and two lists of words."""

    starts: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]]
    tools: tuple[Entry, ...]

    def label(self, kind: str, rng: Random) -> str:
        """A name of a starting kind."""
        _, first, second = self.starts[kind]
        return f"{rng.choice(first)} {rng.choice(second)}".replace("_", " ")

    def ends(self, kind: str) -> bool:
        """Whether no reading tool takes the kind, so that a chain ends there."""
        return not any(kind in t.kinds for t in self.tools if not t.writes)


class _File(msgspec.Struct):
    starts: dict[str, tuple[str, str, str]]
    servers: dict[str, str]


@cache
def catalogue() -> Catalogue:
    """The catalogue that comes with the project; ValueError names a line that is wrong."""
    text = (files("tasks") / "tools_catalogue.toml").read_text(encoding="utf-8")
    raw = msgspec.toml.decode(text, type=_File)
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
    return Catalogue(starts, tools)


def _entry(server: str, line: str) -> Entry:
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
    return Entry(
        f"{server}_{name}", tuple(taken), output.removeprefix("!"), words, output.startswith("!")
    )
