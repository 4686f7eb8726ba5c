"""Servers' dialects of turns with tools, and what each refuses when its own state does not return.

`Dialect.answer` plays a server for `tests.loopback`: a turn of calls, then the answer. It says the
same in every dialect, so that a run against any of them must score the same.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from tests import scripted
from tests.loopback import Fault, Json, chat_completion, message, prompt_of, response, says

NINE = re.compile(r"[A-Za-z0-9]{9}")


@dataclass(frozen=True)
class Dialect:
    """A server.

    Attributes:
        provider: the name before the model's.
        turn: makes a body of calls.
        fault: why a request with an earlier turn is refused; None if it is not.
        status: of a refusal.
        single: whether a turn has one call only.
    """

    provider: str
    turn: Callable[[list[Json], Json], Json]
    fault: Callable[[Json], str | None]
    status: int = 400
    single: bool = False

    def answer(self, _: int, body: Json) -> str | Json | Fault:
        """Answer a request: refused, calls, or the text that ends the episode."""
        if (reason := self.fault(body)) is not None:
            return says(self.status, reason, "invalid_request_error")
        offers = [tool.get("function", tool) for tool in body.get("tools", [])]
        tools = [
            {"function": {**tool, "parameters": tool.get("parameters", tool.get("input_schema"))}}
            for tool in offers
        ]
        asked = {"messages": [{"role": "assistant"}] * turns_in(body), "tools": tools}
        prompt = f"{prompt_of(body)}{results_in(body)}"
        calls = [] if turns_in(body) else scripted.tool_calls(prompt, asked)
        if calls:
            return self.turn(calls[:1] if self.single else calls, body)
        return scripted.text_of(prompt)


def turns_in(body: Json) -> int:
    """How many turns of the assistant's a request tells."""
    turns: list[Json] = body.get("messages") or body["input"]
    return sum(t.get("role") == "assistant" or t.get("type") == "function_call" for t in turns)


def results_in(body: Json) -> str:
    """What tools gave back, where it is no content of a message."""
    outputs = [item.get("output", "") for item in body.get("input", [])]
    blocks = [
        b for m in body.get("messages", []) if isinstance(m["content"], list) for b in m["content"]
    ]
    return "\n".join([*outputs, *(b.get("content", "") for b in blocks if isinstance(b, dict))])


def sign(value: object) -> str:
    """A signature of a value, as a server would make and check it."""
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


# Chat completions ---------------------------------------------------------------------------


def chat_turn(calls: list[Json], body: Json, **fields: Any) -> Json:
    """A chat completion with calls; `fields` stand beside them in the message."""
    whole = chat_completion("", body)
    turn = {"role": "assistant", "content": None, "tool_calls": calls} | fields
    whole["choices"] = [{"index": 0, "message": turn, "finish_reason": "tool_calls"}]
    return whole


def assistants(body: Json) -> list[Json]:
    """The assistant's turns in a request."""
    return [turn for turn in body["messages"] if turn["role"] == "assistant"]


def calls_of(body: Json) -> list[Json]:
    """The calls in a request's turns."""
    return [call for turn in assistants(body) for call in turn.get("tool_calls", [])]


def thoughts(calls: Sequence[Json]) -> str:
    """What was thought before some calls."""
    return f"I need {', '.join(call['function']['arguments'] for call in calls)}."


def plain_fault(body: Json) -> str | None:
    """Results that belong to no call, or ids that are not unique."""
    ids = [call["id"] for call in calls_of(body)]
    results = [turn["tool_call_id"] for turn in body["messages"] if turn["role"] == "tool"]
    if len(set(ids)) != len(ids) or sorted(ids) != sorted(results):
        return f"calls {ids} are not those of the results {results}"
    return None


def wants(name: str, of: Callable[[Sequence[Json]], object]) -> Callable[[Json], str | None]:
    """A refusal of turns with calls whose field is not what it was."""

    def fault(body: Json) -> str | None:
        for turn in assistants(body):
            calls = turn.get("tool_calls", [])
            if turn.get(name) != of(calls):
                return f"The `{name}` in the thinking mode must be passed back to the API."
        return plain_fault(body)

    return fault


