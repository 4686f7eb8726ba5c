"""Compound requests answered with tools on a virtual clock: the world and its two tracks.

On the track `reactive` the agent calls tools turn by turn: the calls of one reply run in parallel
and all return before the next. On the track `plan` it writes all calls down in one reply. A reply
without calls ends the task with the values asked for. After TPS-Bench (arXiv 2511.01527).
"""

import re
from collections.abc import Sequence

import msgspec

from tasks.base import (
    Called,
    Fields,
    Instance,
    Message,
    Outcome,
    Parsed,
    Program,
    Reply,
    Tool,
    ToolCall,
    ask,
    call_tools,
    short,
)
from tasks.parse import parse_object
from tasks.prompts import Prompts
from tasks.tools_clock import Simulation, arguments_of
from tasks.tools_payload import Due, Errand, Hidden, Payload
from tasks.tools_plan import ANSWER, PLAN, TURNS, execute, execute_turns, final, perform_here

__all__ = [
    "HAS_ROUNDS",
    "KEY",
    "UNSEEN",
    "VERSION",
    "Payload",
    "Simulation",
    "View",
    "read",
    "world",
]

VERSION = 1
# text.j2 is the agent text-tools' own; it counts since the first suites were published
TEMPLATES = (
    "tools/plan.j2",
    "tools/request.inc.j2",
    "tools/select.j2",
    "tools/text.j2",
    "tools/turns.j2",
)
KEY = ANSWER
PICK = "tools"  # of the answer to the question which tools to take
HAS_ROUNDS = False  # an episode's turns are one conversation: nothing for a memory to add
UNSEEN = ("transport",)  # settings that no agent can see
SKIPPED = "not picked: "  # stands before the name of a tool that the agent did not pick
_NAME = re.compile(r"[^A-Za-z0-9_-]")


class View(msgspec.Struct, frozen=True):
    """What a policy sees before a reply: hidden truth, what was called, the tools it picked."""

    instance: Instance[Errand]
    due: tuple[Due, ...]
    stage: str  # select, plan or turn
    calls: tuple[Called, ...] = ()

    @property
    def family(self) -> str:
        """The family's name."""
        return self.instance.family


def world(instance: Instance[Errand], prompts: Prompts) -> Program[Outcome]:
    """One request: perhaps tools are picked first, then a plan, or turns until an answer."""
    errand = instance.payload
    due = tuple(Hidden(errand).steps())
    tools, problems = tuple(offer.shown for offer in errand.tools), list[Fields]()
    if errand.select:
        messages = prompts.messages("tools/select.j2", tools=tools, **shown(errand))
        reply = yield from ask("select", messages, view=View(instance, due, "select"))
        tools, problems = picked(parse_object(reply, PICK), tools, errand.select)
    play = _plan if errand.track == "plan" else _turns
    outcome = yield from play(instance, prompts, due, tools)
    [parsed] = outcome.answers
    if parsed.value is None:
        return outcome
    both = [*problems, *parsed.value["problems"]]
    return Outcome((final(parsed.value[ANSWER], both),), outcome.calls)


def shown(errand: Errand) -> Fields:
    """What the templates may read, beside the tools."""
    names = ("starts", "wanted", "keys", "overhead", "limits", "select", "failures")
    return {name: getattr(errand, name) for name in names}


def picked(
    parsed: Parsed, tools: Sequence[Tool], most: int
) -> tuple[tuple[Tool, ...], list[Fields]]:
    """The tools an agent picked, the first `most` that exist, and what was wrong with its pick."""
    names = (parsed.value or {}).get(PICK)
    if not isinstance(names, list):
        reason = parsed.problem or f'"{PICK}" is not a list'
        return (), [{"kind": "no_pick", "reason": reason}]
    offered = {tool.name: tool for tool in tools}
    known = list(dict.fromkeys(n for n in names if isinstance(n, str) and n in offered))
    strange = [n for n in names if not (isinstance(n, str) and n in offered)]
    problems: list[Fields] = [{"kind": "unknown_pick", "value": short(n)} for n in strange]
    if len(known) > most:
        problems.append({"kind": "too_many_picked", "amount": len(known) - most})
    return tuple(offered[name] for name in known[:most]), problems


# One reply -----------------------------------------------------------------------------------


