"""Bodies into replies, and what is no body at all."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from harness.models.base import ProviderFailure
from harness.models.bodies import chat_reply, messages_reply, responses_reply
from tasks.base import Reply, ToolCall, Usage

Reader = Callable[[bytes], Reply]


def chat(message: dict[str, Any], **fields: Any) -> bytes:
    """A chat completion with this message."""
    choice = {"message": message, "finish_reason": fields.pop("finish", "stop")}
    return msgspec.json.encode({"model": "m-1", "choices": [choice], "later": 1} | fields)


def test_chat_text_and_usage() -> None:
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 30,
        "total_tokens": 130,
        "prompt_tokens_details": {"cached_tokens": 64, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 20},
    }
    reply = chat_reply(chat({"content": "Hé", "role": "assistant"}, usage=usage), 1.5)
    assert reply == Reply("Hé", (), "stop", Usage(100, 30, 64, 20), 1.5, "m-1")


def test_reasoning_left_out_of_completion_tokens_is_added() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 35}
    assert chat_reply(chat({"content": "x"}, usage=usage)).usage == Usage(10, 25)


def test_chat_without_usage_is_unknown_not_zero() -> None:
    assert chat_reply(chat({"content": "x"})).usage == Usage()
    assert chat_reply(chat({"content": "x"}, usage=None)).usage == Usage()


def test_chat_tool_calls_keep_the_argument_text() -> None:
    function = {"name": "find", "arguments": '{"day":  "mon'}
    calls = [{"id": "c1", "type": "function", "function": function}, {"function": function}]
    reply = chat_reply(chat({"content": None, "tool_calls": calls}, finish="tool_calls"))
    assert reply.calls == (
        ToolCall("c1", "find", '{"day":  "mon'),
        ToolCall("call-1", "find", '{"day":  "mon'),
    )
    assert (reply.text, reply.finish) == ("", "tool_calls")


@pytest.mark.parametrize(
    ("given", "finish"),
    [("stop", "stop"), ("length", "length"), ("function_call", "tool_calls"), (None, "unknown")],
)
def test_chat_finish(given: str | None, finish: str) -> None:
    assert chat_reply(chat({"content": "x"}, finish=given)).finish == finish


def test_chat_refusal_is_a_content_filter() -> None:
    reply = chat_reply(chat({"content": None, "refusal": "I can't."}))
    assert (reply.text, reply.finish) == ("I can't.", "content_filter")


def messages(*blocks: dict[str, Any], **fields: Any) -> bytes:
    """An anthropic message of these blocks."""
    return msgspec.json.encode(
        {"type": "message", "model": "m-2", "content": blocks, "stop_reason": "end_turn"} | fields
    )


SPOKEN = {"type": "text", "text": "Let me look."}


def test_messages_text_calls_and_usage() -> None:
    tokens = {
        "input_tokens": 10,
        "cache_read_input_tokens": 70,
        "cache_creation_input_tokens": 20,
        "output_tokens": 9,
        "output_tokens_details": {"thinking_tokens": 4},
    }
    body = messages(
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "Let me "},
        {"type": "text", "text": "look."},
        {"type": "tool_use", "id": "t1", "name": "find", "input": msgspec.Raw(b'{"day": 1}')},
        usage=tokens,
        stop_reason="tool_use",
    )
    reply = replace(messages_reply(body, 2.0), blocks=())
    calls = (ToolCall("t1", "find", '{"day": 1}'),)
    usage = Usage(100, 9, 70, 4)
    assert reply == Reply(
        "Let me look.", calls, "tool_calls", usage, seconds=2.0, model="m-2", reasoning="hm"
    )


@pytest.mark.parametrize(
    ("given", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("pause_turn", "pause_turn"),
    ],
)
def test_messages_finish(given: str, finish: str) -> None:
    assert messages_reply(messages(SPOKEN, stop_reason=given)).finish == finish


def test_messages_without_usage_is_unknown_not_zero() -> None:
    assert messages_reply(messages(SPOKEN)).usage == Usage()


def test_thinking_that_led_to_calls_is_kept_as_it_came() -> None:
    blocks = (
        {"type": "thinking", "thinking": "hm", "signature": "s/+=="},
        {"type": "text", "text": "Let me look."},
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "tool_use", "id": "t1", "name": "find", "input": {"b": 1.50, "a": None}},
    )
    assert messages_reply(messages(*blocks)).blocks == blocks
    assert messages_reply(messages(*blocks[:3])).blocks == ()
    assert messages_reply(messages(*blocks[1::2])).blocks == ()


# Responses


def responses(*items: dict[str, Any], **fields: Any) -> bytes:
    """A response of these items."""
    made = {"object": "response", "status": "completed", "model": "m-3", "output": items}
    return msgspec.json.encode(made | fields)


def spoken(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": parts}


CALLED = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "find", "arguments": "{}"}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA=="}


def test_responses_text_and_usage() -> None:
    usage = {
        "input_tokens": 100,
        "output_tokens": 30,
        "total_tokens": 130,
        "input_tokens_details": {"cached_tokens": 64},
        "output_tokens_details": {"reasoning_tokens": 20},
    }
    said = spoken({"type": "output_text", "text": "Hé"}, {"type": "output_text", "text": "!"})
    reply = responses_reply(responses(THOUGHT, said, usage=usage), 1.5)
    assert reply == Reply("Hé!", (), "stop", Usage(100, 30, 64, 20), 1.5, "m-3")
    assert responses_reply(responses(said)).usage == Usage()


def test_responses_calls_and_what_must_come_back() -> None:
    reply = responses_reply(responses(THOUGHT, CALLED))
    assert (reply.calls, reply.finish) == ((ToolCall("c1", "find", "{}"),), "tool_calls")
    assert reply.blocks == (THOUGHT, CALLED)
    assert responses_reply(responses(CALLED)).blocks == ()


@pytest.mark.parametrize(
    ("fields", "finish"),
    [
        ({"incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"incomplete_details": {"reason": "content_filter"}}, "content_filter"),
        ({"incomplete_details": None}, "unknown"),
    ],
)
def test_responses_that_were_cut(fields: dict[str, Any], finish: str) -> None:
    said = spoken({"type": "output_text", "text": "half an ans"})
    reply = responses_reply(responses(said, status="incomplete", **fields))
    assert (reply.text, reply.finish) == ("half an ans", finish)


def test_responses_refusal_is_a_content_filter() -> None:
    reply = responses_reply(responses(spoken({"type": "refusal", "refusal": "I can't."})))
    assert (reply.text, reply.finish) == ("I can't.", "content_filter")


@pytest.mark.parametrize(
    ("code", "kind"),
    [("rate_limit_exceeded", "rate limit"), ("server_error", "server"), ("other", "server")],
)
def test_responses_that_failed(code: str, kind: str) -> None:
    body = responses(status="failed", error={"code": code, "message": "no\nluck"})
    with pytest.raises(ProviderFailure, match="no luck") as caught:
        responses_reply(body)
    assert caught.value.kind == kind


WRONG = [
    b"",
    b"null",
    b"[]",
    b'"ok"',
    b'{"choices": [{"message": {"content": "x',
    b"<html><body>502</body></html>",
    b"\xff\xfe",
    b'{"x": ' + b"[" * 100_000,
]


@pytest.mark.parametrize("read", [chat_reply, messages_reply, responses_reply])
@pytest.mark.parametrize("body", WRONG)
def test_what_is_no_reply_is_a_malformed_body(read: Reader, body: bytes) -> None:
    with pytest.raises(ProviderFailure) as caught:
        read(body)
    assert caught.value.kind == "malformed body"
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "body",
    [
        b'{"choices": null}',
        b'{"choices": []}',
        b'{"choices": [null]}',
        b'{"choices": [{"finish_reason": "stop"}]}',
        b'{"choices": [{"message": null}]}',
        b'{"choices": [{"message": "x"}]}',
        b'{"choices": [{"message": {"content": 1}}]}',
        b'{"choices": [{"message": {"content": "\\ud800"}}]}',
    ],
)
def test_malformed_chat(body: bytes) -> None:
    with pytest.raises(ProviderFailure, match="malformed body"):
        chat_reply(body)


@pytest.mark.parametrize("body", [b'{"content": null}', b'{"content": "x"}', b'{"content": [1]}'])
def test_malformed_messages(body: bytes) -> None:
    with pytest.raises(ProviderFailure, match="malformed body"):
        messages_reply(body)


@pytest.mark.parametrize("read", [chat_reply, messages_reply, responses_reply])
def test_the_error_in_a_good_status_is_told(read: Reader) -> None:
    with pytest.raises(ProviderFailure, match="upstream is down") as caught:
        read(b'{"error": {"message": "upstream is down"}}')
    assert caught.value.kind == "server"