def deepseek(calls: list[Json], body: Json) -> Json:
    return chat_turn(calls, body, reasoning_content=thoughts(calls))


def without_thought(calls: list[Json], body: Json) -> Json:
    return chat_turn(calls, body, reasoning_content="")


def details(calls: Sequence[Json]) -> list[Json]:
    """OpenRouter's details: a text with a signature, and something encrypted."""
    text = thoughts(calls)
    return [
        {"type": "reasoning.text", "text": text, "signature": sign(text), "index": 0},
        {"type": "reasoning.encrypted", "data": sign(text)[::-1], "index": 1},
    ]


def openrouter(calls: list[Json], body: Json) -> Json:
    return chat_turn(
        calls, body, reasoning=thoughts(calls), reasoning_details=details(calls), refusal=None
    )


def gemini(calls: list[Json], body: Json) -> Json:
    signed = [
        call | {"extra_content": {"google": {"thought_signature": sign(call["function"])}}}
        for call in calls
    ]
    return chat_turn(signed, body)


def gemini_fault(body: Json) -> str | None:
    for call in calls_of(body):
        told = call.get("extra_content", {}).get("google", {}).get("thought_signature")
        if told != sign(call["function"]):
            return f"Function call {call['function']['name']} is missing a thought_signature"
    return plain_fault(body)


def mistral(calls: list[Json], body: Json) -> Json:
    """Thoughts among the parts of the content, and calls without any id."""
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": thoughts(calls)}]}
    bare = [{"function": call["function"], "index": k} for k, call in enumerate(calls)]
    return chat_turn(bare, body, content=[thinking, {"type": "text", "text": "Now."}], prefix=False)


def mistral_fault(body: Json) -> str | None:
    for turn in assistants(body):
        if turn.get("content") is None or set(turn) - {"role", "content", "tool_calls"}:
            return "Extra inputs are not permitted, or the content is no valid string or list"
        if turn.get("tool_calls") and turn["content"][0]["type"] != "thinking":
            return "thinking is missing"
    for call in calls_of(body):
        if not NINE.fullmatch(call["id"]):
            return f"Tool call id was {call['id']} but must be a-z, A-Z, 0-9, with a length of 9."
    return plain_fault(body)


def one_id(calls: list[Json], body: Json) -> Json:
    return chat_turn([call | {"id": "call_0"} for call in calls], body)


def without_null_fault(body: Json) -> str | None:
    if any(turn["content"] is None for turn in body["messages"]):
        return "messages.2.content: Input should be a valid string"
    return plain_fault(body)


def legacy(calls: list[Json], body: Json) -> Json:
    """A single call in the form from before there were several."""
    whole = chat_turn([], body, function_call=calls[0]["function"])
    whole["choices"][0]["finish_reason"] = "function_call"
    del whole["choices"][0]["message"]["tool_calls"]
    return whole


def groq(calls: list[Json], body: Json) -> Json:
    return chat_turn(calls, body, reasoning=thoughts(calls))


def groq_fault(body: Json) -> str | None:
    if any("reasoning" in turn for turn in assistants(body)):
        return (
            "'messages.2' : for 'role:assistant' the following must be satisfied[('messages.2' :"
            " property 'reasoning' is unsupported)]"
        )
    return plain_fault(body)


# Messages -----------------------------------------------------------------------------------


def uses(calls: Sequence[Json]) -> list[Json]:
    return [
        {
            "type": "tool_use",
            "id": f"toolu_{k}",
            "name": call["function"]["name"],
            "input": json.loads(call["function"]["arguments"]),
        }
        for k, call in enumerate(calls)
    ]


def thinking(used: Sequence[Json]) -> Json:
    text = f"I need {[use['input'] for use in used]}."
    return {"type": "thinking", "thinking": text, "signature": sign(text)}


def claude(calls: list[Json], body: Json) -> Json:
    used = uses(calls)
    empty = {"type": "text", "text": ""}
    content = [thinking(used), empty, *used]
    return message("", body) | {"content": content, "stop_reason": "tool_use"}


def used_in(turn: Json) -> list[Json]:
    return [block for block in turn["content"] if block["type"] == "tool_use"]


