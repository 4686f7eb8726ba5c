"""Why a model stopped, in every provider's words: a closed list, and what each word means here.

A reply counts as answered, cut off, refused or failed. What failed is no answer of the model: it
is a failure of the provider, and tried again. So is a reply in which nothing was written at all.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from harness.models.base import ProviderFailure
from harness.models.errors import NOT_JSON, error_in, failure_of
from tasks.base import Reply

Ending = Literal["answered", "cut off", "refused", "failed"]

ENDINGS: Mapping[Ending, tuple[str, ...]] = MappingProxyType(
    {
        "answered": (
            "stop",  # chat completions, Gemini
            "tool_calls",
            "function_call",
            "end_turn",  # messages, Bedrock
            "tool_use",
            "stop_sequence",
            "pause_turn",
            "completed",  # responses
            "eos",  # Together, llama.cpp
            "eos_token",  # TGI, watsonx
            "complete",  # Cohere
            "tool_call",
            "repetition",  # vLLM: the model said the same again and again
            "unknown",  # none was told
            "finish_reason_unspecified",  # Gemini, from here on
            "malformed_function_call",  # the model's own mistake
            "malformed_response",
            "unexpected_tool_call",
            "too_many_tool_calls",
            "malformed_model_output",  # Bedrock
            "malformed_tool_use",
        ),
        "cut off": (
            "length",  # chat completions, Ollama, TGI
            "max_tokens",  # messages, Bedrock, Cohere, Gemini
            "max_output_tokens",  # responses
            "model_length",  # Mistral
            "model_context_window_exceeded",  # messages, Z.ai
            "max_output",  # MiniMax
            "limit",  # llama.cpp
            "token_limit",  # watsonx
        ),
        "refused": (
            "content_filter",  # chat completions, responses, Azure
            "content_filtered",  # Bedrock
            "guardrail_intervened",
            "refusal",  # messages
            "safety",  # Gemini, from here on
            "recitation",
            "blocklist",
            "prohibited_content",
            "spii",
            "language",
            "image_safety",
            "model_armor",
            "sensitive",  # Z.ai
            "error_toxic",  # Cohere
            "context_length",  # of the project: the request itself was refused
        ),
        "failed": (
            "error",  # OpenRouter, vLLM, Mistral, Cohere
            "insufficient_system_resource",  # DeepSeek
            "network_error",  # Z.ai
            "abort",  # vLLM, SGLang
            "aborted",
            "load",  # Ollama: the model was loaded and not asked
            "timeout",  # Cohere
            "error_limit",
            "user_cancel",
            "not_finished",  # watsonx
            "time_limit",
            "missing_thought_signature",  # Gemini
            "cancelled",  # responses, from here on
            "canceled",
            "failed",
            "in_progress",
            "queued",
        ),
    }
)

OVERLOADED = ("insufficient_system_resource",)  # of the failed: ask less

WRITTEN: Mapping[Ending, str] = MappingProxyType({"cut off": "length", "refused": "content_filter"})

_ENDING_OF = {word: ending for ending, words in ENDINGS.items() for word in words}
_OWN = ("context_length",)  # written by the project itself
_THOUGHTS = ("reasoning_content", "reasoning", "reasoning_details", "thinking_blocks", "thinking")
_THOUGHT_TYPES = ("thinking", "redacted_thinking", "reasoning")


def ending_of(finish: str) -> Ending | None:
    """Return what a reason to stop means; None for one that is on no list."""
    return _ENDING_OF.get(_word(finish))


def _word(finish: str) -> str:
    """Return a reason to stop as the lists write it; `FILTER: SAFETY` is a safety."""
    return finish.rpartition(":")[2].strip().lower().replace("-", "_").replace(" ", "_")


def checked(reply: Reply, body: bytes) -> Reply:
    """Return a reply as it counts: cut off is `length`, refused `content_filter`.

    Args:
        reply: as it was read, `finish` in the provider's word.
        body: that it was read from.

    Raises:
        ProviderFailure: the body holds an error, the reply failed, or nothing was written.
    """
    ending = ending_of(reply.finish)
    may_fail = b'error"' in body or b'"base_resp"' in body  # hardly any is read a second time
    if may_fail and ending != "refused" and (error := error_in(body)) is not None:
        raise failure_of(error, "the body says ")
    if ending == "failed":
        kind = "overloaded" if _word(reply.finish) in OVERLOADED else "server"
        raise ProviderFailure(kind, f"the reply ended with {reply.finish!r}")
    if _is_nothing(reply, ending) and not _has_thoughts(body):
        raise ProviderFailure(
            "empty reply", f"no text, no call and no token; it ended with {reply.finish!r}"
        )
    if ending is None or ending not in WRITTEN or _word(reply.finish) in _OWN:
        return reply
    return replace(reply, finish=WRITTEN[ending])


def _is_nothing(reply: Reply, ending: Ending | None) -> bool:
    """Return whether no token was written: no model says nothing without one for its end."""
    usage = reply.usage
    if reply.text.strip() or reply.calls or ending == "refused" or usage.output or usage.reasoning:
        return False
    if ending == "cut off":
        return usage.output == 0
    return not usage.input or reply.finish == "unknown"


def _has_thoughts(body: bytes) -> bool:
    """Return whether a body without an answer holds the model's reasoning."""
    try:
        fields: Any = msgspec.json.decode(body)
    except NOT_JSON:
        return False
    parts = [*_objects(fields.get("output")), *_objects(fields.get("content"))]
    for choice in _objects(fields.get("choices")):
        message = choice.get("message")
        parts += [message, *_objects(message.get("content"))] if isinstance(message, dict) else []
    return any(
        part.get("type") in _THOUGHT_TYPES or any(part.get(name) for name in _THOUGHTS)
        for part in parts
    )


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
