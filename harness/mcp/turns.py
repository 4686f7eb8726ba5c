"""The calls of a turn as one tool, for clients whose calls come one by one."""

from collections.abc import Sequence

import msgspec

from tasks.base import Fields, Tool, ToolCall
from tasks.tools_clock import Arguments, arguments_of

RUN = "run_tools"  # its calls are one turn
NAMES, ARGUMENTS = "names", "arguments"  # what it takes
TURN = f"""\
Make the calls of one turn, which run in parallel: `{NAMES}` are the tools, `{ARGUMENTS}` the
arguments of each, in the same order. The results come in that order. The tools, and the schemas
of their arguments:"""


def turn_tool(tools: Sequence[Tool]) -> Tool:
    """Return the tool that makes the calls of a turn; it says which tools there are."""
    listed = [
        f"- {tool.name}: {tool.description} {msgspec.json.encode(tool.parameters).decode()}"
        for tool in tools
    ]
    names = {"type": "array", "items": {"type": "string", "enum": [tool.name for tool in tools]}}
    schema: Fields = {
        "type": "object",
        "properties": {
            NAMES: {**names, "minItems": 1},
            ARGUMENTS: {"type": "array", "items": {"type": "object"}, "minItems": 1},
        },
        "required": [NAMES, ARGUMENTS],
        "additionalProperties": False,
    }
    return Tool(RUN, "\n".join([TURN, *listed]), schema)


def turn_calls(fields: Fields) -> list[tuple[str, Arguments]] | str:
    """Return the calls that are wanted of that tool, or why there are none."""
    names, arguments = fields.get(NAMES), fields.get(ARGUMENTS)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return f"nothing was called: {NAMES!r} is no list of names of tools"
    if not isinstance(arguments, list) or len(arguments) != len(names):
        return f"nothing was called: {ARGUMENTS!r} is no list of {len(names)} objects"
    if not names:
        return f"nothing was called: {NAMES!r} is empty"
    return list(zip(names, map(_read, arguments), strict=True))


def no_tool(name: str) -> str:
    """Return why another tool than that one is not called."""
    return f"there is no tool {name!r} here: {RUN} calls those of the request"


def _read(value: object) -> Arguments:
    """Return the arguments of a call; also those that a client wrote as JSON text."""
    if isinstance(value, str):
        return arguments_of(ToolCall("", "", value))
    return value if isinstance(value, dict) else None
