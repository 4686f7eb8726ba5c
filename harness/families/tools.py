"""Built-in policies for tool tasks: they know which calls are needed, and differ in when.

On the track `reactive` a policy makes calls in turns; on `plan` it orders a list of them. Its
answer holds only what its own calls have returned.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice, product
from random import Random
from typing import NamedTuple

import msgspec

from generators import tools as generator
from graders import tools as grader
from graders.exact import tools as exact
from harness.families.family import BoardColumn, Family, Levels, Policy, Submission, Toolbox
from tasks import tools as task
from tasks.base import Called, Fields, Instance, SolverFailure, ToolCall
from tasks.tools import PICK, View
from tasks.tools_answers import answers as answer_forms
from tasks.tools_answers import submission_schema
from tasks.tools_clock import Simulation, arguments_of, returned, value_of
from tasks.tools_payload import Due, Errand, canonical, reference_of
from tasks.tools_plan import ANSWER, PLAN, TURNS

HALF = 0.5
STOP = 0.1  # chance that the random policy answers instead of calling
MOST_RANDOM = 4  # calls of it in one turn


class ReadyCall(NamedTuple):
    """A required call that can be made now."""

    step: int
    due: Due


Choose = Callable[[View, list[ReadyCall]], Sequence[ReadyCall]]


def _call(due: Due) -> ToolCall:
    return ToolCall("", due.offer.name, msgspec.json.encode(due.arguments).decode())


def returned_codes(view: View) -> set[str]:
    """Return the codes that the calls so far have returned."""
    return returned(view.calls)


def ready_calls(view: View) -> list[ReadyCall]:
    """Return in order the required calls whose inputs are known and whose results are not."""
    values = returned_codes(view)
    available = values | {canonical(start.label) for start in view.instance.payload.starts}
    return [
        ReadyCall(k, due)
        for k, due in enumerate(view.due)
        if due.value.name not in values and all(e.name in available for e in due.inputs)
    ]


def by_turns(choose: Choose) -> Callable[[View], tuple[ToolCall, ...]]:
    """Make a policy that calls a choice of all that is ready, as long as there is any.

    Args:
        choose: picks from the calls that are ready at a view.
    """

    def calls(view: View) -> tuple[ToolCall, ...]:
        if view.stage != "turn":
            return ()
        return tuple(_call(need.due) for need in choose(view, ready_calls(view)))

    return calls


def in_order(order: Callable[[View], Sequence[int]]) -> Callable[[View], Fields]:
    """Make a policy that answers with what is known; on the track `plan` with all required calls.

    Args:
        order: the steps of the plan, in the order of its list.
    """

    def answer(view: View) -> Fields:
        errand = view.instance.payload
        if view.stage == "select":
            return {PICK: list(dict.fromkeys(step.tool for step in errand.steps))}
        if view.stage == "plan":
            return _plan(errand, order(view))
        values = returned_codes(view)
        answers = {
            w.key: view.due[w.step].value.name
            for w in errand.wanted
            if w.key and view.due[w.step].value.name in values
        }
        return {ANSWER: answers}

    return answer


def _plan(errand: Errand, order: Sequence[int]) -> Fields:
    calls = [exact.entry(errand, k) for k in order]
    return {PLAN: calls, ANSWER: {w.key: f"$s{w.step}" for w in errand.wanted if w.key}}


# What is called, and in which order ----------------------------------------------------------


def one_at_a_time(view: View, needs: list[ReadyCall]) -> Sequence[ReadyCall]:  # noqa: ARG001
    """Choose the first call that is ready."""
    return needs[:1]


def everything(view: View, needs: list[ReadyCall]) -> Sequence[ReadyCall]:  # noqa: ARG001
    """Choose all calls that are ready, as listed."""
    return needs


def longest_first(view: View, needs: list[ReadyCall]) -> Sequence[ReadyCall]:
    """Choose all calls that are ready, the one with the longest chain of calls after it first."""
    tails = _tails(view)
    return sorted(needs, key=lambda need: -tails[need.step])


def _tails(view: View) -> list[int]:
    """Return for each required call its latency and that of the longest chain after it."""
    steps = view.instance.payload.steps
    tails = [due.duration for due in view.due]
    for k in range(len(steps) - 1, -1, -1):
        for source in map(reference_of, steps[k].inputs):
            if source is not None:
                tails[source] = max(tails[source], view.due[source].duration + tails[k])
    return tails


def by_goal(view: View) -> list[int]:
    """Order the calls goal by goal: what each wanted value depends on before the next value's."""
    errand, order = view.instance.payload, list[int]()

    def visit(k: int) -> None:
        for source in map(reference_of, errand.steps[k].inputs):
            if source is not None:
                visit(source)
        if k not in order:
            order.append(k)

    for goal in errand.wanted:
        visit(goal.step)
    return order


