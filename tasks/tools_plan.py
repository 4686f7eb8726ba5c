"""Tool calls written down ahead, with `$id` for the result of another: plans, and turns from files.

An entry is `{"id", "tool", "arguments"}`. A plan is a list of entries, put one by one in their
order, but never before those they refer to. Turns are lists of entries; a turn refers to turns
before it. What is wrong becomes a problem, and the call is made all the same: a reference that
leads nowhere stays as it is written, which no tool knows.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

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
MOST_PROBLEMS = 100  # told one by one


class PlanEntry(NamedTuple):
    """A call as it was written; `arguments` is None where there is no object of them."""

    id: str
    tool: str
    arguments: Fields | None

    def references(self) -> list[str]:
        """The ids that its arguments refer to."""
        values = (self.arguments or {}).values()
        return [v[1:] for v in values if isinstance(v, str) and v.startswith("$")]

    def call(self, known: Mapping[str, str]) -> ToolCall:
        """The call with the results that are known in place of the references."""
        arguments = None
        if self.arguments is not None:
            arguments = {k: _resolved(v, known) for k, v in self.arguments.items()}
        return ToolCall(self.id, self.tool, msgspec.json.encode(arguments).decode())


def _resolved(value: Any, known: Mapping[str, str]) -> Any:
    if isinstance(value, str) and value.startswith("$"):
        return known.get(value[1:], value)
    return value


def execute(plan: Fields) -> Program[Outcome]:
    """Perform a plan; what is wrong with it is in the outcome's problems."""
    problems: list[Fields] = []
    entries = _entries(plan.get(PLAN), problems, set())
    called: list[Called] = []
    known: dict[str, str] = {}
    for number, entry in enumerate(_in_order(entries, problems), 1):
        call = entry.call(known)
        done = yield from call_tools(f"plan/{number:03d}", number, (call,))
        _note(entry, done[0].result, known)
        called += done
    return _outcome(plan, known, problems, called)


def execute_turns(script: Fields, most: int) -> Program[Outcome]:
    """Perform turns from a file, the first `most` of them."""
    problems: list[Fields] = []
    turns, used = script.get(TURNS), set[str]()
    if not isinstance(turns, list):
        problems.append({"kind": "not_a_list", "value": short(turns)})
        turns = []
    if len(turns) > most:
        problems.append({"kind": "turn_limit", "amount": len(turns) - most})
    called: list[Called] = []
    known: dict[str, str] = {}
    for number, turn in enumerate(turns[:most], 1):
        entries = _entries(turn, problems, used)
        problems += _strangers(entries, known)
        calls = tuple(entry.call(known) for entry in entries)
        done = yield from call_tools(f"turn-{number:03d}/calls", number, calls)
        for entry, one in zip(entries, done, strict=True):
            _note(entry, one.result, known)
        called += done
    return _outcome(script, known, problems, called)


def _note(entry: PlanEntry, result: ToolResult, known: dict[str, str]) -> None:
    value = value_of(result)
    if value is not None and entry.id:
        known[entry.id] = value


def _entries(written: Any, problems: list[Fields], used: set[str]) -> list[PlanEntry]:
    """What was written as entries, the broken ones too; an id counts where it is used first."""
    if not isinstance(written, list):
        problems.append({"kind": "not_a_list", "value": short(written)})
        return []
    found = []
    for number, one in enumerate(written, 1):
        fields = one if isinstance(one, dict) else {}
        name, tool, arguments = (fields.get(key) for key in ("id", "tool", "arguments"))
        if not isinstance(tool, str):
            problems.append({"kind": "broken_call", "number": number, "value": short(one)})
        name = name if isinstance(name, str) else ""
        if name in used:
            problems.append({"kind": "duplicate_id", "id": short(name)})
            name = ""
        used |= {name} if name else set()
        found.append(
            PlanEntry(
                name,
                tool if isinstance(tool, str) else "",
                arguments if isinstance(arguments, dict) else None,
            )
        )
    return found


def _strangers(entries: Iterable[PlanEntry], known: Iterable[str]) -> list[Fields]:
    """References to ids that are not there."""
    ids = set(known)
    return [
        {"kind": "unknown_reference", "id": short(name)}
        for entry in entries
        for name in entry.references()
        if name not in ids
    ]


def _in_order(entries: Sequence[PlanEntry], problems: list[Fields]) -> list[PlanEntry]:
    """The entries, each after those it refers to, else as listed; those in a circle come last."""
    ids = {entry.id for entry in entries if entry.id}
    problems += _strangers(entries, ids)
    waiting = {
        k: {name for name in entry.references() if name in ids} for k, entry in enumerate(entries)
    }
    done: set[str] = set()
    order: list[PlanEntry] = []
    while waiting:
        k = next((k for k, needs in waiting.items() if needs <= done), None)
        if k is None:
            circle = [short(entries[k].id) for k in waiting]
            problems.append({"kind": "cycle", "ids": circle})
            return order + [entries[k] for k in waiting]
        del waiting[k]
        done.add(entries[k].id)
        order.append(entries[k])
    return order


def _outcome(
    written: Fields, known: Mapping[str, str], problems: list[Fields], called: Sequence[Called]
) -> Outcome:
    answer = written.get(ANSWER)
    if not isinstance(answer, dict):
        problems.append({"kind": "no_answer", "value": short(answer)})
        answer = {}
    answer = {key: _resolved(value, known) for key, value in answer.items()}
    return Outcome((final(answer, problems),), tuple(called))


def final(answer: Fields, problems: Sequence[Fields]) -> Parsed:
    """The end of an episode as its grader reads it: the answer, and what went wrong on the way."""
    told, more = list(problems[:MOST_PROBLEMS]), len(problems) - MOST_PROBLEMS
    if more > 0:
        told.append({"kind": "more", "amount": more})
    return Parsed(value={ANSWER: answer, "problems": told}, how="read")


def perform_here(program: Program[Outcome], simulation: Simulation) -> Outcome:
    """Perform a program that wants nothing but tools, against a simulation."""

    def perform(effect: Outside) -> tuple[ToolResult, ...]:
        if not isinstance(effect, CallTools):
            raise Failure(f"{effect.path} wants more than tools")
        return simulation.turn([(call.name, arguments_of(call)) for call in effect.calls])

    return play(program, perform)
