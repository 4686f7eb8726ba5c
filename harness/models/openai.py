"""Chat completions by the openai SDK: OpenAI itself and every compatible server."""

from time import perf_counter

from harness.models.base import Model, Sampling, extra_of
from harness.models.bodies import chat_reply, without_none
from harness.models.transport import Transport, http_client
from harness.models.turns import StateKeeper, sent_id, with_bag
from tasks.base import Ask, Fields, Message, Reply, Tool, ToolCall
from tasks.extras import extra

OFFICIAL = "api.openai.com"


class OpenAI(Model):
    """A model behind `/chat/completions`; without `base_url`, at the SDK's own address.

    That is OpenAI, or OPENAI_BASE_URL of the environment.
    """

    def __init__(
        self, name: str, sampling: Sampling, key: str, base_url: str | None, max_connections: int
    ) -> None:
        self.name = f"openai/{name}"
        self._model, self._sampling = name, sampling
        self._transport, host = connect("/chat/completions", key, base_url, max_connections)
        official = host == OFFICIAL or host.endswith(f".{OFFICIAL}")
        usual = "max_completion_tokens" if official else "max_tokens"
        self.limit = sampling.max_tokens_as or usual
        self._state = StateKeeper()

    async def reply(self, ask: Ask) -> Reply:
        """Make one request and return its reply; `ProviderFailure` if there is none."""
        start = perf_counter()
        request = chat_request(self._model, self._sampling, ask, limit=self.limit)
        body = await self._state.post(self._transport.post, request)
        return chat_reply(body, round(perf_counter() - start, 6))

    async def close(self) -> None:
        """Give back connections."""
        await self._transport.close()


def connect(
    path: str, key: str, base_url: str | None, max_connections: int
) -> tuple[Transport, str]:
    """Return a transport by the openai SDK to one of its paths, and the server's host name."""
    with extra("openai", "a model of openai"):
        import openai

    client = openai.AsyncOpenAI(
        api_key=key,
        base_url=base_url,
        max_retries=0,
        timeout=None,
        http_client=http_client(openai, max_connections),
    )
    if base_url is not None:  # read from the environment, and no other server's business
        client.organization = client.project = None
    return Transport(openai, client, path), client.base_url.host


def chat_request(model: str, sampling: Sampling, ask: Ask, *, limit: str) -> Fields:
    """Return the body of a chat-completions request.

    Args:
        model: the provider's name for it.
        sampling: how replies are drawn.
        ask: messages, tools and the schema of the answer.
        limit: the server's name for `max_tokens`.
    """
    fields = {
        "model": model,
        "messages": [chat_message(message) for message in ask.messages],
        "tools": [chat_tool(tool) for tool in ask.tools] or None,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        limit: ask.reply_limit or sampling.max_tokens,
        "seed": sampling.seed,
        "reasoning_effort": sampling.reasoning_effort,
        "response_format": _format(ask.schema) if sampling.structured and ask.schema else None,
    }
    return without_none(fields) | extra_of(sampling, ask)


def chat_message(message: Message) -> Fields:
    """Return a turn as chat completions have it; beside calls an empty text, which all take."""
    fields: Fields = {"role": message.role, "content": message.content}
    if message.role == "tool":
        fields["tool_call_id"] = sent_id(message.call_id)
    if message.calls:
        fields["tool_calls"] = [_chat_call(call) for call in message.calls]
    return with_bag(fields, message.blocks) if message.blocks else fields


def _chat_call(call: ToolCall) -> Fields:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": sent_id(call.id), "type": "function", "function": function}


def chat_tool(tool: Tool) -> Fields:
    """Return a tool as chat completions have it."""
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
    }
    return {"type": "function", "function": function}


def _format(schema: Fields) -> Fields:
    return {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": schema, "strict": True},
    }
