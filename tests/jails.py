"""Tests that need a jail: skipped, with the reason, on a machine that has no namespaces."""

import asyncio
from functools import cache

import pytest

from harness.sandbox.base import SandboxFailure
from harness.sessions.jailed import Cell, run_jailed


@cache
def reason_without() -> str:
    """Return why there is no jail here; nothing where there is one."""

    async def serve(*_: object) -> None:
        return

    try:
        asyncio.run(run_jailed(Cell(command=("true",)), serve))
    except SandboxFailure as failure:
        return str(failure)
    return ""


@pytest.fixture(autouse=True)
def in_jail() -> None:
    """Skip where there is no jail; a module that needs one imports this."""
    if reason := reason_without():
        pytest.skip(reason)
