"""An assistant's turn as it goes back to its provider: with what that wants back, under good ids.

A bag is one object with the fields of a chat completion's message that are neither its text nor
its calls, and under `tool_calls` an object for each call with what that has beside id, name and
arguments: thoughts, signatures, whatever a server knows.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from harness.models.base import ProviderFailure
from harness.models.lenient import fields_of
from tasks.base import Fields, Message, ToolCall

TEXT = {"role", "content", "refusal", "tool_calls", "function_call"}
NO_STATE = {"annotations", "audio", "images", "name", "parsed", "prefix", "type"}
CALL = {"id", "type", "index", "function"}
FUNCTION = {"name", "arguments"}
KEPT_EMPTY = {"reasoning_content"}  # DeepSeek refuses a turn without it, not one where it is ""
THOUGHTS = {"thinking", "reasoning", "redacted_thinking"}  # parts of a content that go back

# Bags ---------------------------------------------------------------------------------------


def bag_of(message: Fields) -> tuple[Fields, ...]:
    """Return what must come back of a chat completion's message with calls; nothing of others."""
    calls = message.get("tool_calls") or [{"function": message.get("function_call")}]
    if calls == [{"function": None}] or not isinstance(calls, list):
        return ()
    bag = _state(message, TEXT | NO_STATE)
    content = message.get("content")
    if isinstance(content, list) and any(fields_of(p).get("type") in THOUGHTS for p in content):
        bag["content"] = content
    extras = [_call_state(fields_of(call)) for call in calls]
    if any(extras):
        bag["tool_calls"] = extras
    return (bag,) if bag else ()


def _call_state(call: Fields) -> Fields:
    function = _state(fields_of(call.get("function")), FUNCTION)
    return _state(call, CALL) | ({"function": function} if function else {})


def _state(fields: Fields, known: set[str]) -> Fields:
    return {
        name: value
        for name, value in fields.items()
        if name not in known and (_has_value(value) or (name in KEPT_EMPTY and value == ""))
    }


def _has_value(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_value, value.values()))
    if isinstance(value, list):
        return any(map(_has_value, value))
    return value not in (None, "")


def with_bag(turn: Fields, blocks: Sequence[Fields]) -> Fields:
    """Return a turn of chat completions with what its server wants back.

    Args:
        turn: as it would go back to a server that wants nothing.
        blocks: of the message; older replies have litellm's blocks of thinking.
    """
    if "type" in blocks[0]:
        return turn | {"thinking_blocks": list(blocks)}
    [bag] = blocks
    extras = bag.get("tool_calls", ())
    calls = [
        _with_call_state(call, extras[k] if k < len(extras) else {})
        for k, call in enumerate(turn.get("tool_calls", ()))
    ]
    return turn | bag | ({"tool_calls": calls} if calls else {})


def _with_call_state(call: Fields, extra: Fields) -> Fields:
    return call | extra | {"function": call["function"] | extra.get("function", {})}


# Servers that refuse what they told -----------------------------------------------------------

_REFUSAL = re.compile(
    r"unsupported|not (?:supported|permitted|allowed)|unexpected|unrecognized|unknown|extra",
    re.IGNORECASE,
)
_DEMAND = re.compile(r"must be (?!satisfied)|missing|required|passed back", re.IGNORECASE)


class StateKeeper:
    """The fields of turns that a server has refused: it gets them no more.

    Some servers refuse in a request what they put into their own replies.
    """

    def __init__(self) -> None:
        self.refused: set[str] = set()

    async def post(self, send: Callable[[Fields], Awaitable[Any]], request: Fields) -> Any:
        """Return the answer to a request, sent once more if a field of its turns is refused.

        Raises:
            ProviderFailure: there is no answer.
        """
        turns = without_state(request, self.refused)
        try:
            return await send(turns)
        except ProviderFailure as failure:
            refused = refused_state(turns, str(failure))
            if not refused:
                raise
        self.refused |= refused
        return await send(without_state(request, self.refused))


def refused_state(request: Fields, message: str) -> set[str]:
    """Return the fields of a request's turns that a server says it does not take."""
    if not _REFUSAL.search(message) or _DEMAND.search(message):
        return set()
    names = {name for turn in request["messages"] for name in _state_names(turn)}
    return {name for name in names if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", message)}


def _state_names(turn: Fields) -> set[str]:
    names = set(turn) - TEXT - {"tool_call_id"}
    for call in turn.get("tool_calls", ()):
        names |= (set(call) - CALL) | (set(call["function"]) - FUNCTION)
    return names


def without_state(request: Fields, names: set[str]) -> Fields:
    """Return a request whose turns have no field of these names."""
    if not names:
        return request
    return request | {"messages": [_without(turn, names) for turn in request["messages"]]}


def _without(turn: Fields, names: set[str]) -> Fields:
    turn = {name: value for name, value in turn.items() if name not in names}
    if "tool_calls" in turn:
        turn["tool_calls"] = [_call_without(call, names) for call in turn["tool_calls"]]
    return turn


def _call_without(call: Fields, names: set[str]) -> Fields:
    function = {name: value for name, value in call["function"].items() if name not in names}
    return {k: v for k, v in call.items() if k not in names} | {"function": function}


# Ids ----------------------------------------------------------------------------------------

_OURS = re.compile(r"call-(\d+)(?:-(\d+))?")  # a call's name where its server gave none
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def sent_id(name: str | None) -> str:
    """Return the id under which a call is sent; 9 letters and digits if the name is our own.

    No server is known that wants less. What a server named itself goes back as it is.
    """
    ours = _OURS.fullmatch(name or "")
    if ours is None:
        return name or ""
    turn, number = ours.groups()
    if number is None:
        return f"r{_base36(int(turn), 8)}"
    return f"c{_base36(int(turn), 4)}{_base36(int(number), 4)}"


def _base36(number: int, width: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits.rjust(width, "0")


# Blocks and items -----------------------------------------------------------------------------


def renamed(
    blocks: Sequence[Fields],
    message: Message,
    kind: str,
    form: Callable[[ToolCall, Mapping[str, Any]], Fields],
) -> list[Fields]:
    """Return a turn's blocks, its calls under the ids, names and arguments that they have now.

    Args:
        blocks: as the provider wrote them.
        message: the turn.
        kind: the type of a block that is a call.
        form: what a call's block says that it has to say.
    """
    calls = iter(message.calls)
    turn = []
    for block in blocks:
        call = next(calls, None) if block.get("type") == kind else None
        turn.append(block if call is None else dict(block) | form(call, block))
    return turn


def same_json(text: str, value: Any) -> bool:
    """Return whether a text is the JSON of a value."""
    try:
        decoded = msgspec.json.decode(text.encode())
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return bool(decoded == value)
