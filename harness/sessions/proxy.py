"""Stands in front of a model and speaks what command-line agents speak; each reply is recorded.

Whoever answers retries by itself: the agent only ever gets a reply or a final word.
"""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from msgspec.structs import replace

from harness.sessions.http import HttpRequest, event_stream, read_request, response
from harness.sessions.mcp import ToolServer
from harness.sessions.neutral import AgentRequest, BadRequest, Blocks, canonical
from harness.sessions.protocols import Protocol, protocol_of
from tasks.base import Fields, Reply

LETTERS = 4  # of a request to a token, where an agent has its tokens counted


class FinalWord(Exception):
    """A refusal that ends the session; its text is told to the agent."""


class Proxy:
    """Answers the requests of one session.

    Attributes:
        unread: requests that could not be passed on, each as its refusal.
    """

    def __init__(
        self,
        answer: Callable[[AgentRequest], Awaitable[Reply]],
        tools: ToolServer | None = None,
    ) -> None:
        """Make one.

        Args:
            answer: returns a model's reply to a canonical conversation; `FinalWord` is told to
                the agent, every other exception ends the session.
            tools: what is offered over MCP beside the model.
        """
        self._tools = tools
        self._answer = answer
        self._blocks = Blocks()
        self._number = 0
        self.unread: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until it closes."""
        try:
            while request := await read_request(reader, writer):
                is_open = await self._respond(request, writer)
                await writer.drain()
                if not is_open:
                    break
        except BadRequest as error:
            self.unread.append(str(error))
            writer.write(response(400, {"error": {"message": str(error)}}))
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return  # the agent went away, or sent what is no request
        finally:
            writer.close()

    async def _respond(self, request: HttpRequest, writer: asyncio.StreamWriter) -> bool:
        """Write the response; return whether another request may follow on the connection."""
        protocol = protocol_of(request.path)
        if self._tools and request.path.partition("?")[0] == "/mcp":
            writer.write(_of_tools(self._tools, request))
            return True
        if request.method != "POST" or protocol is None:
            writer.write(_beside(request))
            return True
        try:
            conversation = _read(protocol, request)
            reply = await self._reply(conversation)
        except (FinalWord, BadRequest) as error:
            if isinstance(error, BadRequest):
                self.unread.append(str(error))
            writer.write(response(400, protocol.refusal(str(error))))
            return True
        self._number += 1
        if not conversation.stream:
            writer.write(response(200, protocol.whole(conversation, reply, self._number)))
            return True
        for part in event_stream(protocol.events(conversation, reply, self._number)):
            writer.write(part)
        return False

    async def _reply(self, conversation: AgentRequest) -> Reply:
        messages = self._blocks.put_back(conversation.messages)
        reply = await self._answer(replace(conversation, messages=messages))
        self._blocks.note(reply)
        return reply


def _read(protocol: Protocol, request: HttpRequest) -> AgentRequest:
    """Return what a request asks, in canonical form."""
    try:
        body: Fields = msgspec.json.decode(request.body, type=dict)
        conversation = protocol.read(body)
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError) as error:
        message = f"no request of {protocol.name}: {type(error).__name__}: {error}"
        raise BadRequest(message) from None
    if not conversation.messages:
        raise BadRequest("a request without a message")
    return canonical(replace(conversation, stream=conversation.stream or protocol.streams))


def _of_tools(tools: ToolServer, request: HttpRequest) -> bytes:
    """Return the response to a client of tools; there is no stream from the server to it."""
    if request.method != "POST":
        return response(405, {"error": {"message": "only POST"}})
    try:
        message: Fields = msgspec.json.decode(request.body, type=dict)
    except msgspec.DecodeError as error:
        raise BadRequest(f"no message of MCP: {error}") from None
    answer = tools.answer(message)
    return response(202 if answer is None else 200, answer)


def _beside(request: HttpRequest) -> bytes:
    """Return the response to what is no call of a model."""
    path, head = request.path.partition("?")[0], request.method == "HEAD"
    if request.headers.get("upgrade", "").lower() == "websocket":
        return response(426, {"error": {"message": "no websocket here"}})
    if request.method in ("HEAD", "GET") and path.rstrip("/") in ("", "/v1"):
        return response(200, {}, head=head)
    if request.method == "GET" and path.endswith("/models"):
        listed = {"id": "model", "object": "model"}
        return response(200, {"object": "list", "data": [listed], "models": []})
    tokens = len(request.body) // LETTERS
    if path.endswith(":countTokens"):
        return response(200, {"totalTokens": tokens})
    if path.endswith("/count_tokens"):
        return response(200, {"input_tokens": tokens})
    return response(404, {"error": {"message": "not here"}}, head=head)
