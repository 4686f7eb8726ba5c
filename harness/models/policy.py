"""Built-in policies as models: no key, no network, no tokens."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

import msgspec

from harness.families.family import Policy
from harness.models.names import START
from tasks.base import Ask, Fields, Reply, Usage
from tasks.means import PolicyStep

SAYS = "import json\n\n\ndef solve(problem):\n    return json.loads({answer!r})\n"


class PolicyModel:
    """A model that answers by code that reads the step's hidden view, in a thread of its own."""

    def __init__(self, name: str, policies: Mapping[str, Policy]) -> None:
        self.name = f"{START}{name}"
        self._policies = policies
        self._thread = ThreadPoolExecutor(1)

    async def reply(self, ask: Ask) -> Reply:
        """Return the policy's answer as JSON text, or a program that finds it."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._answer, ask.view)

    def _answer(self, view: Any) -> Reply:
        if view is None:  # a memory's own question: a policy keeps no notes
            return Reply("", usage=Usage(0, 0), model=self.name, cost=0.0)
        start = perf_counter()
        policy, step = self._policies[view.family], PolicyStep(view)
        if isinstance(view, PolicyStep):
            step = view
        draw = policy.draw_calls
        calls = draw(step.view, step.draw) if draw else policy.calls(step.view)
        return Reply(
            "" if calls else _text(policy, step),
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


def _text(policy: Policy, step: PolicyStep) -> str:
    """Return an answer as JSON, or the program that is wanted in its place."""
    if step.limits is None:
        return _json(policy.draw(step.view, step.draw) if policy.draw else policy.answer(step.view))
    source = policy.program
    if not source or not set(policy.packages) <= set(step.limits.packages):
        source = SAYS.format(answer=_json(policy.answer(step.view)))
    return f"```python\n{source}```"


def _json(answer: Fields) -> str:
    return msgspec.json.encode(answer).decode()
