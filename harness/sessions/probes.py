"""What this machine and its command-line agents tell of themselves, as it is tried out."""

import asyncio
import re
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

import msgspec

from harness.sandbox.base import SandboxFailure
from harness.sessions.definitions import InstalledAgent
from harness.sessions.jailed import Cell, CellLimits, run_jailed, run_unjailed
from harness.sessions.neutral import AgentRequest
from harness.sessions.proxy import FinalWord, Proxy
from tasks.base import Reply

SECONDS = 120.0
_VERSION = re.compile(r"\d+\.\d+[\w.+-]*")
_versions: dict[bytes, str] = {}  # of this process, by the agent: it is asked at every step of one
T = TypeVar("T")


@cache
def no_jail() -> str:
    """Return why there is no jail on this machine; nothing where there is one."""
    try:
        _waited(run_jailed(Cell(("true",)), Proxy(_refuse).serve))
    except SandboxFailure as failure:
        return str(failure)
    return ""


def installed_version(agent: InstalledAgent, *, jailed: bool = True) -> str:
    """Return the version that an agent tells, where no model is asked.

    Args:
        agent: as it is installed.
        jailed: whether it is asked in a jail.

    Raises:
        SandboxFailure: there is no jail here, or the agent tells no version in it.
    """
    key = msgspec.json.encode([agent, jailed])
    if key not in _versions:
        run = run_jailed if jailed else run_unjailed
        cell = agent.version_cell(CellLimits(SECONDS))
        ended = _waited(run(cell, Proxy(_refuse).serve))
        match = _VERSION.search(ended.tail)
        if match is None or ended.status != 0:
            end = ended.tail.strip()[-200:]
            raise SandboxFailure(f"{agent.name} tells no version in the jail: {end!r}")
        _versions[key] = match.group()
    return _versions[key]


def _waited(work: Coroutine[Any, Any, T]) -> T:
    """Return what comes of some work; the caller may be in a loop of its own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


async def _refuse(_: AgentRequest) -> Reply:
    raise FinalWord("no model is here")
