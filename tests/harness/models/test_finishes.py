"""Why a reply ended, in every dialect: answered, cut off, refused, or failed and tried again."""

import re
from itertools import chain
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from msgspec.structs import replace

from harness.failures import FAILURES
from harness.models.base import ProviderFailure
from harness.models.bodies import chat_reply, messages_reply, responses_reply
from harness.models.finishes import ENDINGS, Ending, ending_of
from tasks.base import Reply
from tests.harness.models.talk import failure_of, model_at, reply_of
from tests.layout import ROOT
from tests.loopback import Json, Loopback, chat_completion, message, response
from tests.optional import needs

MODEL = {"model": "m"}
FAILED = ENDINGS["failed"]


def chat(finish: object, text: str | None = "x", usage: object = None, **more: Any) -> bytes:
    """A chat completion that ended so."""
    body = chat_completion("", MODEL)
    body["choices"][0] |= {"finish_reason": finish, "message": {"content": text} | more}
    return msgspec.json.encode(body | {"usage": usage})


def kind_of(body: bytes) -> str:
    with pytest.raises(ProviderFailure) as caught:
        chat_reply(body)
    return caught.value.kind


def test_the_lists_are_closed_and_apart() -> None:
    words = list(chain.from_iterable(ENDINGS.values()))
    assert len(words) == len(set(words))
    assert set(ENDINGS) == set(get_args(Ending))
    assert all(word == word.lower() for word in words)


@pytest.mark.parametrize("word", ENDINGS["answered"])
def test_what_answered_is_kept_in_its_providers_word(word: str) -> None:
    assert chat_reply(chat(word)).finish == {"function_call": "tool_calls"}.get(word, word)


@pytest.mark.parametrize("word", [*ENDINGS["cut off"], "MAX_TOKENS", "max-tokens"])
def test_what_was_cut_off_is_length(word: str) -> None:
    reply = chat_reply(chat(word))
    assert (reply.text, reply.finish) == ("x", "length")


@pytest.mark.parametrize("word", ["SAFETY", "content_filter: PROHIBITED_CONTENT", "sensitive"])
def test_a_refusal_is_an_answer_without_an_answer(word: str) -> None:
    reply = chat_reply(chat(word, None, {"prompt_tokens": 0, "completion_tokens": 0}))
    assert (reply.text, reply.finish) == ("", "content_filter")


@pytest.mark.parametrize("word", [*FAILED, "ERROR", "Abort"])
def test_what_failed_is_tried_again(word: str) -> None:
    kind = kind_of(chat(word, "half an ans", {"prompt_tokens": 9, "completion_tokens": 9}))
    assert FAILURES[kind].retry
    assert FAILURES[kind].slow == (word == "insufficient_system_resource")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 502, "message": "upstream broke"}, "server"),
        ({"code": 429, "message": "slow down"}, "rate limit"),
        ({"code": 401, "message": "no key"}, "authentication"),
        ({"code": 400, "message": "maximum context length is 8 tokens"}, "context length"),
        ({"code": "weird"}, "server"),
    ],
)
def test_an_error_beside_the_message(error: Json, kind: str) -> None:
    body = msgspec.json.decode(chat("error", "half"))
    body["choices"][0]["error"] = error
    assert kind_of(msgspec.json.encode(body)) == kind
    body["choices"][0]["finish_reason"] = "stop"
    assert kind_of(msgspec.json.encode(body)) == kind


def test_an_unknown_ending_is_an_answer() -> None:
    assert ending_of("tomorrow") is None
    assert chat_reply(chat("tomorrow")).finish == "tomorrow"


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": 0, "completion_tokens": 0}])
@pytest.mark.parametrize("text", ["", None, " \n"])
def test_nothing_without_a_token_is_no_reply(text: str | None, usage: object) -> None:
    assert kind_of(chat("stop", text, usage)) == "empty reply"


