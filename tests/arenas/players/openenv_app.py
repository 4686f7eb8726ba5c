"""The app of OpenEnv, served here, and its own client over a websocket."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

import msgspec
import uvicorn
from openenv import GenericEnvClient

from harness.suites import instances
from makespan.arenas.openenv_app import app
from tests.arenas.played import Played, Recorded, corpus, report


@contextmanager
def served() -> Iterator[str]:
    """Serve the app inside; yields its address."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = monotonic() + 60
    while not server.started:
        assert monotonic() < deadline, "the app does not start"
        sleep(0.05)
    [socket] = server.servers[0].sockets
    try:
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)


async def played(rows: list[Recorded], address: str) -> list[Played]:
    """Play all recordings by the client."""
    found = []
    async with GenericEnvClient(base_url=address) as client:
        for instance, recording in rows:
            result = await client.reset(
                instance=instances.encode(instance).decode(),
                memory=recording.memory,
                agent=recording.agent,
            )
            for reply in recording.replies:
                calls = msgspec.to_builtins(reply.calls)
                result = await client.step(
                    {"text": reply.text, "calls": calls, "finish": reply.finish}
                )
            assert result.done, recording.name
            grade = result.observation["grade"]
            found.append(
                Played(recording.name, grade["score"], result.reward, verdict=grade["verdict"])
            )
    return found


def main() -> None:
    """Play the corpus."""
    rows = corpus()
    with served() as address:
        report("OpenEnv", "openenv", _in_one_loop(rows, address))


def _in_one_loop(rows: list[Recorded], address: str) -> Iterator[Played]:
    yield from asyncio.run(played(rows, address))


if __name__ == "__main__":
    main()
