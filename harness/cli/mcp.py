"""`makespan mcp`: the tools of an instance for any client of the Model Context Protocol."""

import signal
import sys
from argparse import Namespace
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from harness.families.registry import family
from harness.log import say
from harness.suites import instances
from tasks.base import InputError, Instance
from tasks.extras import extra

if TYPE_CHECKING:
    from mcp.server import Server

SHOWN = 5  # ids in the message about one that is not there


def serve(options: Namespace) -> int:
    """`makespan mcp serve`: until the client goes away, over HTTP until it is stopped."""
    errands, chosen = _errands(options)
    with extra("mcp", "serving over MCP"):
        import anyio

        from harness.mcp.outside import Visits
        from harness.mcp.server import Worlds, build_server
        from harness.mcp.serving import serve_stdio
    server = build_server(Worlds(errands), chosen, score=options.score, by_turns=options.turns)
    for name in Visits(errands[chosen], by_turns=options.turns).hidden:
        say(f"{chosen} has a tool {name} of its own: the server adds none of that name")
    if options.http is not None:
        return _serve_http(server, options.http, chosen)
    if sys.stdin.isatty():
        say(f"serving {chosen} on standard input and output")
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # else the SDK's reader holds the process
    anyio.run(serve_stdio, server)
    return 0


def _serve_http(server: "Server[Any]", port: int, chosen: str) -> int:
    """Serve over HTTP until Ctrl-C; return the exit code."""
    from harness.mcp.serving import address, bind, http_server

    with bind(port) as listener:
        print(address(listener), flush=True)
        say(f"serving {chosen}; Ctrl-C to end")
        with suppress(KeyboardInterrupt):
            http_server(server).run(sockets=[listener])
    return 0


def _errands(options: Namespace) -> tuple[dict[str, Instance[Any]], str]:
    """Return the instances with tools of a file, by id, and the id of the one that is served."""
    errands = {
        instance.id: instance
        for instance in instances.read(options.file)
        if family(instance.family).tools
    }
    if not errands:
        raise InputError(f"{options.file}: no instance with tools in it")
    chosen = options.id or next(iter(errands))
    if chosen not in errands or (len(errands) > 1 and options.id is None):
        ids = ", ".join(list(errands)[:SHOWN]) + (", ..." if len(errands) > SHOWN else "")
        question = "which instance?" if options.id is None else f"no instance {options.id!r} in it:"
        raise InputError(f"{options.file}: {question} give --id, one of {ids}")
    return errands, chosen
