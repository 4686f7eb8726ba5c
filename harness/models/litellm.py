"""The other providers by litellm, an optional extra that keeps its own price table."""

import os
from time import perf_counter
from typing import Any

import msgspec
from msgspec.structs import replace

from harness.models.base import Model, ProviderFailure, Sampling
from harness.models.bodies import chat_reply
from harness.models.errors import one_line, status_failure
from harness.models.finishes import ending_of
from harness.models.openai import chat_request
from tasks.base import Ask, Fields, Reply
from tasks.extras import extra

PLAIN_CALL: Fields = {
    "num_retries": 0,
    "max_retries": 0,
    "timeout": 86_400.0,  # the run loop has its own; None would be litellm's
    "_skip_mcp_handler": True,  # else a call with tools imports mcp, and fails where that is not
}
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
        self._model, self._sampling = name, sampling
        self._server: Fields = {"api_key": key, "api_base": base_url}

    async def reply(self, ask: Ask) -> Reply:
        """Make one request and return its reply; `ProviderFailure` if there is none."""
        import openai

        limit = self._sampling.max_tokens_as or "max_tokens"
        request = chat_request(self._model, self._sampling, ask, limit=limit)
        start = perf_counter()
        try:
            response = await self._litellm.acompletion(**(PLAIN_CALL | self._server | request))
        except openai.APIError as error:  # litellm's own are its children
            failure = self._failure(error)
        else:
            _restore_finish(response)
            reply = chat_reply(response.model_dump_json().encode(), perf_counter() - start)
            return replace(reply, cost=response._hidden_params.get("response_cost"))
        raise failure

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
