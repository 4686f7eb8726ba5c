"""Built-in policies as models: no key, no network, no tokens."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

import msgspec

from harness.families.family import Policy
from harness.models.names import START
from tasks.base import Ask, Reply, Usage


class PolicyModel:
    """A model that answers by code that reads the step's hidden view, in a thread of its own."""

    def __init__(self, name: str, policies: Mapping[str, Policy]) -> None:
        self.name = f"{START}{name}"
        self._policies = policies
        self._thread = ThreadPoolExecutor(1)

    async def reply(self, ask: Ask) -> Reply:
        """Return the policy's answer as JSON text."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._answer, ask.view)

    def _answer(self, view: Any) -> Reply:
        if view is None:  # a memory's own question: a policy keeps no notes
            return Reply("", usage=Usage(0, 0), model=self.name, cost=0.0)
        start = perf_counter()
        policy = self._policies[view.family]
        calls = policy.calls(view)
        text = "" if calls else msgspec.json.encode(policy.answer(view)).decode()
        return Reply(
            text,
            calls,
            finish="tool_calls" if calls else "stop",
            usage=Usage(0, 0),
            seconds=round(perf_counter() - start, 6),
            model=self.name,
            cost=0.0,
        )

    async def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)
