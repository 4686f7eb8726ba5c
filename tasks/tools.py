"""Compound requests answered with tools on a virtual clock: the world and its two tracks.

On the track `reactive` the agent calls tools turn by turn: the calls of one reply run in parallel
and all return before the next. On the track `plan` it writes all calls down in one reply. A reply
without calls ends the task with the values asked for. After TPS-Bench (arXiv 2511.01527).
"""

from collections.abc import Sequence
from itertools import compress
from operator import not_

import msgspec
from msgspec.structs import replace

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
from tasks.parse import parse_object, read_object
from tasks.prompts import Prompts
from tasks.spelling import GIVEN
from tasks.tool_turns import conversation
from tasks.tools_clock import Simulation, returned
from tasks.tools_payload import Due, Errand, Hidden, Payload, canonical
from tasks.tools_plan import (
    ANSWER,
    PLAN,
    TURNS,
    execute,
    execute_turns,
    perform_here,
    with_problems,
)
from tasks.tools_spelling import spelled_script, spelled_values, told_mended

__all__ = [
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
UNSEEN = ("transport",)  # settings that no agent can see
SKIPPED = "not picked: "  # stands before the name of a tool that the agent did not pick


class View(msgspec.Struct, frozen=True):
    """A step as a policy sees it: the instance, the required calls, and the calls made so far."""

    instance: Instance[Errand]
    due: tuple[Due, ...]
    stage: str  # select, plan or turn
    calls: tuple[Called, ...] = ()

    @property
    def family(self) -> str:
        """Return the family's name."""
        return self.instance.family


def world(instance: Instance[Errand], prompts: Prompts) -> Program[Outcome]:
    """Play one request: a pick of tools if it asks for one, then a plan, or turns to an answer."""
    errand = instance.payload
    due = tuple(Hidden(errand).steps())
    tools, problems = tuple(offer.as_tool for offer in errand.tools), list[Fields]()
    if errand.select:
        messages = prompts.messages("tools/select.j2", tools=tools, **prompt_fields(errand))
        reply = yield from ask("select", messages, view=View(instance, due, "select"))
        tools, problems = selection(parse_object(reply, PICK), tools, errand.select)
    play = _plan if errand.track == "plan" else _turns
    outcome = yield from play(instance, prompts, due, tools)
    [parsed] = outcome.answers
    if parsed.value is None:
        return outcome
    return Outcome((with_problems(parsed, problems),), outcome.calls)


def prompt_fields(errand: Errand) -> Fields:
    """Return what the templates may read, beside the tools."""
    names = ("starts", "wanted", "keys", "overhead", "limits", "select", "failures")
    return {name: getattr(errand, name) for name in names}


def request(errand: Errand, prompts: Prompts) -> tuple[Message, ...]:
    """Return what an agent outside is asked, which reaches the tools by a protocol."""
    tools = [offer.as_tool for offer in errand.tools]
    name = "plan" if errand.track == "plan" else "turns"
    return prompts.messages(f"tools/{name}.j2", tools=tools, **prompt_fields(errand))


def selection(
    parsed: Parsed, tools: Sequence[Tool], most: int
) -> tuple[tuple[Tool, ...], list[Fields]]:
    """Return the tools that an agent picked, and what was wrong with its pick.

    Args:
        parsed: its answer, which lists names of tools.
        tools: those on offer.
        most: how many it may have; of more it gets the first.
    """
    names = (parsed.value or {}).get(PICK)
    if not isinstance(names, list):
        reason = parsed.problem or f'"{PICK}" is not a list'
        return (), [{"kind": "no_pick", "reason": reason}]
    by_name = {tool.name: tool for tool in tools}
    offered = [isinstance(name, str) and name in by_name for name in names]
    problems: list[Fields] = [
        {"kind": "unknown_pick", "value": short(name)}
        for name in compress(names, map(not_, offered))
    ]
    unique = list(dict.fromkeys(compress(names, offered)))
    if len(unique) > most:
        problems.append({"kind": "too_many_picked", "amount": len(unique) - most})
    return tuple(by_name[name] for name in unique[:most]), problems


# One reply -----------------------------------------------------------------------------------


def _plan(
    instance: Instance[Errand], prompts: Prompts, due: tuple[Due, ...], tools: tuple[Tool, ...]
) -> Program[Outcome]:
    messages = prompts.messages("tools/plan.j2", tools=tools, **prompt_fields(instance.payload))
    reply = yield from ask("plan", messages, view=View(instance, due, "plan"))
    parsed = read_object(reply, PLAN)
    if parsed.value is None:
        return Outcome((parsed,))
    unpicked = _unpicked(instance.payload, tools)
    plan, mended = spelled_script(instance.payload, parsed)
    if isinstance(plan[PLAN], list):
        plan[PLAN] = [_marked_entry(entry, unpicked) for entry in plan[PLAN]]
    return told_mended((yield from execute(plan)), mended)


def _marked_entry(entry: object, unpicked: set[str]) -> object:
    """Return an entry of a plan, its tool marked if the agent did not pick it."""
    if isinstance(entry, dict) and isinstance(entry.get("tool"), str):
        return {**entry, "tool": _marked(entry["tool"], unpicked)}
    return entry


def _unpicked(errand: Errand, tools: Sequence[Tool]) -> set[str]:
    """Return the names of the tools on offer that the agent did not pick."""
    return {offer.name for offer in errand.tools} - {tool.name for tool in tools}


def _marked(name: str, unpicked: set[str]) -> str:
    return f"{SKIPPED}{name}" if name in unpicked else name


# Turn by turn --------------------------------------------------------------------------------


def _turns(
    instance: Instance[Errand], prompts: Prompts, due: tuple[Due, ...], tools: tuple[Tool, ...]
) -> Program[Outcome]:
    errand, unpicked = instance.payload, _unpicked(instance.payload, tools)
    messages = prompts.messages("tools/turns.j2", tools=tools, **prompt_fields(errand))
    history: tuple[Called, ...] = ()
    ids: set[str] = set()
    for turn in range(1, errand.limits.turns + 2):
        view = View(instance, due, stage="turn", calls=history)
        reply = yield from ask(f"turn-{turn:03d}", messages, tools=tools, view=view)
        if not reply.calls:
            return Outcome((spelled_values(errand, read_object(reply, ANSWER)),), history)
        if turn > errand.limits.turns:
            break
        calls = _marked_calls(reply, unpicked)
        performed_calls = yield from call_tools(f"turn-{turn:03d}/calls", turn, calls)
        history += performed_calls
        messages += conversation(reply, turn, performed_calls, ids)
    problem = f"the limit of {errand.limits.turns} turns is reached without an answer"
    return Outcome((Parsed(problem=problem),), history)


def _marked_calls(reply: Reply, unpicked: set[str]) -> tuple[ToolCall, ...]:
    return tuple(
        ToolCall(call.id, _marked(call.name, unpicked), call.arguments) for call in reply.calls
    )


def submitted(
    errand: Errand, world: Simulation, calls: Sequence[Called], answer: Fields
) -> Outcome:
    """Return the outcome of an episode that an agent outside played with calls of its own.

    Args:
        errand: the request.
        world: the simulation that the calls were made in.
        calls: those made so far.
        answer: the values; on the track `plan` calls may stand in it, which are made first.
    """
    parsed = Parsed(value=answer, how="whole")
    if errand.track != "plan" or PLAN not in answer:
        return Outcome((spelled_values(errand, parsed),), tuple(calls))
    script, mended = spelled_script(errand, parsed)
    outcome = told_mended(perform_here(execute(script), world), mended)
    return replace(outcome, calls=(*calls, *outcome.calls))


def answered(errand: Errand, outcome: Outcome) -> bool:
    """Return whether an episode ended in a value for each key, each of which its calls returned.

    Whether they are the values asked for is not looked at: whoever reads the conversation can tell
    as much.

    Args:
        errand: the request.
        outcome: of the episode, its calls made.
    """
    value = outcome.answers[0].value if outcome.answers else None
    answer, codes = (value or {}).get(ANSWER), returned(outcome.calls)
    if not isinstance(answer, dict):
        return False
    values = [answer.get(key) for key in errand.keys]
    return all(isinstance(each, str) and canonical(each) in codes for each in values)


# From files ----------------------------------------------------------------------------------


def read(answer: Fields | None, text: str) -> Outcome:
    """Return the outcome of an answer from a file: a plan, or turns, before any call is made.

    Args:
        answer: the object, if the file holds one.
        text: the raw text of a reply, read if there is no object.
    """
    candidates = [
        reading(Reply(text), key)
        for reading in (parse_object, read_object)
        for key in (TURNS, PLAN, ANSWER)
    ]
    parsed = next((c for c in candidates if c.value is not None), candidates[3])
    value = parsed.value if answer is None else answer
    if value is None:
        return Outcome((parsed,))
    fields = {key: value[key] for key in (TURNS, PLAN, ANSWER) if key in value}
    how = parsed.how if answer is None else GIVEN
    return Outcome((Parsed(value=fields, how=how, mended=parsed.mended),))


def performed(instance: Instance[Errand], outcome: Outcome) -> Outcome:
    """Return an outcome with its calls made.

    That of an episode is returned as it is; the plan or the turns of one from a file are performed
    against a simulation, by the track of its instance.
    """
    value = outcome.answers[0].value if outcome.answers else None
    if outcome.calls or value is None or "problems" in value:
        return outcome
    errand = instance.payload
    planned = errand.track == "plan"
    script, mended = spelled_script(errand, outcome.answers[0])
    program = execute(script) if planned else execute_turns(script, errand.limits.turns)
    return told_mended(perform_here(program, Simulation(errand)), mended)
