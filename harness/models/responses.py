"""The responses API by the openai SDK; nothing is stored at the provider."""

from time import perf_counter

from harness.models.base import Model, Sampling, extra_of
from harness.models.bodies import responses_reply, without_none
from harness.models.openai import connect
from harness.models.turns import renamed, sent_id
from tasks.base import Ask, Fields, Message, Reply, Tool, ToolCall


class Responses(Model):
    """A model behind `/responses`; without `base_url`, at the SDK's own address."""

    def __init__(
        self, name: str, sampling: Sampling, key: str, base_url: str | None, max_connections: int
    ) -> None:
        self.name = f"openai-responses/{name}"
        self._model, self._sampling = name, sampling
        self._transport, _ = connect("/responses", key, base_url, max_connections)

    async def reply(self, ask: Ask) -> Reply:
        """Make one request and return its reply; `ProviderFailure` if there is none."""
        start = perf_counter()
        body = await self._transport.post(responses_request(self._model, self._sampling, ask))
        return responses_reply(body, round(perf_counter() - start, 6))

    async def close(self) -> None:
        """Give back connections."""
        await self._transport.close()


def responses_request(model: str, sampling: Sampling, ask: Ask) -> Fields:
    """Return the body of a responses request; the API has no seed.

    With tools, reasoning is asked for in its encrypted form: it must come back with their results.
    """
    effort = sampling.reasoning_effort
    fields = {
        "model": model,
        "input": [item for message in ask.messages for item in _items(message)],
        "tools": [_tool(tool) for tool in ask.tools] or None,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_output_tokens": ask.reply_limit or sampling.max_tokens,
        "reasoning": None if effort is None else {"effort": effort},
        "text": {"format": _format(ask.schema)} if sampling.structured and ask.schema else None,
        "include": ["reasoning.encrypted_content"] if ask.tools else None,
        "store": False,
    }
    return without_none(fields) | extra_of(sampling, ask)


def _items(message: Message) -> list[Fields]:
    if message.blocks:
        return renamed(message.blocks, message, "function_call", lambda call, _: _call(call))
    if message.role == "tool":
        output = {"call_id": sent_id(message.call_id), "output": message.content}
        return [{"type": "function_call_output", **output}]
    messages: list[Fields] = [{"role": message.role, "content": message.content}]
    calls = [{"type": "function_call", **_call(call)} for call in message.calls]
    return (messages if message.content or not calls else []) + calls


def _call(call: ToolCall) -> Fields:
    return {"call_id": sent_id(call.id), "name": call.name, "arguments": call.arguments}


def _tool(tool: Tool) -> Fields:
    fields = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", **fields, "strict": False}


def _format(schema: Fields) -> Fields:
    return {"type": "json_schema", "name": "answer", "schema": schema, "strict": True}
