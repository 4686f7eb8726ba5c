"""The bodies that providers send back, and how a reply is read out of them.

The bodies are decoded here and not by the SDKs, which are slower and let wrong ones through: HTML,
truncated JSON and error objects under status 200. What is the answer is read strictly
(`answers.py`), what is only told beside it leniently (`lenient.py`); unknown fields are ignored.
"""

import json
from typing import Any, TypeVar

import msgspec

from harness.models.answers import (
    Content,
    ShapeError,
    has_more,
    joined,
    raw_arguments,
    read_calls,
    read_content,
    require_known,
    tool_call,
)
from harness.models.base import MalformedBody, ProviderFailure
from harness.models.errors import NOT_JSON, error_in, explanation, failure_of, one_line
from harness.models.finishes import checked, ending_of
from harness.models.lenient import count, fields_of, first_text, texts, usage_of, with_counts, word
from harness.models.turns import bag_of
from tasks.base import Fields, Reply, ToolCall, Usage

T = TypeVar("T")

# Chat completions ---------------------------------------------------------------------------


class Choice(msgspec.Struct):
    """One of the answers; we only ever ask for one.

    Some servers have the form of another API: the `delta` of a stream, or the `text` of a prompt
    that is completed.
    """

    message: Fields | None = None
    delta: Fields | None = None
    text: str | None = None
    finish_reason: Any = None


class ChatCompletion(msgspec.Struct):
    """The body of a chat completion."""

    choices: tuple[Choice, ...]
    model: Any = None
    usage: Any = None


CHAT_FINISH = {"function_call": "tool_calls"}


def chat_reply(body: bytes, seconds: float = 0.0) -> Reply:
    """Read a chat completion; `ProviderFailure` ("malformed body") if it is none.

    Args:
        body: of the response.
        seconds: that the call took.
    """
    completion = _decode(body, ChatCompletion)
    if not completion.choices:
        raise _malformed(body, "no choices")
    choice = completion.choices[0]
    message = _message_of(choice)
    try:
        content, calls = read_content(message.get("content")), read_calls(message)
        if message == {}:
            raise ShapeError("there is no message")
    except ShapeError as error:
        raise _malformed(body, str(error)) from None
    refusal = word(message.get("refusal")) or content.refusal
    finish = word(choice.finish_reason) or "unknown"
    if refusal and not content.text:
        finish = "content_filter"
    reasoning = _chat_reasoning(message, content)
    has_answer = bool(content.text or refusal or calls or reasoning)
    reply = Reply(
        text=content.text or refusal,
        calls=calls,
        finish=CHAT_FINISH.get(finish, finish),
        usage=with_counts(_chat_usage(completion.usage), has_answer=has_answer),
        seconds=seconds,
        model=word(completion.model),
        blocks=bag_of(message),
        reasoning=reasoning,
    )
    return checked(reply, body)


def _message_of(choice: Choice) -> Fields:
    """Return the assistant's message; one without fields if there is none."""
    message = choice.message or choice.delta
    if message is None and choice.text is not None:
        return {"content": choice.text}
    return message or {}


def _chat_reasoning(message: Fields, content: Content) -> str:
    """Return the thoughts under any of the names that servers have for them."""
    names = ("reasoning_content", "reasoning", "reasoning_details", "thinking_blocks", "thinking")
    return first_text((*(message.get(name) for name in names), content.thoughts))


def _chat_usage(usage: Any) -> Usage:
    """Return the tokens; reasoning that a server leaves out of the completion is in its total."""
    read = count(usage, "prompt_tokens", "input_tokens")
    written = count(usage, "completion_tokens", "output_tokens")
    if read is not None and written is not None:
        written = max(written, (count(usage, "total_tokens") or 0) - read)
    return Usage(
        input=read,
        output=written,
        cached=count(usage, "prompt_tokens_details.cached_tokens", "prompt_cache_hit_tokens"),
        reasoning=count(usage, "completion_tokens_details.reasoning_tokens"),
    )


# Responses ----------------------------------------------------------------------------------


class Item(msgspec.Struct):
    """One item of the output: a `message`, a `function_call`, or a kind that is no answer."""

    type: str = "message"
    content: Any = None
    summary: Any = None
    id: Any = None
    call_id: Any = None
    name: Any = None
    arguments: msgspec.Raw = msgspec.Raw(b"")


