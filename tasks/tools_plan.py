"""Tool calls written down ahead, with `$id` for the result of another: plans, and turns from files.

An entry is `{"id", "tool", "arguments"}`. A plan is a list of entries, put one by one in their
order, but never before those they refer to. Turns are lists of entries; a turn refers to turns
before it. What is wrong becomes a problem, and the call is made all the same: a reference that
leads nowhere stays as it is written, which no tool knows.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from tasks.base import (
    Called,
    CallTools,
    Failure,
    Fields,
    Outcome,
    Outside,
    Parsed,
    Program,
    ToolCall,
    ToolResult,
    call_tools,
    short,
)
from tasks.play import play
from tasks.tools_clock import Simulation, arguments_of, value_of

ANSWER, PLAN, TURNS = "answer", "calls", "turns"
MOST_PROBLEMS = 100  # listed one by one


class PlanEntry(NamedTuple):
    """A call as it was written; `arguments` is None where there is no object of them."""

    id: str
    tool: str
    arguments: Fields | None

    def references(self) -> list[str]:
        """Return the ids that its arguments refer to."""
        values = (self.arguments or {}).values()
        return [v[1:] for v in values if isinstance(v, str) and v.startswith("$")]

    def call(self, values: Mapping[str, str]) -> ToolCall:
        """Return the call with values in place of references; one without a value stays."""
        arguments = None
        if self.arguments is not None:
            arguments = {k: _resolved(v, values) for k, v in self.arguments.items()}
        return ToolCall(self.id, self.tool, msgspec.json.encode(arguments).decode())


def _resolved(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str) and value.startswith("$"):
        return values.get(value[1:], value)
    return value


class _Execution:
    """Calls that are performed one after another, and their values by the ids of their entries."""

    def __init__(self) -> None:
        self.problems: list[Fields] = []
        self.values: dict[str, str] = {}
        self._calls: list[Called] = []

    def perform(self, path: str, turn: int, entries: Sequence[PlanEntry]) -> Program[None]:
        """Make the calls of some entries together, and note their values."""
        calls = tuple(entry.call(self.values) for entry in entries)
        performed = yield from call_tools(path, turn, calls)
        for entry, call in zip(entries, performed, strict=True):
            value = value_of(call.result)
            if value is not None and entry.id:
                self.values[entry.id] = value
        self._calls += performed

    def outcome(self, answer: Any) -> Outcome:
        """Return the outcome with an answer in which references become values."""
        if not isinstance(answer, dict):
            self.problems.append({"kind": "no_answer", "value": short(answer)})
            answer = {}
        answer = {key: _resolved(value, self.values) for key, value in answer.items()}
        return Outcome((final_answer(answer, self.problems),), tuple(self._calls))


def execute(plan: Fields) -> Program[Outcome]:
    """Perform a plan and return its outcome, which also has what is wrong with it."""
    execution = _Execution()
    entries = _entries(plan.get(PLAN), execution.problems, set())
    for number, entry in enumerate(_in_order(entries, execution.problems), 1):
        yield from execution.perform(f"plan/{number:03d}", number, [entry])
    return execution.outcome(plan.get(ANSWER))


def execute_turns(script: Fields, most: int) -> Program[Outcome]:
    """Perform the first `most` turns of a file and return their outcome."""
    execution, ids = _Execution(), set[str]()
    problems, turns = execution.problems, script.get(TURNS)
    if not isinstance(turns, list):
        problems.append({"kind": "not_a_list", "value": short(turns)})
        turns = []
    if len(turns) > most:
        problems.append({"kind": "turn_limit", "amount": len(turns) - most})
    for number, turn in enumerate(turns[:most], 1):
        entries = _entries(turn, problems, ids)
        problems += _strangers(entries, execution.values)
        yield from execution.perform(f"turn-{number:03d}/calls", number, entries)
    return execution.outcome(script.get(ANSWER))


def _entries(rows: Any, problems: list[Fields], ids: set[str]) -> list[PlanEntry]:
    """Return a list from an answer as entries, the broken ones too.

    Args:
        rows: what stands there, perhaps no list.
        problems: what is wrong is added.
        ids: those used before; an id counts where it is used first.
    """
    if not isinstance(rows, list):
        problems.append({"kind": "not_a_list", "value": short(rows)})
        return []
    return [_entry(row, number, problems, ids) for number, row in enumerate(rows, 1)]


def _entry(row: Any, number: int, problems: list[Fields], ids: set[str]) -> PlanEntry:
    fields = row if isinstance(row, dict) else {}
    name, tool, arguments = (fields.get(key) for key in ("id", "tool", "arguments"))
    if not isinstance(tool, str):
        problems.append({"kind": "broken_call", "number": number, "value": short(row)})
        tool = ""
    name = name if isinstance(name, str) else ""
    if name in ids:
        problems.append({"kind": "duplicate_id", "id": short(name)})
        name = ""
    ids |= {name} if name else set()
    return PlanEntry(name, tool, arguments if isinstance(arguments, dict) else None)


def _strangers(entries: Iterable[PlanEntry], names: Iterable[str]) -> list[Fields]:
    """Return references to ids that are not among those named, as problems."""
    ids = set(names)
    return [
        {"kind": "unknown_reference", "id": short(name)}
        for entry in entries
        for name in entry.references()
        if name not in ids
    ]


def _in_order(entries: Sequence[PlanEntry], problems: list[Fields]) -> list[PlanEntry]:
    """Return the entries, each after those it refers to, else as listed.

    Entries that refer to each other in a circle come last; the circle is added to `problems`.
    """
    ids = {entry.id for entry in entries if entry.id}
    problems += _strangers(entries, ids)
    waiting = {k: ids.intersection(entry.references()) for k, entry in enumerate(entries)}
    order: list[PlanEntry] = []
    placed: set[str] = set()
    while waiting:
        k = next((k for k, needs in waiting.items() if needs <= placed), None)
        if k is None:
            circle = [entries[k] for k in waiting]
            problems.append({"kind": "cycle", "ids": [short(entry.id) for entry in circle]})
            return order + circle
        del waiting[k]
        placed.add(entries[k].id)
        order.append(entries[k])
    return order


def final_answer(answer: Fields, problems: Sequence[Fields]) -> Parsed:
    """Return the end of an episode as its grader reads it.

    Args:
        answer: values by the keys of the request.
        problems: what went wrong on the way; the first `MOST_PROBLEMS` and a count of the others.
    """
    listed, more = list(problems[:MOST_PROBLEMS]), len(problems) - MOST_PROBLEMS
    if more > 0:
        listed.append({"kind": "more", "amount": more})
    return Parsed(value={ANSWER: answer, "problems": listed}, how="read")


def with_problems(parsed: Parsed, problems: Sequence[Fields]) -> Parsed:
    """Return the end of an episode with what went wrong before it, in both of its readings."""
    both = [
        value and final_answer(value[ANSWER], [*problems, *value["problems"]]).value
        for value in (parsed.value, parsed.written)
    ]
    return replace(parsed, value=both[0], written=both[1])


def perform_here(program: Program[Outcome], simulation: Simulation) -> Outcome:
    """Perform a program that yields nothing but `CallTools`, against a simulation.

    Raises:
        Failure: it yields another effect.
    """

    def perform(effect: Outside) -> tuple[ToolResult, ...]:
        if not isinstance(effect, CallTools):
            raise Failure(f"{effect.path} wants more than tools")
        return simulation.turn([(call.name, arguments_of(call)) for call in effect.calls])

    return play(program, perform)