def test_nothing_after_a_prompt_was_read_is_the_models_own() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 0}
    assert chat_reply(chat("stop", "", usage)).text == ""
    assert kind_of(chat(None, "", usage)) == "empty reply", "not even an ending was told"
    assert chat_reply(chat("stop", "", usage | {"completion_tokens": 1})).text == ""
    assert chat_reply(chat("length", "")).finish == "length"
    assert kind_of(chat("length", "", usage)) == "empty reply", "cut off before the first token"


THOUGHT: list[Json] = [
    {"reasoning_content": "hm"},
    {"reasoning": "hm"},
    {"reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
    {"thinking_blocks": [{"type": "thinking", "thinking": "hm"}]},
]


@pytest.mark.parametrize("thought", THOUGHT, ids=str)
def test_reasoning_alone_is_the_models_empty_answer(thought: Json) -> None:
    reply = chat_reply(chat("stop", "", **thought))
    assert (reply.text, reply.finish) == ("", "stop")


def test_reasoning_alone_in_the_other_dialects() -> None:
    thinking = {"type": "thinking", "thinking": "hm", "signature": "s"}
    bare = message("", MODEL) | {"content": [thinking], "usage": None}
    assert messages_reply(msgspec.json.encode(bare)).text == ""
    item = {"type": "reasoning", "id": "r", "summary": []}
    bare = response("", MODEL) | {"output": [item], "usage": None}
    assert responses_reply(msgspec.json.encode(bare)).text == ""
    with pytest.raises(ProviderFailure, match="empty reply"):
        responses_reply(msgspec.json.encode(bare | {"output": [], "reasoning": {"effort": "low"}}))
    with pytest.raises(ProviderFailure, match="empty reply"):
        messages_reply(msgspec.json.encode(message("", MODEL) | {"content": [], "usage": None}))


@pytest.mark.parametrize("status", ["in_progress", "queued", "cancelled", "failed"])
def test_a_response_that_is_not_there_yet_failed(status: str) -> None:
    call = {"type": "function_call", "call_id": "c1", "name": "find", "arguments": "{}"}
    for output in ([], [call]):
        body = response("half", MODEL) | {"status": status, "output": output}
        with pytest.raises(ProviderFailure) as caught:
            responses_reply(msgspec.json.encode(body))
        assert FAILURES[caught.value.kind].retry


@pytest.mark.heavy
@needs("litellm")
@pytest.mark.parametrize("finish", ["error", "insufficient_system_resource", "network_error"])
def test_litellm_does_not_hide_what_failed(finish: str) -> None:
    body = msgspec.json.decode(chat(finish, "half", {"prompt_tokens": 9, "completion_tokens": 9}))
    with Loopback(lambda _number, _body: body) as server:
        failure = failure_of(model_at(server, "litellm/openai"))
    assert FAILURES[failure.kind].retry
    assert finish in str(failure)


@pytest.mark.heavy
@needs("litellm")
def test_litellm_does_not_change_what_answered() -> None:
    body = chat_completion("x", MODEL)
    with Loopback(lambda _number, _body: body) as server:
        plain = reply_of(model_at(server, "litellm/openai"))
        body["choices"][0]["finish_reason"] = "eos"
        other = reply_of(model_at(server, "litellm/openai"))
        body["choices"][0]["finish_reason"] = "model_length"
        cut = reply_of(model_at(server, "litellm/openai"))
    assert isinstance(plain, Reply)
    assert (plain.finish, cut.finish) == ("stop", "length")
    assert replace(other, seconds=0.0) == replace(plain, seconds=0.0)


def test_the_documents_give_examples_of_each_list() -> None:
    page = (Path(ROOT) / "docs" / "failures.md").read_text("utf-8")
    for ending in ENDINGS:
        [row] = [line for line in page.splitlines() if line.startswith(f"| {ending} |")]
        words = re.findall(r"`([^`]+)`", row.split("|")[2])
        assert words
        assert {ending_of(word) for word in words} == {ending}