class ResponsesBody(msgspec.Struct):
    """The body of a response."""

    output: tuple[Item, ...] | None = None
    status: str | None = None
    incomplete_details: Any = None
    error: Any = None
    model: Any = None
    usage: Any = None


class _RawOutput(msgspec.Struct):
    output: tuple[Fields, ...]


RESPONSES_PLAIN = {
    "message": {"type", "id", "role", "status", "content"},
    "function_call": {"type", "id", "status", "call_id", "name", "arguments"},
}


def responses_reply(body: bytes, seconds: float = 0.0) -> Reply:
    """Read a response; `ProviderFailure` if it is none, or one that failed.

    Args:
        body: of the response.
        seconds: that the call took.
    """
    response = _decode(body, ResponsesBody)
    if response.output is None:
        raise _malformed(body, "no output")
    try:
        content, calls = _responses_content(response.output), _responses_calls(response.output)
        if not (content.text or content.refusal or calls):
            require_known(item.type for item in response.output)
    except ShapeError as problem:
        raise _malformed(body, str(problem)) from None
    reasoning = _responses_reasoning(response.output)
    is_refusal = bool(content.refusal and not content.text)
    has_answer = bool(content.text or is_refusal or calls or reasoning)
    reply = Reply(
        text=content.text or content.refusal,
        calls=calls,
        finish=_responses_finish(response, bool(calls), is_refusal),
        usage=with_counts(_responses_usage(response.usage), has_answer=has_answer),
        seconds=seconds,
        model=word(response.model),
        blocks=_turn(_decode(body, _RawOutput).output, RESPONSES_PLAIN) if calls else (),
        reasoning=reasoning,
    )
    return checked(reply, body)


def _responses_content(items: tuple[Item, ...]) -> Content:
    """Return what the messages among the items say."""
    return joined([read_content(item.content) for item in items if item.type == "message"])


def _responses_calls(items: tuple[Item, ...]) -> tuple[ToolCall, ...]:
    calls = [item for item in items if item.type == "function_call"]
    return tuple(
        tool_call(
            (item.call_id, item.id), item.name, raw_arguments(item.arguments), position=position
        )
        for position, item in enumerate(calls)
    )


def _responses_reasoning(items: tuple[Item, ...]) -> str:
    """Return the thoughts of a response, or the summaries of them, which most servers tell."""
    thoughts = (item for item in items if item.type == "reasoning")
    return "\n\n".join(filter(None, (first_text((t.content, t.summary)) for t in thoughts)))


def _responses_usage(usage: Any) -> Usage:
    return Usage(
        input=count(usage, "input_tokens", "prompt_tokens"),
        output=count(usage, "output_tokens", "completion_tokens"),
        cached=count(usage, "input_tokens_details.cached_tokens"),
        reasoning=count(usage, "output_tokens_details.reasoning_tokens"),
    )


def _responses_finish(response: ResponsesBody, has_calls: bool, is_refusal: bool) -> str:
    if response.status == "incomplete":
        return word(fields_of(response.incomplete_details).get("reason")) or "unknown"
    if ending_of(response.status or "") == "failed":
        return response.status or "failed"
    if is_refusal:
        return "content_filter"
    if has_calls:
        return "tool_calls"
    return "stop" if response.status == "completed" else response.status or "unknown"


# Anthropic messages -------------------------------------------------------------------------


class Block(msgspec.Struct):
    """A piece of a message: `text`, `tool_use`, or a kind that is no part of the answer."""

    type: str = "text"
    text: Any = None
    thinking: Any = None
    id: Any = None
    name: Any = None
    input: msgspec.Raw = msgspec.Raw(b"{}")


class MessagesBody(msgspec.Struct):
    """The body of an anthropic message."""

    content: tuple[Block | str, ...] | str | None = None
    role: Any = None
    stop_reason: Any = None
    model: Any = None
    usage: Any = None

    @property
    def blocks(self) -> list[Block]:
        """Return what it says, as blocks; some servers have a text there, or nothing."""
        content = (self.content or "",) if isinstance(self.content, str | None) else self.content
        return [Block(text=block) if isinstance(block, str) else block for block in content]


class _RawContent(msgspec.Struct):
    content: tuple[Fields, ...]


MESSAGES_PLAIN = {"text": {"type", "text"}, "tool_use": {"type", "id", "name", "input"}}
MESSAGES_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


