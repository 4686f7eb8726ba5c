"""The providers' own packages read what the proxy says: they are stricter than an agent."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from harness.sessions.neutral import AgentRequest
from harness.sessions.proxy import Proxy
from tasks.base import Reply, ToolCall, Usage

SCHEMA = {"type": "object", "properties": {"command": {"type": "string"}}}
TURN: Any = [{"role": "user", "content": "List the folder."}]
Talk = Callable[[str, bool], Awaitable[tuple[str, str, str, int]]]


async def model(conversation: AgentRequest) -> Reply:
    """Says something and calls the tool on offer."""
    name = conversation.tools[0].name
    call = ToolCall("x", name, '{"command": "ls"}')
    return Reply("I look.", (call,), usage=Usage(11, 7))


async def chat(url: str, stream: bool) -> tuple[str, str, str, int]:
    import openai

    tools: Any = [
        {"type": "function", "function": {"name": "shell", "parameters": SCHEMA, "strict": True}}
    ]
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        if not stream:
            whole = await client.chat.completions.create(model="m", messages=TURN, tools=tools)
        else:
            options: Any = {"include_usage": True}
            async with client.chat.completions.stream(
                model="m", messages=TURN, tools=tools, stream_options=options
            ) as events:
                whole = await events.get_final_completion()
    message = whole.choices[0].message
    assert message.tool_calls
    assert whole.usage
    call: Any = message.tool_calls[0]
    return (
        message.content or "",
        call.function.name,
        call.function.arguments,
        whole.usage.total_tokens,
    )


async def responses(url: str, stream: bool) -> tuple[str, str, str, int]:
    import openai

    tools: Any = [{"type": "function", "name": "shell", "parameters": SCHEMA, "strict": False}]
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        if not stream:
            whole = await client.responses.create(model="m", input=TURN, tools=tools)
        else:
            async with client.responses.stream(model="m", input=TURN, tools=tools) as events:
                whole = await events.get_final_response()
    [call] = [item for item in whole.output if item.type == "function_call"]
    assert whole.usage
    return whole.output_text, call.name, call.arguments, whole.usage.total_tokens


async def messages(url: str, stream: bool) -> tuple[str, str, str, int]:
    import anthropic

    words: Any = {"model": "m", "max_tokens": 100, "messages": TURN}
    words["tools"] = [{"name": "shell", "input_schema": SCHEMA}]
    async with anthropic.AsyncAnthropic(base_url=url, api_key="none", max_retries=0) as client:
        if not stream:
            whole = await client.messages.create(**words)
        else:
            async with client.messages.stream(**words) as events:
                whole = await events.get_final_message()
    text, call = whole.content
    assert text.type == "text"
    assert call.type == "tool_use"
    tokens = whole.usage.input_tokens + whole.usage.output_tokens
    return text.text, call.name, json.dumps(call.input), tokens


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("talk", [chat, responses, messages])
def test_the_packages_of_providers_read_what_the_proxy_says(talk: Talk, stream: bool) -> None:
    async def run() -> tuple[str, str, str, int]:
        server = await asyncio.start_server(Proxy(model).serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, asyncio.timeout(30):
            return await talk(f"http://127.0.0.1:{port}", stream)

    assert asyncio.run(run()) == ("I look.", "shell", '{"command": "ls"}', 18)
