"""Instances of every family, and episodes in which the family's ceiling answers."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

from harness.families.registry import family
from harness.mcp.direct import world_of
from tasks.base import Ask, CallTools, Fields, Instance, Outcome, Outside, Reply
from tasks.play import play
from tasks.prompts import installed
from tasks.tools_clock import arguments_of

CASES: dict[str, tuple[str, int, Fields]] = {
    "rcpsp": ("rcpsp", 5, {}),
    "rcpsp-12": ("rcpsp", 12, {"axes": "downtime,windows,disjunctions", "setting": "datacentre"}),
    "tardiness": ("tardiness", 5, {}),
    "tardiness-10": ("tardiness", 10, {"weights": True}),
    "calendar": ("calendar", 2, {"rounds": 40}),
    "calendar-5": ("calendar", 5, {"rounds": 40, "feedback": "none"}),
    "tools-turns": ("tools", 2, {}),
    "tools-plan": ("tools", 3, {"track": "plan"}),
    "tools-pick": ("tools", 2, {"track": "plan", "select": 4}),
    "serving": ("serving", 4, {}),
    "fair-queue": ("fair-queue", 4, {}),
    "placement": ("placement", 6, {}),
    "tools-pick-turns": ("tools", 2, {"select": 4}),
    "flow": ("flow", 2, {"jobs": 4}),
    "flow-conversation": ("flow", 3, {"jobs": 6, "history": "conversation", "count": "hidden"}),
    "vms": ("vms", 2, {}),
    "vms-turns": ("vms", 2, {"track": "reactive", "churn": 1, "apart": 2}),
    "jobshop": ("jobshop", 3, {}),
    "feasibility": ("feasibility", 5, {"twin": "infeasible"}),
    "feasibility-6": ("feasibility", 6, {"twin": "feasible"}),
    "jobshop-blocking": ("jobshop", 4, {"buffers": "none", "shutdowns": 1}),
    "temporal": ("temporal", 2, {}),
    "temporal-network": ("temporal", 2, {"kind": "network"}),
    "temporal-relations": ("temporal", 2, {"kind": "interval_composition"}),
    "dag": ("dag", 4, {}),
    "pods": ("pods", 2, {"protected": 0.2}),
    "hoist": ("hoist", 3, {}),
    "hoist-shared": ("hoist", 2, {"station": "shared"}),
    "allocation": ("allocation", 5, {}),
    "allocation-benefit": ("allocation", 6, {"objective": "benefit"}),
    "contexts": ("contexts", 1, {"questions": 3}),
    "contexts-once": ("contexts", 2, {"shown": "once", "foretold": 3}),
}


@dataclass(frozen=True)
class GoldEpisode:
    """An episode as it was: each question with its reply, in order, and how it ended."""

    steps: tuple[tuple[Ask, Reply], ...]
    outcome: Outcome


@cache
def instance_of(case: str) -> Instance[Any]:
    """The first instance of a case, with its reference."""
    name, level, settings = CASES[case]
    return family(name).generate(level, 0, 0, family(name).resolve(level, settings))


@cache
def gold(case: str) -> GoldEpisode:
    """The episode of a case in which the family's ceiling answers."""
    instance = instance_of(case)
    declared = family(instance.family)
    policy = next(p for p in declared.policies.values() if p.kind == "ceiling")
    steps: list[tuple[Ask, Reply]] = []
    perform_calls = _tools(instance)

    def perform(effect: Outside) -> object:
        if isinstance(effect, CallTools):
            return perform_calls(effect)
        if not isinstance(effect, Ask):
            return None
        calls = policy.calls(effect.view)
        text = "" if calls else msgspec.json.encode(policy.answer(effect.view)).decode()
        steps.append((effect, Reply(text, calls)))
        return steps[-1][1]

    outcome = play(declared.world(instance, installed()), perform)
    return GoldEpisode(tuple(steps), outcome)


def _tools(instance: Instance[Any]) -> Callable[[CallTools], object]:
    if family(instance.family).tools is None:
        return lambda _: ()
    simulation = world_of(instance)
    return lambda effect: simulation.turn([(c.name, arguments_of(c)) for c in effect.calls])