def as_listed(view: View) -> list[int]:
    """Order the calls depth by depth."""
    return list(range(len(view.due)))


def by_tails(view: View) -> list[int]:
    """Order the calls by the longest chain first; what a call needs has a longer one."""
    tails = _tails(view)
    return sorted(range(len(tails)), key=lambda k: -tails[k])


def nothing(view: View) -> list[int]:  # noqa: ARG001
    """Order no call at all."""
    return []


# The optimum ---------------------------------------------------------------------------------


def optimal_calls(view: View) -> tuple[ToolCall, ...]:
    """Return the calls of the reference's turn that is due."""
    turns = _reference(view.instance).get(TURNS, [])
    number = view.calls[-1].turn if view.calls else 0
    if view.stage != "turn" or number >= len(turns):
        return ()
    return tuple(_call(view.due[exact.step_of(entry)]) for entry in turns[number])


def optimal_order(view: View) -> list[int]:
    """Return the order of the reference's plan."""
    return [exact.step_of(entry) for entry in _reference(view.instance)[PLAN]]


def _unsolved(instance: Instance[Errand]) -> bool:
    return instance.reference.answer is None


def _reference(instance: Instance[Errand]) -> Fields:
    """Return the reference's answer, or what the solver finds now; SolverFailure if it is none."""
    best = exact.reference(instance.payload) if _unsolved(instance) else instance.reference
    if best.answer is None:
        raise SolverFailure(f"no answer to {instance.id} is known: it is {best.status}")
    return best.answer


# Without a thought ---------------------------------------------------------------------------


def possible_calls(view: View) -> Iterator[ToolCall]:
    """Yield every call on known values that was not made yet, of tools that may be used.

    Those are the tools that only read, and the changes that are asked for.
    """
    offers = {offer.name: offer for offer in view.instance.payload.tools}
    completed_keys = {
        offers[c.call.name].key(arguments_of(c.call) or {})
        for c in view.calls
        if c.result.status == "ok"
    }
    required_keys = {due.key for due in view.due}
    kinds = _values_by_kind(view)
    for offer in view.instance.payload.tools:
        for values in product(*(kinds.get(param.kind, []) for param in offer.params)):
            key = (offer.name, *values)
            if key not in completed_keys and (key in required_keys or not offer.writes):
                arguments = {p.name: v for p, v in zip(offer.params, values, strict=True)}
                yield ToolCall("", offer.name, msgspec.json.encode(arguments).decode())


def _values_by_kind(view: View) -> dict[str, list[str]]:
    """Return the names of the request and the codes returned so far, each once, by their kind."""
    kinds: dict[str, list[str]] = {}
    for start in view.instance.payload.starts:
        kinds.setdefault(start.kind, []).append(canonical(start.label))
    for record in view.calls:
        value = value_of(record.result)
        if value is not None and value not in kinds.setdefault(value.partition("-")[0], []):
            kinds[value.partition("-")[0]].append(value)
    return kinds


def shotgun_calls(view: View) -> tuple[ToolCall, ...]:
    """Return all possible calls, until all that is asked for is known or no call remains."""
    values, remaining = returned_codes(view), view.instance.payload.limits.calls - len(view.calls)
    if view.stage != "turn" or all(due.value.name in values for due in view.due):
        return ()
    return tuple(islice(possible_calls(view), remaining))


def shotgun_plan(view: View) -> Fields:
    """Answer with all possible calls in a plan: those of the turns, which refer to each other."""
    errand = view.instance.payload
    if view.stage != "plan":
        return in_order(as_listed)(view)
    history = _shotgun_history(view)
    ids = {value_of(record.result): f"$c{k}" for k, record in enumerate(history)}
    entries = []
    for k, record in enumerate(history):
        arguments = arguments_of(record.call) or {}
        references = {name: ids.get(value, value) for name, value in arguments.items()}
        entries.append({"id": f"c{k}", "tool": record.call.name, "arguments": references})
    answer = {w.key: ids.get(view.due[w.step].value.name) for w in errand.wanted if w.key}
    return {PLAN: entries, ANSWER: answer}


