"""The ways a server is reached: the standard streams of its process, or a port of this machine."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from time import sleep
from typing import Any

import uvicorn
from mcp.server import Server
from mcp.server.stdio import stdio_server

from harness.mcp.wire import ToolsFailure
from tasks.base import InputError

HOST = "127.0.0.1"
END = 30.0  # seconds for the server to end


async def serve_stdio(server: Server[Any]) -> None:
    """Serve one client on standard input and output until it closes them."""
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


def bind(port: int) -> socket.socket:
    """Return a socket that listens on a port of this machine; InputError if it cannot be had.

    Args:
        port: 0 for any that is free.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(2048)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = error.strerror if isinstance(error, OSError) else "no port above 65535"
        raise InputError(
            f"cannot serve on port {port}: {reason}; give another `http` PORT"
        ) from None
    return listener


def address(listener: socket.socket) -> str:
    """Return the URL of what is served on a socket."""
    return f"http://{HOST}:{listener.getsockname()[1]}/mcp"


def http_server(server: Server[Any]) -> uvicorn.Server:
    """Return a uvicorn server of streamable HTTP; give its `run` a socket in `sockets`."""

    def app() -> Any:  # made where it runs: the SDK's locks belong to one kind of event loop
        return server.streamable_http_app(json_response=True, host=HOST)

    return uvicorn.Server(
        uvicorn.Config(
            app,
            factory=True,
            log_level="error",
            access_log=False,
            ws="none",
            timeout_graceful_shutdown=1,
        )
    )


@contextmanager
def serve_in_thread(server: Server[Any]) -> Iterator[str]:
    """Serve over HTTP from a thread of this process, with an event loop of its own; yield the URL.

    Raises:
        ToolsFailure: if the server does not start.
    """
    listener = bind(0)
    http = http_server(server)
    thread = Thread(target=http.run, kwargs={"sockets": [listener]}, name="mcp-http", daemon=True)
    thread.start()
    while thread.is_alive() and not http.started:
        sleep(0.001)
    if not http.started:
        raise ToolsFailure("the HTTP server did not start: its log says why")
    try:
        yield address(listener)
    finally:
        http.should_exit = True
        thread.join(END)
        listener.close()
