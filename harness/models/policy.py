"""Built-in policies as models: no key, no network, no tokens."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

import msgspec

from harness.models.base import Model
from harness.registry import Policy, family
from tasks.base import Ask, InputError, Reply, Usage

START = "policy/"
FILE = "file:"  # begins the name of a policy that is a program in a file
NO_PROGRAMS: Mapping[str, str] = {}


class PolicyModel:
    """Answers a step by code that reads its hidden view, one at a time, off the event loop."""

    def __init__(self, name: str, policies: Mapping[str, Policy]) -> None:
        self.name = f"{START}{name}"
        self._policies = policies
        self._thread = ThreadPoolExecutor(1)

    async def reply(self, ask: Ask) -> Reply:
        """The policy's answer as JSON text."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._answer, ask.view)

    def _answer(self, view: Any) -> Reply:
        if view is None:  # a memory's own question: a policy keeps no notes
            return Reply("", usage=Usage(0, 0), model=self.name, cost=0.0)
        began = perf_counter()
        policy = self._policies[view.family]
        calls = policy.calls(view)
        text = "" if calls else msgspec.json.encode(policy.answer(view)).decode()
        return Reply(
            text,
            calls,
            finish="tool_calls" if calls else "stop",
            usage=Usage(0, 0),
            seconds=round(perf_counter() - began, 6),
            model=self.name,
            cost=0.0,
        )

    async def close(self) -> None:
        """Let the thread go."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def build_policy(
    model: str, families: tuple[str, ...], programs: Mapping[str, str] = NO_PROGRAMS
) -> Model:
    """The policy of a model's name in every family of a run that has it; InputError if none does.

    `policy/file:NAME.py@DIGEST` is one of the run's programs, run in the sandbox.
    """
    if content := program_of(model):
        from harness.evolve.policy import ProgramModel

        return ProgramModel(model, programs[content], families)
    name = model.removeprefix(START)
    having = {f: family(f).policies[name] for f in families if name in family(f).policies}
    if not having:
        known = "; ".join(f"of {f}: {', '.join(family(f).policies)}" for f in families)
        raise InputError(f"unknown model {model!r}: the policies {known}")
    return PolicyModel(name, having)


def program_of(model: str) -> str | None:
    """The digest of the program that a model is by a run's name for it, `file:NAME.py@DIGEST`."""
    return model.rpartition("@")[2] if model.startswith(START + FILE) else None


def is_asked(model: str, name: str, programs: Mapping[str, str] = NO_PROGRAMS) -> bool:
    """Whether a model takes part in a family: a policy only where there is one of its name."""
    if content := program_of(model):
        from harness.evolve.policy import domain_of

        return domain_of(programs[content]).family == name
    provider, _, policy = model.partition("/")
    return provider != "policy" or policy in family(name).policies
