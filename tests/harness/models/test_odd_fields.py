"""Good replies with odd fields: what they say is read, whatever is told beside it."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.models.base import MalformedBody
from harness.models.bodies import chat_reply, messages_reply, responses_reply
from tasks.base import Reply, ToolCall, Usage
from tests.depth import examples
from tests.loopback import Json

ANSWER = '{"starts": {"T1": 0}}'
TOLD: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 10**20) | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)
COUNTS: st.SearchStrategy[Any] = TOLD | st.sampled_from(
    ["12", "12.0", 12.0, 12, 0, "0", -1, None, "many", []]
)
THOUGHT = st.sampled_from(
    [
        {"type": "thinking", "thinking": "hm"},
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "reasoning", "text": "hm"},
        {"type": "redacted_thinking", "data": "xyz"},
    ]
)
NOTHING = st.sampled_from(["", {"type": "text", "text": None}, {"type": "text", "text": ""}])
SAID = st.sampled_from([ANSWER, {"type": "text", "text": ANSWER}, {"text": ANSWER}])
PARTS = st.tuples(st.lists(THOUGHT | NOTHING, max_size=2), SAID, st.lists(NOTHING, max_size=1)).map(
    lambda parts: [*parts[0], parts[1], *parts[2]]
)
CONTENT = st.just(ANSWER) | PARTS | st.just({"type": "text", "text": ANSWER})


def usages(*names: str) -> st.SearchStrategy[Any]:
    """Usage with counts in any form under some of its names, or something else in its place."""
    parts = st.dictionaries(st.text(max_size=5), COUNTS, max_size=2) | TOLD
    details = {name: parts for name in names if name.endswith("details")}
    counts = {name: COUNTS for name in names if not name.endswith("details")}
    return TOLD | st.fixed_dictionaries({}, optional=counts | details)


CHAT_USAGE = usages(
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "prompt_tokens_details",
    "completion_tokens_details",
    "input_tokens",
    "output_tokens",
)
USAGE = usages(
    "input_tokens",
    "output_tokens",
    "input_tokens_details",
    "output_tokens_details",
    "cache_read_input_tokens",
)


def encoded(body: Any) -> bytes:
    """A body as Python servers write it, NaN and all."""
    return json.dumps(body).encode()


def some(*names: str, **others: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """Some of these fields, those that are only named with anything in them."""
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, TOLD) | others)


@st.composite
def chat_bodies(draw: st.DrawFn) -> Json:
    told = ("refusal", "reasoning", "reasoning_content", "reasoning_details", "annotations", "name")
    message: Json = {"role": "assistant", "content": draw(CONTENT)}
    message |= draw(some(*told, tool_calls=st.sampled_from([None, []])))
    choices: list[Json] = [
        {"message": message},
        {"delta": message},
        {"text": ANSWER},
        {"message": message, "text": None},
    ]
    choice = draw(st.sampled_from(choices)) | draw(some("finish_reason", "index", "logprobs"))
    return {"choices": [choice]} | draw(some("model", "id", "created", "object", usage=CHAT_USAGE))


@st.composite
def message_bodies(draw: st.DrawFn) -> Json:
    content = draw(st.just(ANSWER) | PARTS)
    head = {"type": "message", "role": "assistant", "content": content, "stop_reason": "end_turn"}
    return head | draw(some("model", "id", "stop_sequence", usage=USAGE))


@st.composite
def response_bodies(draw: st.DrawFn) -> Json:
    item = {"type": "message", "role": "assistant", "content": draw(CONTENT), "id": draw(TOLD)}
    thought = {"type": "reasoning", "summary": draw(TOLD), "content": draw(TOLD)}
    output = draw(st.sampled_from([[item], [thought, item], [{"type": "web_search_call"}, item]]))
    rest = {"model": TOLD, "usage": USAGE, "id": TOLD, "incomplete_details": TOLD, "metadata": TOLD}
    return {"output": output, "status": "completed"} | draw(
        st.fixed_dictionaries({}, optional=rest)
    )


Reader = Callable[[bytes], Reply]
BODIES: list[tuple[Reader, st.SearchStrategy[Json]]] = [
    (chat_reply, chat_bodies()),
    (messages_reply, message_bodies()),
    (responses_reply, response_bodies()),
]
each = pytest.mark.parametrize(("read", "bodies"), BODIES, ids=["chat", "messages", "responses"])


def check_told(reply: Reply) -> None:
    """What is told is of its type, and no count is a 0 that cannot be."""
    assert msgspec.json.decode(msgspec.json.encode(reply), type=Reply) == reply
    assert reply.usage.input != 0
    assert reply.usage.output != 0
    assert isinstance(reply.finish, str)
    assert reply.finish


@pytest.mark.heavy
@each
@examples(3000)
@given(st.data())
def test_what_is_said_is_read_whatever_is_told_beside_it(
    read: Reader, bodies: st.SearchStrategy[Json], data: st.DataObject
) -> None:
    reply = read(encoded(data.draw(bodies)))
    assert reply.text == ANSWER
    check_told(reply)


NAMES = st.sampled_from(["find_a", "find-b"])
ARGUMENTS = st.dictionaries(st.text("ab", max_size=3), st.integers(0, 9), max_size=2)


def written(arguments: Json, form: str) -> Any:
    """Arguments in one of the forms in which servers write them."""
    if form == "nothing":
        return [] if arguments == {} else arguments
    return arguments if form == "object" else json.dumps(arguments)


FORMS = st.sampled_from(["text", "object", "nothing"])
CALLS = st.lists(st.tuples(NAMES, ARGUMENTS, FORMS, TOLD), min_size=1, max_size=3)


@pytest.mark.heavy
@examples(2000)
@given(CALLS, st.sampled_from(["chat", "flat", "messages", "responses"]), TOLD)
def test_calls_are_read_whatever_their_ids(
    calls: list[tuple[str, Json, str, Any]], shape: str, told: Any
) -> None:
    reply = READ[shape]([(n, written(a, form), i) for n, a, form, i in calls], told)
    assert [call.name for call in reply.calls] == [name for name, *_ in calls]
    assert [json.loads(call.arguments) for call in reply.calls] == [a for _, a, *_ in calls]
    assert all(call.id for call in reply.calls)
    check_told(reply)


def chat_of(calls: list[tuple[str, Any, Any]], told: Any) -> Reply:
    listed = [{"id": i, "function": {"name": n, "arguments": a}, "type": told} for n, a, i in calls]
    return chat_reply(encoded({"choices": [{"message": {"content": None, "tool_calls": listed}}]}))


def flat_of(calls: list[tuple[str, Any, Any]], told: Any) -> Reply:
    listed = [{"id": i, "name": n, "arguments": a, "index": told} for n, a, i in calls]
    return chat_reply(encoded({"choices": [{"message": {"content": "", "tool_calls": listed}}]}))


def messages_of(calls: list[tuple[str, Any, Any]], told: Any) -> Reply:
    listed = [{"type": "tool_use", "id": i, "name": n, "input": a} for n, a, i in calls]
    body = {"content": listed, "stop_reason": "tool_use", "usage": told}
    return messages_reply(encoded(body))


def responses_of(calls: list[tuple[str, Any, Any]], told: Any) -> Reply:
    listed = [
        {"type": "function_call", "call_id": i, "name": n, "arguments": a, "status": told}
        for n, a, i in calls
    ]
    return responses_reply(encoded({"output": listed, "status": "completed"}))


READ = {"chat": chat_of, "flat": flat_of, "messages": messages_of, "responses": responses_of}
MARK = "the answer that was paid for"
ANYTHING = st.recursive(
    st.just(MARK) | st.none() | st.booleans() | st.integers(-9, 9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["text", "type", "content", "value", "refusal"]),
            inner | st.sampled_from(["text", "output_text", "refusal", "answer"]),
            max_size=3,
        )
    ),
    max_leaves=8,
)


@pytest.mark.heavy
@examples(3000)
@given(st.sampled_from(["chat", "messages", "responses"]), ANYTHING)
def test_an_answer_in_any_form_is_read_or_the_failure_is_named(api: str, content: Any) -> None:
    """Whatever stands where the answer should stand: it is never lost without a word."""
    read, body = AROUND[api](content)
    reply = outcome(read, encoded(body))
    if isinstance(reply, MalformedBody):
        assert (reply.kind, reply.is_reply) == ("malformed body", True)
        assert json.loads(reply.thrown_away.body) == body
        assert reply.usage == Usage(12, 5)
        return
    check_told(reply)
    if not reply.text:
        texts = [content] if isinstance(content, str) else texts_in(content)
        assert MARK not in texts


def outcome(read: Reader, body: bytes) -> Reply | MalformedBody:
    """What a body is read as."""
    try:
        return read(body)
    except MalformedBody as failure:
        return failure


AROUND: dict[str, Callable[[Any], tuple[Reader, Json]]] = {
    "chat": lambda content: (
        chat_reply,
        {
            "choices": [{"message": {"content": content}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 12, "completion_tokens": 5},
        },
    ),
    "messages": lambda content: (
        messages_reply,
        {
            "content": content,
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 12, "output_tokens": 5},
        },
    ),
    "responses": lambda content: (
        responses_reply,
        {
            "output": [{"type": "message", "content": content}],
            "status": "completed",
            "usage": {"input_tokens": 12, "output_tokens": 5},
        },
    ),
}


def texts_in(value: Any) -> list[str]:
    """Every text that stands where a part of a content has its text, however deep."""
    if isinstance(value, list):
        return [
            text for part in value for text in ([part] if isinstance(part, str) else texts_in(part))
        ]
    if isinstance(value, dict):
        return [value["text"]] if isinstance(value.get("text"), str) else []
    return []


CASES: list[tuple[str, Reader, Any, Reply]] = [
    (
        "parts of which one is a thought",
        chat_reply,
        {
            "choices": [
                {
                    "message": {
                        "content": [
                            {"type": "thinking", "thinking": "hm"},
                            {"type": "text", "text": "a"},
                        ]
                    }
                }
            ]
        },
        Reply("a", finish="unknown", reasoning="hm"),
    ),
    (
        "a part of a thought, as Gemini marks it",
        chat_reply,
        {"choices": [{"message": {"content": [{"thought": True, "text": "hm"}, {"text": "a"}]}}]},
        Reply("a", finish="unknown", reasoning="hm"),
    ),
    (
        "the text of a completion",
        chat_reply,
        {
            "choices": [{"text": "a", "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 3.0, "completion_tokens": "2"},
        },
        Reply("a", usage=Usage(3, 2)),
    ),
    (
        "the delta of a stream",
        chat_reply,
        {"choices": [{"delta": {"content": "a"}, "finish_reason": "eos"}], "usage": []},
        Reply("a", finish="eos"),
    ),
    (
        "usage under the names of another API",
        chat_reply,
        {
            "choices": [{"message": {"content": "a"}}],
            "usage": {"input_tokens": 3, "output_tokens": 2},
        },
        Reply("a", finish="unknown", usage=Usage(3, 2)),
    ),
    (
        "a cache under DeepSeek's name",
        chat_reply,
        {
            "choices": [{"message": {"content": "a"}}],
            "usage": {
                "prompt_tokens": 3,
                "completion_tokens": 2,
                "prompt_cache_hit_tokens": 1,
                "prompt_tokens_details": None,
            },
        },
        Reply("a", finish="unknown", usage=Usage(3, 2, 1)),
    ),
    (
        "zeros that cannot be",
        chat_reply,
        {
            "choices": [{"message": {"content": "a"}, "finish_reason": 1}],
            "usage": {"prompt_tokens": 0, "completion_tokens": 0},
        },
        Reply("a", finish="1"),
    ),
    (
        "probabilities that are no numbers",
        chat_reply,
        {
            "choices": [{"message": {"content": "a"}, "logprobs": [float("nan"), float("-inf")]}],
            "model": 4,
        },
        Reply("a", finish="unknown", model="4"),
    ),
    (
        "the content of a message as text",
        messages_reply,
        {"content": "a", "role": "assistant", "stop_reason": "end_turn"},
        Reply("a"),
    ),
    (
        "a block whose text is null",
        messages_reply,
        {
            "content": [{"type": "text", "text": None}, {"type": "text", "text": "a"}],
            "stop_reason": "end_turn",
        },
        Reply("a"),
    ),
    (
        "a use whose input is text, and one that has none",
        messages_reply,
        {
            "content": [
                {"type": "tool_use", "id": 7, "name": "f", "input": '{"a":1}'},
                {"type": "tool_use", "name": "g", "input": None},
            ],
            "stop_reason": "tool_use",
        },
        Reply("", (ToolCall("7", "f", '{"a":1}'), ToolCall("call-1", "g", "{}")), "tool_calls"),
    ),
    (
        "summaries of thoughts",
        responses_reply,
        {
            "output": [
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
                {"type": "message", "content": "a"},
            ],
            "status": "completed",
            "error": {"code": None},
        },
        Reply("a", reasoning="hm"),
    ),
]


@pytest.mark.parametrize(
    ("read", "body", "reply"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_reply_with_an_odd_field(read: Reader, body: Any, reply: Reply) -> None:
    assert read(encoded(body)) == reply


@pytest.mark.parametrize(
    "before", [b": PROCESSING\n\n: PROCESSING\n\n", b"\xef\xbb\xbf", b"\n\n  ", b": x\r\n"]
)
def test_what_servers_put_before_the_json_is_skipped(before: bytes) -> None:
    body = before + encoded({"choices": [{"message": {"content": ": a\n"}}]})
    assert chat_reply(body).text == ": a\n"


def test_a_legacy_call_and_one_with_null_for_arguments() -> None:
    legacy = {"function_call": {"name": "f", "arguments": '{"a": 1}'}, "content": None}
    body = {"choices": [{"message": legacy, "finish_reason": "function_call"}]}
    reply = chat_reply(encoded(body))
    assert (reply.calls, reply.finish) == ((ToolCall("call-0", "f", '{"a": 1}'),), "tool_calls")
    calls = [{"id": 3, "function": {"name": "f", "arguments": None}}]
    body = {"choices": [{"message": {"tool_calls": calls}}]}
    assert chat_reply(encoded(body)).calls == (ToolCall("3", "f", "{}"),)


@pytest.mark.parametrize(
    ("read", "body"),
    [
        (chat_reply, {"choices": [{"message": {"content": [{"type": "answer", "value": "a"}]}}]}),
        (chat_reply, {"choices": [{"message": {"tool_calls": [{"function": {"name": None}}]}}]}),
        (chat_reply, {"choices": [{"message": {"tool_calls": [None]}}]}),
        (chat_reply, {"choices": [{"message": {"content": 12}}]}),
        (
            messages_reply,
            {"content": [{"type": "answer", "value": "a"}], "stop_reason": "end_turn"},
        ),
        (messages_reply, {"content": [{"type": "tool_use", "id": "a", "input": {}}]}),
        (responses_reply, {"output": [{"type": "answer", "value": "a"}], "status": "completed"}),
        (responses_reply, {"output": [{"type": "function_call", "call_id": "a"}]}),
    ],
)
def test_an_answer_that_cannot_be_read_is_kept_and_counted(read: Reader, body: Json) -> None:
    usage = {"prompt_tokens": 12, "completion_tokens": 5, "input_tokens": 12, "output_tokens": 5}
    failure = outcome(read, encoded(body | {"usage": usage}))
    assert isinstance(failure, MalformedBody)
    assert failure.is_reply
    assert "12 tokens in, 5 tokens out thrown away" in str(failure)
    first, second = failure.record.split("\n")
    assert first == str(failure)
    assert json.loads(json.loads(second)["body"])["usage"] == usage
    assert json.loads(second)["usage"] == {"input": 12, "output": 5}
