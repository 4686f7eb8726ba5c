"""The other providers by litellm, an optional extra that keeps its own price table."""

import os
from functools import cached_property
from time import perf_counter
from typing import Any

import msgspec
from msgspec.structs import replace

from harness.models.base import Model, ProviderFailure, Sampling
from harness.models.bodies import chat_reply
from harness.models.errors import one_line, status_failure
from harness.models.finishes import ending_of
from harness.models.openai import chat_request
from harness.models.turns import StateKeeper
from tasks.base import Ask, Fields, Reply, Usage
from tasks.extras import extra

PLAIN_CALL: Fields = {
    "num_retries": 0,
    "max_retries": 0,
    "timeout": 86_400.0,  # the run loop has its own; None would be litellm's
    "_skip_mcp_handler": True,  # else a call with tools imports mcp, and fails where that is not
}
COMPATIBLE = {"azure", "custom_openai", "mistral", "openai", "openrouter", "ollama_chat"}
LITELLM_CONNECTIONS = 1000  # litellm's default in all


class LiteLLM(Model):
    """A model by litellm's name for it; litellm reads its key from the environment.

    Its failures are told apart less finely than the others': litellm calls a malformed body a
    server's error. The run loop does the same about both.
    """

    def __init__(
        self,
        name: str,
        sampling: Sampling,
        key: str | None,
        base_url: str | None,
        max_connections: int,
    ) -> None:
        self.name = f"litellm/{name}"
        self._litellm = _load(self.name, max_connections)
        self._model, self._sampling, self._state = name, sampling, StateKeeper()
        self._server: Fields = {"api_key": key, "api_base": base_url}

    async def reply(self, ask: Ask) -> Reply:
        """Make one request and return its reply; `ProviderFailure` if there is none."""
        limit = self._sampling.max_tokens_as or "max_tokens"
        request = chat_request(self._model, self._sampling, ask, limit=limit)
        start = perf_counter()
        response = await self._state.post(self._post, request)
        _restore_finish(response)
        body = response.model_dump_json().encode()
        reply = _with_unknowns(chat_reply(body, round(perf_counter() - start, 6)))
        is_priced = reply.usage.input is not None and reply.usage.output is not None
        return replace(
            reply,
            cost=response._hidden_params.get("response_cost") if is_priced else None,
            blocks=tuple(map(_unpacked, reply.blocks)) if self._is_compatible else reply.blocks,
        )

    async def _post(self, request: Fields) -> Any:
        """Return litellm's response to a request."""
        import openai

        try:
            if not self._is_compatible:
                request = request | {"messages": list(map(_without_empty, request["messages"]))}
            return await self._litellm.acompletion(**(PLAIN_CALL | self._server | request))
        except openai.APIError as error:  # litellm's own are its children
            failure = self._failure(error)
        raise failure

    @cached_property
    def _is_compatible(self) -> bool:
        """Return whether the provider speaks chat completions itself, and gets what we write.

        Raises:
            openai.APIError: litellm knows no provider by the model's name.
        """
        provider = self._litellm.get_llm_provider(self._model)[1]
        return provider in COMPATIBLE or provider in self._litellm.openai_compatible_providers

    def _failure(self, error: Any) -> ProviderFailure:
        if isinstance(error, self._litellm.Timeout):
            return ProviderFailure("time limit", f"{self.name}: {one_line(str(error))}")
        headers = getattr(error, "litellm_response_headers", None) or {}
        status = getattr(error, "status_code", None) or 500
        return status_failure(
            status, headers, _error_body(error), self.name, self._sampling.max_tokens
        )

    async def close(self) -> None:
        """Give back connections."""
        await self._litellm.close_litellm_async_clients()


def _with_unknowns(reply: Reply) -> Reply:
    """Return a reply without litellm's zeros for tokens that nobody told."""
    is_known = reply.usage.input or reply.usage.output
    return reply if is_known else replace(reply, usage=Usage())


def _without_empty(turn: Fields) -> Fields:
    """Return a turn without an empty text beside calls, for which litellm writes one of its own."""
    return turn | {"content": None} if turn["content"] == "" and "tool_calls" in turn else turn


def _unpacked(bag: Fields) -> Fields:
    """Return what a server wants back under its own names, out of where litellm puts it."""
    names = {"provider_specific_fields"}
    own = {k: v for k, v in bag.get("provider_specific_fields", {}).items() if v}
    return own | {name: value for name, value in bag.items() if name not in names}


def _error_body(error: Any) -> bytes:
    """Return an error as a server would send it: litellm's class for it and the server's code."""
    message = str(error).encode(errors="replace").decode()
    code = getattr(error, "code", None)
    fields = {"message": message, "reason": type(error).__name__}
    return msgspec.json.encode({"error": fields | ({"code": str(code)} if code else {})})


def _restore_finish(response: Any) -> None:
    """Undo that litellm calls failed replies `stop`: the provider's own word stands beside it."""
    for choice in response.choices:
        fields = getattr(choice, "provider_specific_fields", None) or {}
        told = fields.get("native_finish_reason")
        if isinstance(told, str) and ending_of(told) not in (None, ending_of(choice.finish_reason)):
            choice.finish_reason = told


def _load(name: str, max_connections: int) -> Any:
    """Import litellm, all of whose settings are read when it is imported.

    No price fetch, no reading of `.env` files, no advice, and room for all our calls.
    """
    room = str(max(max_connections, LITELLM_CONNECTIONS))
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")
    os.environ.setdefault("AIOHTTP_CONNECTOR_LIMIT", room)
    os.environ.setdefault("AIOHTTP_CONNECTOR_LIMIT_PER_HOST", room)
    with extra("litellm", name):
        import litellm
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    return litellm
