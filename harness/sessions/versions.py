"""The version of a command-line agent, as the agent itself tells it in a jail."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor

import msgspec

from harness.sandbox.base import SandboxFailure
from harness.sessions.definitions import InstalledAgent
from harness.sessions.jailed import run_jailed
from harness.sessions.neutral import AgentRequest
from harness.sessions.proxy import FinalWord, Proxy
from tasks.base import Reply

SECONDS = 120.0
_VERSION = re.compile(r"\d+\.\d+[\w.+-]*")
_versions: dict[bytes, str] = {}  # of this process, by the agent: it is asked at every step of one


def installed_version(agent: InstalledAgent) -> str:
    """Return the version that an agent tells in a jail, where no model is asked.

    Raises:
        SandboxFailure: there is no jail here, or the agent tells no version in it.
    """
    key = msgspec.json.encode(agent)
    if key not in _versions:
        with ThreadPoolExecutor(1) as pool:  # the caller may be in a loop of its own
            text = pool.submit(asyncio.run, _printed(agent)).result()
        match = _VERSION.search(text)
        if match is None:
            end = text.strip()[-200:]
            raise SandboxFailure(f"{agent.name} tells no version in the jail: {end!r}")
        _versions[key] = match.group()
    return _versions[key]


async def _printed(agent: InstalledAgent) -> str:
    async def refuse(_: AgentRequest) -> Reply:
        raise FinalWord("no model is here")

    return (await run_jailed(agent.version_cell(SECONDS), Proxy(refuse).serve)).tail
