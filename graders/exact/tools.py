"""The two optima of a tool task: turn by turn, and with every call as early as it can be."""

from collections.abc import Sequence
from heapq import heapreplace
from typing import NamedTuple

from graders.exact.tools_schedule import FURTHER, BestPlan, barrier, free
from graders.exact.tools_search import CallNode, Calls, Ints
from tasks.base import Fields, Reference
from tasks.tools_payload import Due, Errand, Hidden
from tasks.tools_plan import ANSWER, PLAN, TURNS

ROOM = 1.15  # what calling all that is ready must cost, in best turns of a search
LOOK = 20_000  # steps of that search
SOLVER = "tools_schedule"
OPTIMA = "optima"  # in a reference's answer, beside the calls that attain it


class CallAttempt(NamedTuple):
    """A call of the reference: the attempt at a required call, from 0; the last one works."""

    step: int
    number: int
    works: bool


def attempts(due: Sequence[Due], *, planned: bool) -> list[CallAttempt]:
    """Return every call that is needed.

    Args:
        due: the required calls.
        planned: whether the track is `plan`, where a call that fails is repeated in its own place.
    """
    return [
        CallAttempt(k, n, works=planned or n == required.failing)
        for k, required in enumerate(due)
        for n in range(1 if planned else 1 + required.failing)
    ]


def graph(errand: Errand, due: Sequence[Due], *, planned: bool) -> tuple[list[CallNode], list[int]]:
    """Return the needed calls, as `attempts` lists them, and the capacity of each tool.

    Args:
        errand: the task.
        due: its required calls.
        planned: whether the track is `plan`, where a call that fails is repeated in its own place.
    """
    tools = {tool.name: k for k, tool in enumerate(errand.tools)}
    calls = attempts(due, planned=planned)
    needs = _needs(due, calls)
    nodes = [
        CallNode(
            due[call.step].duration * (1 + due[call.step].failing if planned else 1),
            tools[due[call.step].offer.name],
            (k - 1,) if call.number else needs[call.step],
        )
        for k, call in enumerate(calls)
    ]
    return nodes, [tool.capacity for tool in errand.tools]


def _needs(due: Sequence[Due], calls: Sequence[CallAttempt]) -> list[tuple[int, ...]]:
    """Return for each required call the calls, by index, whose results it needs."""
    last = {call.step: k for k, call in enumerate(calls)}
    sources = {required.value.name: k for k, required in enumerate(due)}
    return [
        tuple(sorted({last[sources[e.name]] for e in required.inputs if e.name in sources}))
        for required in due
    ]


def reference(errand: Errand, *, seconds: float | None = None) -> Reference:  # noqa: ARG001
    """Return the optimum of the task's track, with calls that attain it in the answer's format.

    That is the barrier optimum on `reactive` and the free one on `plan`; both stand in the answer
    under `optima`. With failures they are clairvoyant: they know which calls will fail. Times are
    in units of virtual time.

    Args:
        errand: the task.
        seconds: of no effect: searches count steps, so that a reference is the same everywhere.
    """
    due, planned = Hidden(errand).steps(), errand.track == "plan"
    calls, capacity = graph(errand, due, planned=planned)
    turns = barrier(calls, capacity, errand.overhead, further=FURTHER)
    at_once = free(calls, capacity, errand.overhead)
    answer = {
        **_listing(errand, attempts(due, planned=planned), at_once if planned else turns),
        ANSWER: {item.key: f"$s{item.step}" for item in errand.wanted if item.key},
        OPTIMA: {"barrier": _optimum(errand, turns), "free": _optimum(errand, at_once)},
    }
    best = at_once if planned else turns
    return Reference(best.status, best.objective, best.bound, solver=SOLVER, answer=answer)


def _listing(errand: Errand, calls: Sequence[CallAttempt], best: BestPlan) -> Fields:
    """Return the calls of a best plan, or of its turns, as an answer writes them."""
    if errand.track == "plan":
        return {PLAN: _entries(errand, calls, best.order)}
    return {TURNS: [_entries(errand, calls, turn) for turn in best.turns]}