def claude_fault(body: Json) -> str | None:
    for turn in assistants(body):
        if turn["content"][0] != thinking(used_in(turn)):
            return "Expected `thinking` or `redacted_thinking`, but found `tool_use`"
        if any(not block.get("text", "x").strip() for block in turn["content"]):
            return "messages: text content blocks must be non-empty"
    return None


def proxy(calls: list[Json], body: Json) -> Json:
    """A proxy before Gemini: no thinking is told, and each call has a signature."""
    content = [use | {"signature": sign(use["input"])} for use in uses(calls)]
    return message("", body) | {"content": content, "stop_reason": "tool_use"}


def proxy_fault(body: Json) -> str | None:
    for turn in assistants(body):
        for use in used_in(turn):
            if use.get("signature") != sign(use["input"]):
                return "a tool_use is missing its signature"
    return None


# Responses ----------------------------------------------------------------------------------


def items(calls: list[Json]) -> list[Json]:
    """Each call after a thought of its own."""
    pairs = [
        (
            {"type": "reasoning", "id": f"rs_{k}", "summary": [], "encrypted_content": sign(call)},
            {
                "type": "function_call",
                "id": f"fc_{k}",
                "call_id": f"call_{k}",
                "status": "completed",
                **call["function"],
            },
        )
        for k, call in enumerate(calls)
    ]
    return [item for pair in pairs for item in pair]


def responses(calls: list[Json], body: Json) -> Json:
    return response("", body) | {"output": items(calls)}


def responses_fault(body: Json) -> str | None:
    turn = [i for i in body["input"] if i.get("type") in ("reasoning", "function_call")]
    for before, call in zip([{}, *turn], turn, strict=False):
        if call["type"] == "function_call" and before.get("type") != "reasoning":
            return "a 'function_call' was provided without its required 'reasoning' item"
    if turn and not all("id" in item for item in turn):
        return "items have lost their ids"
    return None


def phased(calls: list[Json], body: Json) -> Json:
    """A comment before the calls, which says that it is no answer."""
    part = {"type": "output_text", "text": "I look it up.", "annotations": []}
    comment = {"type": "message", "role": "assistant", "content": [part], "phase": "commentary"}
    called = [item for item in items(calls) if item["type"] == "function_call"]
    return response("", body) | {"output": [comment, *called]}


def phased_fault(body: Json) -> str | None:
    told = [item for item in body["input"] if item.get("role") == "assistant"]
    return "phase is missing" if any("phase" not in item for item in told) else None


def nothing(_: Json) -> None:
    """Refuse nothing."""


PLAIN = Dialect("openai", chat_turn, plain_fault)
_DEEPSEEK = wants("reasoning_content", thoughts)
DIALECTS = {
    "deepseek": Dialect("openai", deepseek, _DEEPSEEK),
    "deepseek without a thought": Dialect(
        "openai", without_thought, wants("reasoning_content", lambda _: "")
    ),
    "gemini": Dialect("openai", gemini, gemini_fault),
    "openrouter": Dialect("openai", openrouter, wants("reasoning_details", details)),
    "mistral": Dialect("openai", mistral, mistral_fault, status=422),
    "one id for all": Dialect("openai", one_id, plain_fault),
    "no null": Dialect("openai", chat_turn, without_null_fault, status=422),
    "groq": Dialect("openai", groq, groq_fault),
    "claude": Dialect("anthropic", claude, claude_fault),
    "a proxy that signs calls": Dialect("anthropic", proxy, proxy_fault),
    "responses": Dialect("openai-responses", responses, responses_fault),
    "responses with phases": Dialect("openai-responses", phased, phased_fault),
}
LITELLM = {
    "deepseek": Dialect("litellm/openai", deepseek, _DEEPSEEK),
    "gemini": Dialect("litellm/openai", gemini, gemini_fault),
    "openrouter": Dialect("litellm/openai", openrouter, wants("reasoning_details", details)),
    "no null": Dialect("litellm/openai", chat_turn, without_null_fault, status=422),
    "groq": Dialect("litellm/openai", groq, groq_fault),
    "claude": Dialect("litellm/anthropic", claude, claude_fault),
}
LEGACY = Dialect("openai", legacy, plain_fault, single=True)
