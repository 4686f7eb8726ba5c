"""The two optima of a tool task: turn by turn, and with every call as early as it can be."""

from collections.abc import Sequence
from heapq import heapreplace
from typing import NamedTuple

from graders.exact.tools_schedule import BestPlan, CallNode, barrier, free
from tasks.base import Fields, Reference
from tasks.tools_payload import Due, Errand, Hidden
from tasks.tools_plan import ANSWER, PLAN, TURNS

ROOM = 1.15  # what calling all that is ready must cost, in best turns known
LOOK = 20_000  # steps of search for those
SOLVER = "tools_schedule"
OPTIMA = "optima"  # in a reference's answer, beside the calls that attain it


class CallAttempt(NamedTuple):
    """A call of the reference: the attempt at a required call, from 0; the last one works."""

    step: int
    number: int
    works: bool


def attempts(due: Sequence[Due], *, planned: bool) -> list[CallAttempt]:
    """Every call that is needed; in a plan a call that fails is repeated in its own place."""
    return [
        CallAttempt(k, n, works=planned or n == one.failing)
        for k, one in enumerate(due)
        for n in range(1 if planned else 1 + one.failing)
    ]


def graph(errand: Errand, due: Sequence[Due], *, planned: bool) -> tuple[list[CallNode], list[int]]:
    """The needed calls, as `attempts` lists them, and the capacity of each tool."""
    tools = {tool.name: k for k, tool in enumerate(errand.tools)}
    listed = attempts(due, planned=planned)
    last = {a.step: k for k, a in enumerate(listed)}
    sources = {one.value.name: k for k, one in enumerate(due)}
    calls = []
    for k, (step, number, _) in enumerate(listed):
        one = due[step]
        needs = {last[sources[e.name]] for e in one.inputs if e.name in sources}
        repeats = 1 + one.failing if planned else 1
        calls.append(
            CallNode(
                one.duration * repeats,
                tools[one.offer.name],
                (k - 1,) if number else tuple(sorted(needs)),
            )
        )
    return calls, [tool.capacity for tool in errand.tools]


def reference(errand: Errand, *, seconds: float | None = None) -> Reference:  # noqa: ARG001
    """The optimum of the task's track, with the calls that attain it in the answer's format.

    That is the barrier optimum on `reactive` and the free one on `plan`; both stand in the answer
    under `optima`. With failures they are clairvoyant: they know which calls will fail. Searches
    count steps and not seconds, so that a reference is the same everywhere.
    """
    due, planned = Hidden(errand).steps(), errand.track == "plan"
    calls, capacity = graph(errand, due, planned=planned)
    turns = barrier(calls, capacity, errand.overhead)
    at_once = free(calls, capacity, errand.overhead)
    listed = attempts(due, planned=planned)
    chosen = at_once if planned else turns
    answer: Fields = {PLAN: _entries(errand, listed, at_once.order)}
    if not planned:
        answer = {TURNS: [_entries(errand, listed, turn) for turn in turns.turns]}
    answer[ANSWER] = {w.key: f"$s{w.step}" for w in errand.wanted if w.key}
    answer[OPTIMA] = {"barrier": _optimum(errand, turns), "free": _optimum(errand, at_once)}
    return Reference(chosen.status, chosen.objective, chosen.bound, SOLVER, answer)


def entry(errand: Errand, k: int, number: str = "") -> Fields:
    """The call of a step as an answer writes it; `number` tells attempts that fail apart."""
    step = errand.steps[k]
    params = (param.name for param in errand.offer(step.tool).params)
    inputs = (f"$s{text[1:]}" if text.startswith("$") else text for text in step.inputs)
    arguments = dict(zip(params, inputs, strict=True))
    return {"id": f"s{k}{number}", "tool": step.tool, "arguments": arguments}


def step_of(entry: Fields) -> int:
    """The step of an entry of a reference's answer."""
    return int(entry["id"][1:].partition("-")[0])


def _entries(errand: Errand, listed: Sequence[CallAttempt], order: Sequence[int]) -> list[Fields]:
    picked = (listed[k] for k in order)
    return [entry(errand, a.step, "" if a.works else f"-{a.number}") for a in picked]


def _optimum(errand: Errand, plan: BestPlan) -> Fields:
    found = {"status": plan.status, "objective": plan.objective, "bound": plan.bound}
    return {**found, "clairvoyant": True} if errand.failures else found


# Bounds and room for planning ---------------------------------------------------------------


def lower_bound(errand: Errand) -> int:
    """A time that nothing beats on the task's track, without any search."""
    planned = errand.track == "plan"
    calls, capacity = graph(errand, Hidden(errand).steps(), planned=planned)
    return _least(calls, capacity, errand.overhead, planned=planned)


def has_room(errand: Errand) -> bool:
    """Whether calling all that is ready needs 1.15 times the best turns a short search finds."""
    calls, capacity = graph(errand, Hidden(errand).steps(), planned=False)
    ready = all_ready(calls, capacity, errand.overhead)
    if ready < ROOM * _least(calls, capacity, errand.overhead, planned=False):
        return False
    return ready >= ROOM * barrier(calls, capacity, errand.overhead, limit=LOOK).objective


def _least(
    calls: Sequence[CallNode], capacity: Sequence[int], overhead: int, *, planned: bool
) -> int:
    """The longest chain with the overhead of its turns, or the work of the busiest tool."""
    turns: list[int] = []
    chain: list[int] = []
    work = [0] * len(capacity)
    for call in calls:  # needs stand before
        turns.append(1 + max((turns[k] for k in call.needs), default=0))
        chain.append(call.duration + max((chain[k] for k in call.needs), default=0))
        work[call.tool] += call.duration
    busiest = max(-(-total // places) for total, places in zip(work, capacity, strict=True))
    return max(overhead * (1 if planned else max(turns)) + max(chain), overhead + busiest)


def all_ready(calls: Sequence[CallNode], capacity: Sequence[int], overhead: int) -> int:
    """The time of turns that each hold all that is ready, in the order listed."""
    turn: list[int] = []
    for call in calls:  # needs stand before
        turn.append(1 + max((turn[k] for k in call.needs), default=-1))
    total = 0
    for number in range(max(turn) + 1):
        places: dict[int, list[int]] = {}
        for call, mine in zip(calls, turn, strict=True):
            if mine == number:
                free_at = places.setdefault(call.tool, [0] * capacity[call.tool])
                heapreplace(free_at, free_at[0] + call.duration)
        total += overhead + max(max(free_at) for free_at in places.values())
    return total
