"""What is promised of tool tasks: CPU of a simulated call, of an episode, and of an instance."""

import asyncio
from time import process_time
from typing import Any

import msgspec

from generators.tools import generate
from graders.tools import grade
from harness.agents.base import Direct
from harness.calls.drive import drive
from harness.families.tools import POLICIES
from harness.mcp.direct import direct
from harness.run.episode import episode
from memory.base import NoMemory
from tasks.base import Ask, CallTools, Instance, Outcome, Outside, Reply
from tasks.prompts import installed
from tasks.tools import world
from tasks.tools_clock import Simulation
from tasks.tools_payload import Errand, Hidden
from tests.benchmarks.limits import Limit, cpu_limit

EPISODES, TURNS = 40, 400
PROMPTS = installed()


def a_call() -> Limit:
    """A call in turns of eight that all work, over a new world each."""
    payload = generate(12, 0, 0, {}).payload
    step = Hidden(payload).steps()[0]
    calls: list[Any] = [(step.offer.name, step.arguments)] * 8
    payload = msgspec.structs.replace(
        payload, limits=msgspec.structs.replace(payload.limits, calls=10**6)
    )
    began, world = process_time(), Simulation(payload)
    for _ in range(TURNS):
        world.turn(calls)
    seconds = (process_time() - began) / (TURNS * len(calls))
    return cpu_limit("tools, a call in the simulation", seconds, 30, scale=1e6)


async def _played(instance: Instance[Errand]) -> Outcome:
    tools, policy = direct(instance), POLICIES["all-ready"]

    async def perform(effect: Outside) -> Any:
        if isinstance(effect, CallTools):
            return await tools(effect)
        assert isinstance(effect, Ask)
        calls = policy.calls(effect.view)
        text = "" if calls else msgspec.json.encode(policy.answer(effect.view)).decode()
        return Reply(text, calls)

    program = episode(world(instance, PROMPTS), Direct(), NoMemory())
    return await drive(program, perform)


def an_episode() -> list[Limit]:
    """A 12-call episode of a policy, prompts and grade included, on both tracks."""
    found = []
    for track in ("reactive", "plan"):
        made = [generate(12, 0, index, {"track": track}) for index in range(EPISODES)]
        grade(made[0], asyncio.run(_played(made[0])))
        began = process_time()
        for instance in made:
            assert grade(instance, asyncio.run(_played(instance))).metrics["complete"]
        seconds = (process_time() - began) / EPISODES
        what = f"tools, an episode of 12 calls, {track}"
        found.append(cpu_limit(what, seconds, 5, scale=1e3))
    return found


def proofs() -> list[Limit]:
    """How many optima are proven by default, free and turn by turn, up to the largest level."""
    found = []
    for level, least in ((15, 1.0), (30, 1.0), (100, 0.95)):
        began, statuses = process_time(), []
        for index in range(10):
            answer = generate(level, 1, index, {}).reference.answer or {}
            statuses += [answer["optima"][name]["status"] for name in ("free", "barrier")]
        seconds = (process_time() - began) / 10
        proven = statuses.count("optimal") / len(statuses)
        found.append(Limit(f"tools, {level} calls: share of optima proven", proven, least, True))
        found.append(cpu_limit(f"tools, an instance of {level} calls", seconds, 5))
    return found


def main() -> list[Limit]:
    """Measure."""
    return [a_call(), *an_episode(), *proofs()]
