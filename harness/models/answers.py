"""What of a body is the answer, read strictly: a text or a call that is none is a `ShapeError`."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from harness.models.lenient import fields_of, texts, word
from tasks.base import Fields, ToolCall, short

_KNOWN = re.compile(  # kinds of parts, blocks and items, whose text is read or which have none
    r"(?:\w+_)?(?:text|refusal|thinking|reasoning|thought|message|use|result|call|output"
    r"|image|image_url|audio|file|reference|compaction)"
)
THOUGHTS = ("thinking", "reasoning", "reasoning_text", "thought", "redacted_thinking")


class ShapeError(ValueError):
    """A field of a reply does not have a form in which it can be read."""


class Content(NamedTuple):
    """What a message says: its text, a refusal, and thoughts that stand among its parts."""

    text: str
    refusal: str = ""
    thoughts: tuple[str, ...] = ()


def read_content(value: Any) -> Content:
    """Return what a message says whose content is a text, a list of parts, one part, or nothing.

    Raises:
        ShapeError: it is something else, or the text of a part is; or nothing is said, and a part
            is of a kind that nobody knows.
    """
    if isinstance(value, str | None):
        return Content(value or "")
    parts = [value] if isinstance(value, dict) else value
    if not isinstance(parts, list | tuple):
        raise ShapeError(f"the content is {short(value)}, no text")
    content = joined([_part(part) for part in parts])
    if not (content.text or content.refusal):
        require_known(fields_of(part).get("type", "text") for part in parts if part != "")
    return content


def joined(contents: Sequence[Content]) -> Content:
    """Return what some contents say one after another."""
    return Content(
        "".join(content.text for content in contents),
        "".join(content.refusal for content in contents),
        tuple(thought for content in contents for thought in content.thoughts),
    )


def require_known(kinds: Iterable[Any]) -> None:
    """Refuse parts that may be the answer, in a reply that has none.

    Args:
        kinds: the types of its parts, blocks or items.

    Raises:
        ShapeError: nobody knows one of them.
    """
    for kind in kinds:
        if not isinstance(kind, str) or not _KNOWN.fullmatch(kind):
            raise ShapeError(f"nothing is said but a part of an unknown kind, {short(kind)}")


def _part(part: Any) -> Content:
    if isinstance(part, str):
        return Content(part)
    if not isinstance(part, dict):
        raise ShapeError(f"a part of the content is {short(part)}, no text")
    kind = part.get("type")
    if kind in THOUGHTS or part.get("thought") is True:
        return Content("", "", tuple(texts(part)))
    if kind == "refusal":
        return Content("", word(part.get("refusal")) or word(part.get("text")))
    text = part.get("text")
    if not isinstance(text, str | None) or ("text" not in part and kind is None):
        raise ShapeError(f"the text of a part is {short(text)}")
    return Content(text or "")


def read_calls(message: Fields) -> tuple[ToolCall, ...]:
    """Return the calls of a chat completion's message; the old form of a single one counts.

    Raises:
        ShapeError: one of them cannot be read.
    """
    calls = message.get("tool_calls") or ()
    if not isinstance(calls, list | tuple):
        raise ShapeError(f"the tool calls are {short(calls)}, no list")
    if not calls and message.get("function_call"):
        calls = [{"function": message["function_call"]}]
    return tuple(_call(call, position) for position, call in enumerate(calls))


def _call(call: Any, position: int) -> ToolCall:
    """Return a call; some servers leave out what is around its name and arguments."""
    fields = fields_of(call)
    function = fields_of(fields.get("function") or fields)
    return tool_call(
        [fields.get("id")], function.get("name"), _arguments(function), position=position
    )


def _arguments(function: Fields) -> str:
    """Return the text of the arguments as the model wrote it; an object as JSON."""
    value = function.get("arguments", "")
    if isinstance(value, str):
        return value
    return raw_arguments(msgspec.Raw(msgspec.json.encode(value)))


def raw_arguments(value: msgspec.Raw) -> str:
    """Return the text of arguments that are JSON, in a text of their own or not.

    Nothing is an object without fields, and so is an empty list, as some languages write it.
    """
    text = bytes(value).decode()
    if text.startswith('"'):
        inner: str = msgspec.json.decode(value, type=str)
        return inner
    return "{}" if text in ("null", "[]", "") else text


def tool_call(ids: Iterable[Any], name: Any, arguments: str, *, position: int) -> ToolCall:
    """Return a call, by its position if no id names it.

    Raises:
        ShapeError: it has no name.
    """
    if not isinstance(name, str) or not name:
        raise ShapeError(f"the name of a tool call is {short(name)}")
    return ToolCall(next(filter(None, map(word, ids)), f"call-{position}"), name, arguments)


def has_more(blocks: Sequence[Fields], known: dict[str, set[str]]) -> bool:
    """Return whether blocks of a turn have more in them than its text and its calls.

    Args:
        blocks: as the provider wrote them.
        known: what is not more, by the type of a block.
    """
    return any(
        block.get("type") not in known
        or any(
            v not in (None, "", [], {}) for k, v in block.items() if k not in known[block["type"]]
        )
        for block in blocks
    )