def entry(errand: Errand, k: int, number: str = "") -> Fields:
    """Return the call of a step as an answer writes it.

    Args:
        errand: the task.
        k: the index of the step.
        number: what tells an attempt that fails from others, appended to the id.
    """
    step = errand.steps[k]
    params = (param.name for param in errand.offer(step.tool).params)
    inputs = (f"$s{text[1:]}" if text.startswith("$") else text for text in step.inputs)
    arguments = dict(zip(params, inputs, strict=True))
    return {"id": f"s{k}{number}", "tool": step.tool, "arguments": arguments}


def step_of(entry: Fields) -> int:
    """Return the index of the step of an entry of a reference's answer."""
    return int(entry["id"][1:].partition("-")[0])


def _entries(errand: Errand, calls: Sequence[CallAttempt], order: Ints) -> list[Fields]:
    chosen = (calls[k] for k in order)
    return [entry(errand, c.step, "" if c.works else f"-{c.number}") for c in chosen]


def _optimum(errand: Errand, plan: BestPlan) -> Fields:
    optimum = {"status": plan.status, "objective": plan.objective, "bound": plan.bound}
    return {**optimum, "clairvoyant": True} if errand.failures else optimum


# Bounds and room for planning ---------------------------------------------------------------


def lower_bound(errand: Errand) -> int:
    """Return a time that no episode beats on the task's track, without any search."""
    planned = errand.track == "plan"
    calls, capacity = graph(errand, Hidden(errand).steps(), planned=planned)
    return _least(calls, capacity, errand.overhead, planned=planned)


def has_room(errand: Errand) -> bool:
    """Return whether calling all that is ready takes 1.15 times as long as turns of a search.

    The search is a short one for the best turns.
    """
    calls, capacity = graph(errand, Hidden(errand).steps(), planned=False)
    ready = all_ready(calls, capacity, errand.overhead)
    if ready < ROOM * _least(calls, capacity, errand.overhead, planned=False):
        return False
    return ready >= ROOM * barrier(calls, capacity, errand.overhead, limit=LOOK).objective


def _least(calls: Calls, capacity: Ints, overhead: int, *, planned: bool) -> int:
    """Return the longest chain with its turns' overhead, or the work of the busiest tool.

    The greater of the two is a bound on any plan.
    """
    turns = 1 if planned else max(_depths(calls))
    return max(overhead * turns + _longest_chain(calls), overhead + _busiest(calls, capacity))


def _depths(calls: Calls) -> list[int]:
    """Return for each call the least number of turns up to its own; needs stand before."""
    depths: list[int] = []
    for call in calls:
        depths.append(1 + max((depths[k] for k in call.needs), default=0))
    return depths


def _longest_chain(calls: Calls) -> int:
    ends: list[int] = []
    for call in calls:  # needs stand before
        ends.append(call.duration + max((ends[k] for k in call.needs), default=0))
    return max(ends)


def _busiest(calls: Calls, capacity: Ints) -> int:
    """Return the most time that the work of one tool takes on all its places."""
    work = [0] * len(capacity)
    for call in calls:
        work[call.tool] += call.duration
    return max(-(-total // places) for total, places in zip(work, capacity, strict=True))


def all_ready(calls: Calls, capacity: Ints, overhead: int) -> int:
    """Return the time of turns that each hold all that is ready, in the order listed.

    Args:
        calls: the calls, each after those it needs.
        capacity: the places of each tool's pool.
        overhead: the time that each turn costs before its calls.
    """
    depths = _depths(calls)
    turns: list[list[CallNode]] = [[] for _ in range(max(depths))]
    for call, depth in zip(calls, depths, strict=True):
        turns[depth - 1].append(call)
    return sum(overhead + _turn_length(turn, capacity) for turn in turns)


def _turn_length(turn: Calls, capacity: Ints) -> int:
    places: dict[int, list[int]] = {}
    for call in turn:
        free_at = places.setdefault(call.tool, [0] * capacity[call.tool])
        heapreplace(free_at, free_at[0] + call.duration)
    return max(max(free_at) for free_at in places.values())