def _plan(
    instance: Instance[Errand], prompts: Prompts, due: tuple[Due, ...], tools: tuple[Tool, ...]
) -> Program[Outcome]:
    messages = prompts.messages("tools/plan.j2", tools=tools, **shown(instance.payload))
    reply = yield from ask("plan", messages, view=View(instance, due, "plan"))
    parsed = parse_object(reply, PLAN)
    if parsed.value is None:
        return Outcome((parsed,))
    left = _left(instance.payload, tools)
    plan = dict(parsed.value)
    if isinstance(plan[PLAN], list):
        plan[PLAN] = [_kept(one, left) for one in plan[PLAN]]
    outcome = yield from execute(plan)
    return outcome


def _kept(entry: object, left: set[str]) -> object:
    """An entry of a plan, marked if its tool was not picked."""
    if isinstance(entry, dict) and isinstance(entry.get("tool"), str):
        return {**entry, "tool": _marked(entry["tool"], left)}
    return entry


def _left(errand: Errand, tools: Sequence[Tool]) -> set[str]:
    """The names of tools that exist and were not picked."""
    return {offer.name for offer in errand.tools} - {tool.name for tool in tools}


def _marked(name: str, left: set[str]) -> str:
    return f"{SKIPPED}{name}" if name in left else name


# Turn by turn --------------------------------------------------------------------------------


def _turns(
    instance: Instance[Errand], prompts: Prompts, due: tuple[Due, ...], tools: tuple[Tool, ...]
) -> Program[Outcome]:
    errand, left = instance.payload, _left(instance.payload, tools)
    messages = prompts.messages("tools/turns.j2", tools=tools, **shown(errand))
    called: tuple[Called, ...] = ()
    ids: set[str] = set()
    for turn in range(1, errand.limits.turns + 2):
        view = View(instance, due, "turn", called)
        reply = yield from ask(f"turn-{turn:03d}", messages, tools=tools, view=view)
        if not reply.calls:
            return Outcome((_answer(reply),), called)
        if turn > errand.limits.turns:
            break
        calls = tuple(
            ToolCall(call.id, _marked(call.name, left), call.arguments) for call in reply.calls
        )
        done = yield from call_tools(f"turn-{turn:03d}/calls", turn, calls)
        called += done
        messages += _said(reply, turn, done, ids)
    problem = f"the limit of {errand.limits.turns} turns is reached without an answer"
    return Outcome((Parsed(problem=problem),), called)


def _answer(reply: Reply) -> Parsed:
    parsed = parse_object(reply, ANSWER)
    if parsed.value is None:
        return parsed
    answer = parsed.value[ANSWER]
    if not isinstance(answer, dict):
        return Parsed(problem=f'"{ANSWER}" is not an object')
    return final(answer, ())


def _said(reply: Reply, turn: int, done: Sequence[Called], ids: set[str]) -> tuple[Message, ...]:
    """A turn as the conversation goes on with it: what was called, and what each tool answered.

    What a provider might refuse to be sent back is mended: ids that are missing or used twice,
    names with strange characters, arguments that are no object.
    """
    calls = []
    for number, call in enumerate(reply.calls, 1):
        name = call.id if call.id and call.id not in ids else f"call-{turn}-{number}"
        ids.add(name)
        arguments = call.arguments if arguments_of(call) is not None else "{}"
        calls.append(ToolCall(name, _NAME.sub("_", call.name)[:64] or "_", arguments))
    results = (
        Message("tool", one.result.text, call_id=call.id)
        for call, one in zip(calls, done, strict=True)
    )
    return (Message("assistant", reply.text, tuple(calls)), *results)


# From files ----------------------------------------------------------------------------------


def read(answer: Fields | None, text: str) -> Outcome:
    """The outcome of an answer from a file: a plan, or turns; its calls are made by `performed`."""
    found = [parse_object(Reply(text), key) for key in (TURNS, PLAN, ANSWER)]
    parsed = next((p for p in found if p.value is not None), found[0])
    value = parsed.value if answer is None else answer
    if value is None:
        return Outcome((parsed,))
    written = {key: value[key] for key in (TURNS, PLAN, ANSWER) if key in value}
    return Outcome((Parsed(value=written, how=parsed.how or "given"),))


def performed(instance: Instance[Errand], outcome: Outcome) -> Outcome:
    """An outcome with its calls made: an episode's as it is, one from a file after its track."""
    value = outcome.answers[0].value if outcome.answers else None
    if outcome.calls or value is None or "problems" in value:
        return outcome
    errand = instance.payload
    planned = errand.track == "plan"
    program = execute(value) if planned else execute_turns(value, errand.limits.turns)
    return perform_here(program, Simulation(errand))
