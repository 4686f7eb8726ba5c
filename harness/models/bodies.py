"""The bodies that providers send back, and how a reply is read out of them.

The bodies are decoded here and not by the SDKs, which are slower and let wrong ones through: HTML,
truncated JSON and error objects under status 200. Unknown fields are ignored, wrong ones refused.
"""

from typing import TypeVar

import msgspec

from harness.models.base import ProviderFailure
from harness.models.errors import NOT_JSON, error_in, explanation, failure_of
from harness.models.finishes import checked, ending_of
from tasks.base import Fields, Reply, ToolCall, Usage

T = TypeVar("T")

# Chat completions ---------------------------------------------------------------------------


class Function(msgspec.Struct):
    """The function that a tool call names, and its arguments as text."""

    name: str
    arguments: str = ""


class ChatCall(msgspec.Struct):
    """A tool call as chat completions write it."""

    function: Function
    id: str | None = None


class ChatMessage(msgspec.Struct):
    """The assistant's message; a model that declines may do so in `refusal` alone.

    `thinking_blocks` is litellm's name for what must come back with the results of tools.
    """

    content: str | None = None
    refusal: str | None = None
    tool_calls: tuple[ChatCall, ...] | None = None
    thinking_blocks: tuple[Fields, ...] | None = None


class Choice(msgspec.Struct):
    """One of the answers; we only ever ask for one."""

    message: ChatMessage
    finish_reason: str | None = None


class InputDetails(msgspec.Struct):
    """A part of the input tokens."""

    cached_tokens: int | None = None


class OutputDetails(msgspec.Struct):
    """Parts of the output tokens, under both providers' names."""

    reasoning_tokens: int | None = None
    thinking_tokens: int | None = None


class ChatUsage(msgspec.Struct):
    """Tokens as chat completions count them."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: InputDetails | None = None
    completion_tokens_details: OutputDetails | None = None


class ChatCompletion(msgspec.Struct):
    """The body of a chat completion."""

    choices: tuple[Choice, ...]
    model: str | None = None
    usage: ChatUsage | None = None


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
    message = choice.message
    is_refusal = message.refusal is not None and not message.content
    finish = "content_filter" if is_refusal else choice.finish_reason or "unknown"
    reply = Reply(
        text=message.content or message.refusal or "",
        calls=_chat_calls(message),
        finish=CHAT_FINISH.get(finish, finish),
        usage=_chat_usage(completion.usage or ChatUsage()),
        seconds=seconds,
        model=completion.model or "",
        blocks=(message.thinking_blocks or ()) if message.tool_calls else (),
    )
    return checked(reply, body)


def _chat_calls(message: ChatMessage) -> tuple[ToolCall, ...]:
    """Return the tool calls; one without an id is called by its position."""
    return tuple(
        ToolCall(call.id or f"call-{position}", call.function.name, call.function.arguments)
        for position, call in enumerate(message.tool_calls or ())
    )


def _chat_usage(usage: ChatUsage) -> Usage:
    """Return the tokens; reasoning that a server leaves out of the completion is in its total."""
    output = usage.completion_tokens
    if output is not None and usage.prompt_tokens is not None:
        output = max(output, (usage.total_tokens or 0) - usage.prompt_tokens)
    return Usage(
        input=usage.prompt_tokens,
        output=output,
        cached=(usage.prompt_tokens_details or InputDetails()).cached_tokens,
        reasoning=(usage.completion_tokens_details or OutputDetails()).reasoning_tokens,
    )


# Responses ----------------------------------------------------------------------------------


class Part(msgspec.Struct):
    """A piece of a message: `output_text`, or a `refusal`."""

    type: str
    text: str = ""
    refusal: str = ""


class Item(msgspec.Struct):
    """One item of the output: a `message`, a `function_call`, or a kind that is no answer."""

    type: str
    content: tuple[Part, ...] | None = None
    call_id: str = ""
    name: str = ""
    arguments: str = ""


class Incomplete(msgspec.Struct):
    """The reason why a response is not whole."""

    reason: str = ""


class ResponsesUsage(msgspec.Struct):
    """Tokens as responses count them."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: InputDetails | None = None
    output_tokens_details: OutputDetails | None = None


class ResponsesBody(msgspec.Struct):
    """The body of a response."""

    output: tuple[Item, ...]
    status: str | None = None
    incomplete_details: Incomplete | None = None
    model: str | None = None
    usage: ResponsesUsage | None = None


