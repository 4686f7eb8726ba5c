"""The tool servers of a run: one for each transport, started when an episode first needs it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.families.registry import family
from harness.mcp.direct import Tools, direct
from tasks.base import Instance
from tasks.extras import extra

if TYPE_CHECKING:
    from harness.mcp.client import Link


DIRECT = "direct"  # without a protocol


class Servers:
    """Tools for episodes as their setting `transport` says.

    Args:
        path: the file that holds the lines of the instances.
        instances: of the run.

    Raises:
        MissingExtra: if a transport needs MCP and it is not installed.
    """

    def __init__(self, path: Path, instances: Sequence[Instance[Any]]) -> None:
        remote = {instance.id: instance for instance in instances if _transport(instance) != DIRECT}
        names = dict.fromkeys(map(_transport, remote.values()))
        self._links = {name: _link(name, path, remote) for name in names}

    def tools(self, instance: Instance[Any], episode: str) -> Tools:
        """Return what performs the turns of one attempt at an episode; each has a new world."""
        transport = _transport(instance)
        if transport == DIRECT:
            return direct(instance)
        return self._links[transport].tools(instance.id, episode)

    async def close(self) -> None:
        """End the servers."""
        for link in self._links.values():
            await link.close()


def _transport(instance: Instance[Any]) -> str:
    tools = family(instance.family).tools
    return str(instance.settings.get(tools.transport, DIRECT)) if tools else DIRECT


def _link(transport: str, path: Path, instances: dict[str, Instance[Any]]) -> "Link":
    with extra("mcp", f"transport={transport}"):
        from harness.mcp.client import Link, opener
    return Link(opener(transport, path, instances))