def _shotgun_history(view: View) -> list[Called]:
    """Return the calls of all turns, as the simulation answers them."""
    simulation, history = Simulation(view.instance.payload), list[Called]()
    while calls := shotgun_calls(msgspec.structs.replace(view, stage="turn", calls=tuple(history))):
        results = simulation.turn([(call.name, arguments_of(call)) for call in calls])
        history += [Called(1, call, result) for call, result in zip(calls, results, strict=True)]
    return history


def random_calls(view: View, draw: int = 1) -> tuple[ToolCall, ...]:
    """Return a few possible calls drawn at random, or at random none."""
    number = view.calls[-1].turn if view.calls else 0
    rng = Random(f"random/{view.instance.id}/{number}{_again(draw)}")
    if view.stage != "turn" or rng.random() < STOP:
        return ()
    candidates = list(possible_calls(view))
    return tuple(rng.sample(candidates, min(len(candidates), rng.randint(1, MOST_RANDOM))))


def _again(draw: int) -> str:
    """Return the end of a draw's seed; that of the first is as if there were no others."""
    return f"/{draw}" if draw > 1 else ""


def random_plan(view: View, draw: int = 1) -> Fields:
    """Answer with half of what is possible in a plan, drawn at random."""
    plan = shotgun_plan(view)
    if view.stage == "plan":
        rng = Random(f"random/{view.instance.id}{_again(draw)}")
        plan[PLAN] = [entry for entry in plan[PLAN] if rng.random() < HALF]
    return plan


POLICIES = {
    "sequential": Policy(
        "floor",
        "one call a turn; a plan goal by goal",
        in_order(by_goal),
        calls=by_turns(one_at_a_time),
    ),
    "all-ready": Policy(
        "floor",
        "all that is ready each turn; a plan depth by depth",
        in_order(as_listed),
        calls=by_turns(everything),
    ),
    "longest-path-first": Policy(
        "floor",
        "all that is ready, the longest chain first",
        in_order(by_tails),
        calls=by_turns(longest_first),
    ),
    "shotgun": Policy(
        "floor", "every possible call each turn, needed or not", shotgun_plan, calls=shotgun_calls
    ),
    "random": Policy(
        "floor",
        "a few possible calls a turn, drawn; half of them in a plan",
        random_plan,
        calls=random_calls,
        draw=random_plan,
        draw_calls=random_calls,
    ),
    "do-nothing": Policy("floor", "answers without a call", in_order(nothing)),
    "optimal": Policy(
        "ceiling",
        "the reference's turns, or its plan",
        in_order(optimal_order),
        calls=optimal_calls,
        solves=_unsolved,
    ),
}

FAMILY: Family[Errand] = Family(
    name="tools",
    description="a compound request answered with tools: in the right order, and in parallel",
    version=task.VERSION,
    templates=task.TEMPLATES,
    payload=Errand,
    generate=generator.generate,
    resolve=generator.resolve,
    settings=generator.RequestSettings,
    levels=Levels("required calls", 1, generator.LARGEST),
    solve=exact.reference,
    world=task.world,
    read=task.read,
    answers=answer_forms,
    grade=grader.grade,
    reward=grader.reward,
    summarise=grader.summarise,
    policies=POLICIES,
    columns=(
        BoardColumn("completion", measure=grader.completion),
        BoardColumn("ratio_barrier", "ratio"),
        BoardColumn("ratio_free", "ratio"),
        BoardColumn("parallelism", "ratio"),
        BoardColumn("turns", "count"),
        BoardColumn("dependency", "count"),
        BoardColumn("gap_proven", place="notes", title="of gaps are against a bound"),
    ),
    strata=grader.strata,
    score_needs_bound=True,
    ramp=("depth", "width"),
    unseen=task.UNSEEN,
    tools=Toolbox(
        world=Simulation,
        request=task.request,
        transport="transport",
        submission=Submission(submission_schema, task.submitted),
        answered=task.answered,
    ),
    means=("imagine",),
    no_means="its world has tools of its own, and tells at each call what came of it",
    drawings=".tools",
)