class _RawOutput(msgspec.Struct):
    output: tuple[Fields, ...]


def responses_reply(body: bytes, seconds: float = 0.0) -> Reply:
    """Read a response; `ProviderFailure` if it is none, or one that failed.

    Args:
        body: of the response.
        seconds: that the call took.
    """
    response = _decode(body, ResponsesBody)
    text, refusal = _responses_text(response)
    calls = tuple(
        ToolCall(item.call_id, item.name, item.arguments)
        for item in response.output
        if item.type == "function_call"
    )
    has_reasoning = any(item.type == "reasoning" for item in response.output)
    reply = Reply(
        text=text or refusal,
        calls=calls,
        finish=_responses_finish(response, bool(calls), bool(refusal and not text)),
        usage=_responses_usage(response.usage or ResponsesUsage()),
        seconds=seconds,
        model=response.model or "",
        blocks=_decode(body, _RawOutput).output if calls and has_reasoning else (),
    )
    return checked(reply, body)


def _responses_text(response: ResponsesBody) -> tuple[str, str]:
    """Return the text of a response, and its refusal."""
    parts = [part for item in response.output for part in item.content or ()]
    text = "".join(part.text for part in parts if part.type == "output_text")
    return text, "".join(part.refusal for part in parts if part.type == "refusal")


def _responses_usage(usage: ResponsesUsage) -> Usage:
    return Usage(
        input=usage.input_tokens,
        output=usage.output_tokens,
        cached=(usage.input_tokens_details or InputDetails()).cached_tokens,
        reasoning=(usage.output_tokens_details or OutputDetails()).reasoning_tokens,
    )


def _responses_finish(response: ResponsesBody, has_calls: bool, is_refusal: bool) -> str:
    if response.status == "incomplete":
        return (response.incomplete_details or Incomplete()).reason or "unknown"
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

    type: str
    text: str = ""
    id: str = ""
    name: str = ""
    input: msgspec.Raw = msgspec.Raw(b"{}")


class MessagesUsage(msgspec.Struct):
    """Tokens as anthropic counts them: `input_tokens` is without what a cache gave or took."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    output_tokens_details: OutputDetails | None = None


class MessagesBody(msgspec.Struct):
    """The body of an anthropic message."""

    content: tuple[Block, ...]
    stop_reason: str | None = None
    model: str | None = None
    usage: MessagesUsage | None = None


class _RawContent(msgspec.Struct):
    content: tuple[Fields, ...]


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
    finish = message.stop_reason or "unknown"
    reply = Reply(
        text="".join(block.text for block in message.content if block.type == "text"),
        calls=tuple(
            ToolCall(block.id, block.name, bytes(block.input).decode())
            for block in message.content
            if block.type == "tool_use"
        ),
        finish=MESSAGES_FINISH.get(finish, finish),
        usage=_messages_usage(message.usage or MessagesUsage()),
        seconds=seconds,
        model=message.model or "",
        blocks=_thinking_turn(message, body),
    )
    return checked(reply, body)


def _thinking_turn(message: MessagesBody, body: bytes) -> tuple[Fields, ...]:
    """Return the whole turn as it came if thinking led to calls: its signature covers each byte."""
    kinds = {block.type for block in message.content}
    if "tool_use" not in kinds or not kinds & {"thinking", "redacted_thinking"}:
        return ()
    return _decode(body, _RawContent).content


def _messages_usage(usage: MessagesUsage) -> Usage:
    cache_reads, cache_writes = usage.cache_read_input_tokens, usage.cache_creation_input_tokens
    uncached = usage.input_tokens
    return Usage(
        input=None if uncached is None else uncached + (cache_reads or 0) + (cache_writes or 0),
        output=usage.output_tokens,
        cached=cache_reads,
        reasoning=(usage.output_tokens_details or OutputDetails()).thinking_tokens,
    )


# All of them --------------------------------------------------------------------------------


def without_none(fields: Fields) -> Fields:
    """Return the fields of a request that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def _decode(body: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except NOT_JSON as error:
        raise _malformed(body, str(error)) from None


def _malformed(body: bytes, problem: str) -> ProviderFailure:
    if (error := error_in(body)) is not None:
        return failure_of(error, "the body says ")
    return ProviderFailure("malformed body", f"{problem}; the body says {explanation(body)}")