def messages_reply(body: bytes, seconds: float = 0.0) -> Reply:
    """Read an anthropic message; `ProviderFailure` ("malformed body") if it is none.

    Args:
        body: of the response.
        seconds: that the call took.
    """
    message = _decode(body, MessagesBody)
    is_message = message.stop_reason or message.role == "assistant"
    if isinstance(message.content, str | None) and not is_message:
        raise _malformed(body, "no content")
    try:
        text, calls = _messages_text(message.blocks), _messages_calls(message.blocks)
        if not (text or calls):
            require_known(block.type for block in message.blocks)
    except ShapeError as error:
        raise _malformed(body, str(error)) from None
    finish = word(message.stop_reason) or "unknown"
    reasoning = _messages_reasoning(message.blocks)
    has_answer = bool(text or calls or reasoning)
    reply = Reply(
        text=text,
        calls=calls,
        finish=MESSAGES_FINISH.get(finish, finish),
        usage=with_counts(_messages_usage(message.usage), has_answer=has_answer),
        seconds=seconds,
        model=word(message.model),
        blocks=_turn(_decode(body, _RawContent).content, MESSAGES_PLAIN) if calls else (),
        reasoning=reasoning,
    )
    return checked(reply, body)


def _messages_text(blocks: list[Block]) -> str:
    parts = [{"text": block.text} for block in blocks if block.type == "text"]
    return read_content(parts).text


def _messages_calls(blocks: list[Block]) -> tuple[ToolCall, ...]:
    uses = [block for block in blocks if block.type == "tool_use"]
    return tuple(
        tool_call([use.id], use.name, raw_arguments(use.input), position=position)
        for position, use in enumerate(uses)
    )


def _messages_reasoning(blocks: list[Block]) -> str:
    thoughts = (text for block in blocks for text in texts(block.thinking))
    return "\n\n".join(thoughts)


def _messages_usage(usage: Any) -> Usage:
    cache_reads = count(usage, "cache_read_input_tokens")
    cache_writes = count(usage, "cache_creation_input_tokens")
    uncached = count(usage, "input_tokens", "prompt_tokens")
    return Usage(
        input=None if uncached is None else uncached + (cache_reads or 0) + (cache_writes or 0),
        output=count(usage, "output_tokens", "completion_tokens"),
        cached=cache_reads,
        reasoning=count(usage, "output_tokens_details.thinking_tokens"),
    )


# All of them --------------------------------------------------------------------------------


def without_none(fields: Fields) -> Fields:
    """Return the fields of a request that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def _turn(blocks: tuple[Fields, ...], plain: dict[str, set[str]]) -> tuple[Fields, ...]:
    """Return a turn as it came if it is more than text and calls: a signature covers each byte."""
    return blocks if has_more(blocks, plain) else ()


def _decode(body: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(json_of(body), type=shape)
    except NOT_JSON as error:
        raise _malformed(body, str(error)) from None


def json_of(body: bytes) -> bytes:
    """Return the JSON of a body, without what servers put before it or into it beside JSON.

    These are a mark of the byte order, comment lines while one waits (`: PROCESSING`), and numbers
    that are none: NaN and infinities become null.
    """
    text = body.removeprefix(b"\xef\xbb\xbf").lstrip()
    while text.startswith(b":"):
        text = text.partition(b"\n")[2].lstrip()
    if b"NaN" not in text and b"Infinity" not in text:
        return text
    try:
        return msgspec.json.encode(json.loads(text, parse_constant=lambda _: None))
    except (ValueError, OverflowError, RecursionError):
        return text


def _malformed(body: bytes, problem: str) -> ProviderFailure:
    """Return the failure of a body that cannot be read; what it tells beside is read if it can."""
    if (error := error_in(body)) is not None:
        return failure_of(error, "the body says ")
    try:
        fields = fields_of(msgspec.json.decode(json_of(body)))
    except NOT_JSON:
        fields = {}
    usage = usage_of(fields)
    tokens = [
        f"{number} tokens {direction}"
        for number, direction in ((usage.input, "in"), (usage.output, "out"))
        if number is not None
    ]
    lost = f" ({', '.join(tokens)} thrown away)" if tokens else ""
    return MalformedBody(
        f"{one_line(problem)}{lost}; the body says {explanation(body)}",
        body.decode(errors="replace"),
        usage,
        is_reply=bool(usage.output) or any(map(fields.get, ("choices", "content", "output"))),
    )
