"""The messages API by the anthropic SDK, an optional extra."""

from collections.abc import Mapping
from time import perf_counter
from typing import Any

import msgspec

from harness.models.base import Model, Sampling, extra_of
from harness.models.bodies import messages_reply, without_none
from harness.models.transport import Transport, http_client
from harness.models.turns import renamed, same_json, sent_id
from tasks.base import Ask, Fields, Message, Reply, Tool, ToolCall
from tasks.extras import extra

DEFAULT_MAX_TOKENS = 4096  # the API wants a number; runs of older versions did not say one


class Anthropic(Model):
    """A model behind `/v1/messages`; without `base_url`, at the SDK's own address.

    That is Anthropic, or ANTHROPIC_BASE_URL of the environment.
    """

    def __init__(
        self, name: str, sampling: Sampling, key: str, base_url: str | None, max_connections: int
    ) -> None:
        self.name = f"anthropic/{name}"
        with extra("anthropic", self.name):
            import anthropic
        client = anthropic.AsyncAnthropic(
            api_key=key,
            base_url=base_url,
            max_retries=0,
            timeout=None,
            http_client=http_client(anthropic, max_connections),
        )
        client.auth_token = None  # SDKs before 1 send the environment's beside the key
        self._model, self._sampling = name, sampling
        self._transport = Transport(anthropic, client, "/v1/messages")

    async def reply(self, ask: Ask) -> Reply:
        """Make one request and return its reply; `ProviderFailure` if there is none."""
        start = perf_counter()
        body = await self._transport.post(messages_request(self._model, self._sampling, ask))
        return messages_reply(body, round(perf_counter() - start, 6))

    async def close(self) -> None:
        """Give back connections."""
        await self._transport.close()


def messages_request(model: str, sampling: Sampling, ask: Ask) -> Fields:
    """Return the body of a messages request; the API has no seed."""
    system = [message.content for message in ask.messages if message.role == "system"]
    fields = {
        "model": model,
        "max_tokens": ask.reply_limit or sampling.max_tokens or DEFAULT_MAX_TOKENS,
        "system": "\n\n".join(system) or None,
        "messages": _turns(ask.messages),
        "tools": [_tool(tool) for tool in ask.tools] or None,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "output_config": _output(sampling, ask.schema) or None,
    }
    return without_none(fields) | extra_of(sampling, ask)


def _turns(messages: tuple[Message, ...]) -> list[Fields]:
    """Return turns of blocks that alternate: tool results are the user's, neighbours are joined."""
    turns: list[Fields] = []
    for message in messages:
        blocks = _blocks(message)
        role = "assistant" if message.role == "assistant" else "user"
        if message.role == "system" or not blocks:
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    return turns


def _blocks(message: Message) -> list[Fields]:
    if message.role == "tool":
        result = {"tool_use_id": sent_id(message.call_id), "content": message.content}
        return [{"type": "tool_result", **result}]
    if message.blocks:
        return list(filter(_is_taken, renamed(message.blocks, message, "tool_use", _use)))
    text: list[Fields] = [{"type": "text", "text": message.content}] if message.content else []
    return text + [{"type": "tool_use", **_use(call, {})} for call in message.calls]


def _is_taken(block: Fields) -> bool:
    """Return whether the API takes a block back that it sent: it refuses empty texts."""
    return block.get("type") != "text" or bool(str(block.get("text") or "").strip())


def _use(call: ToolCall, block: Mapping[str, Any]) -> Fields:
    """Return what the block of a call has to say; the input as it came if it is still that."""
    value = block.get("input")
    arguments = msgspec.Raw(call.arguments.encode() or b"{}")
    is_same = isinstance(value, dict) and same_json(call.arguments, value)
    return {"id": sent_id(call.id), "name": call.name, "input": value if is_same else arguments}


def _tool(tool: Tool) -> Fields:
    return {
        "name": tool.name,
        "description": tool.description,
        "input_schema": tool.parameters,
    }


def _output(sampling: Sampling, schema: Fields | None) -> Fields:
    output: Fields = {}
    if sampling.reasoning_effort is not None:
        output["effort"] = sampling.reasoning_effort
    if sampling.structured and schema:
        output["format"] = {"type": "json_schema", "schema": schema}
    return output
