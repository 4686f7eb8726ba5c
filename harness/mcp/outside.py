"""What the server offers to clients of others: the request in every form, a world, an end.

Each session has a world of its own and one answer, which ends it. A session is the process on
standard streams, and what a header names over HTTP; the newest protocol has none there, so that a
session is then a client by its name and address, and begins anew when the client asks what the
server is. Clients that are alike add `?session=NAME` to the address.

Each call is a turn of the virtual clock, for it comes alone. Where clients are to make several in a
turn they have one tool, `run_tools`, in place of the world's own.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import mcp_types as types
import msgspec
from mcp import MCPError
from mcp.server import ServerRequestContext

from harness.families.family import Submission, ToolWorld
from harness.families.registry import family, used_by
from harness.mcp.direct import toolbox, world_of
from harness.mcp.turns import RUN, no_tool, turn_calls, turn_tool
from tasks.base import Called, Fields, Instance, ToolCall, ToolResult
from tasks.prompts import prompts_of
from tasks.tools_clock import Arguments

GET, SUBMIT = "get_request", "submit_answer"
URI = "makespan://request"
MOST_VISITS = 10_000  # sessions, those used last
RECEIVED = "received"
SESSION = "mcp-session-id"  # the header
VisitResult = ToolResult | tuple[ToolResult, ...] | str
HOW = f"Give the answer by the tool {SUBMIT}, which ends the task."
HOW_TO_CALL = f"Call tools by {RUN}: the calls of one {RUN} are those of one turn."
ABOUT = "What is asked, in full. Read it first."


@dataclass
class _Visit:
    """One session: its world, the calls made in it, and whether the answer was given."""

    world: ToolWorld
    calls: list[Called] = field(default_factory=list)
    is_over: bool = False


class Visits:
    """The sessions of clients of others with one instance.

    Args:
        instance: what they are asked.
        score: whether the end of a session tells verdict and score.
        by_turns: whether one tool makes the calls of a turn, in place of the world's own.
        most: how many sessions are kept, those used last.
    """

    def __init__(
        self,
        instance: Instance[Any],
        *,
        score: bool = False,
        by_turns: bool = False,
        most: int = MOST_VISITS,
    ) -> None:
        self.instance = instance
        self._score, self._most, self._by_turns = score, most, by_turns
        self._visits: OrderedDict[str, _Visit] = OrderedDict()
        tools = world_of(instance).tools()
        self._own = {} if by_turns else {tool.name: tool for tool in tools}
        self._turn = turn_tool(tools) if by_turns else None
        self._submission: Submission[Any] | None = toolbox(instance).submission

    @property
    def hidden(self) -> list[str]:
        """Return the names of tools that are not offered because the world has such a tool."""
        return [name for name in (GET, SUBMIT) if name in self._own]

    @property
    def request(self) -> str:
        """Return what is asked, and how it is answered here."""
        prompts = prompts_of(used_by(self.instance).values())
        messages = toolbox(self.instance).request(self.instance.payload, prompts)
        parts = [message.content for message in messages]
        can_submit = any(tool.name == SUBMIT for tool in self._added())
        return "\n\n".join([*parts, *[HOW_TO_CALL] * self._by_turns, *[HOW] * can_submit])

    def tools(self) -> list[types.Tool]:
        """Return the world's tools, and after them those that are added here."""
        turn = [self._turn] if self._turn else []
        own = [
            types.Tool(name=tool.name, description=tool.description, input_schema=tool.parameters)
            for tool in (*self._own.values(), *turn)
        ]
        return [*own, *self._added()]

    def _added(self) -> Iterator[types.Tool]:
        if GET not in self._own:
            nothing: Fields = {"type": "object", "properties": {}, "additionalProperties": False}
            yield types.Tool(name=GET, description=ABOUT, input_schema=nothing)
        if SUBMIT not in self._own and self._submission is not None:
            yield types.Tool(
                name=SUBMIT,
                description="Give the answer to the request. It is final: it ends the task.",
                input_schema=self._submission.schema(self.instance.payload),
            )

    def begin(self, context: ServerRequestContext[Any]) -> None:
        """Begin a session anew where the protocol has none: its client has just connected."""
        if SESSION not in _headers(context):
            self._visits.pop(_name(context), None)

    def call(
        self, context: ServerRequestContext[Any], name: str, arguments: Arguments
    ) -> VisitResult:
        """Perform a call in the world of its session; each is a turn of its own.

        Returns:
            The result, those of a turn, or the text of a tool that is added here.

        Raises:
            MCPError: the simulation failed.
        """
        visit = self._visit(_name(context))
        if name == GET and GET not in self._own:
            return self.request
        if visit.is_over:
            return _refusal("the task is over: its answer was submitted")
        if name == SUBMIT and SUBMIT not in self._own and self._submission is not None:
            return self._submitted(visit, self._submission, arguments or {})
        if self._by_turns:
            return _run_turn(visit, arguments or {}) if name == RUN else _refusal(no_tool(name))
        [result] = _performed(visit, [(name, arguments)])
        return result

    def _submitted(
        self, visit: _Visit, submission: Submission[Any], answer: Fields
    ) -> ToolResult | str:
        payload = self.instance.payload
        missing = [key for key in submission.schema(payload)["required"] if key not in answer]
        if missing:
            return _refusal(f"nothing was submitted: the answer has no {missing[0]!r}")
        visit.is_over = True
        outcome = submission.outcome(payload, visit.world, visit.calls, answer)
        if not self._score:
            return RECEIVED
        grade = family(self.instance.family).grade(self.instance, outcome)
        return msgspec.json.encode({"verdict": grade.verdict, "score": grade.score}).decode()

    def _visit(self, name: str) -> _Visit:
        if name not in self._visits:
            self._visits[name] = _Visit(world_of(self.instance))
            if len(self._visits) > self._most:
                self._visits.popitem(last=False)
        self._visits.move_to_end(name)
        return self._visits[name]

    def resources(self) -> types.ListResourcesResult:
        """Return the request as the one resource there is."""
        request = types.Resource(uri=URI, name="request", description=ABOUT, mime_type="text/plain")
        return types.ListResourcesResult(resources=[request])

    def resource(self, uri: str) -> types.ReadResourceResult:
        """Return the text of the request; MCPError for another address."""
        if uri != URI:
            raise MCPError(types.INVALID_PARAMS, f"there is no resource {uri!r}: there is {URI}")
        text = types.TextResourceContents(uri=URI, mime_type="text/plain", text=self.request)
        return types.ReadResourceResult(contents=[text])

    def prompts(self) -> types.ListPromptsResult:
        """Return the request as the one prompt there is."""
        return types.ListPromptsResult(prompts=[types.Prompt(name="request", description=ABOUT)])

    def prompt(self, name: str) -> types.GetPromptResult:
        """Return the request as a message of the user; MCPError for another prompt."""
        if name != "request":
            raise MCPError(types.INVALID_PARAMS, f"there is no prompt {name!r}: there is 'request'")
        text = types.TextContent(type="text", text=self.request)
        return types.GetPromptResult(messages=[types.PromptMessage(role="user", content=text)])


def _performed(visit: _Visit, calls: Sequence[tuple[str, Arguments]]) -> tuple[ToolResult, ...]:
    """Perform the calls of one turn of a session, and note them."""
    turn = visit.calls[-1].turn + 1 if visit.calls else 1
    results = visit.world.turn(calls)
    for (name, arguments), result in zip(calls, results, strict=True):
        text = msgspec.json.encode(arguments).decode()
        visit.calls.append(Called(turn, ToolCall("", name, text), result))
    return results


def _run_turn(visit: _Visit, fields: Fields) -> ToolResult | tuple[ToolResult, ...]:
    """Return the results of a turn; a refusal where it is not told what is to be called."""
    calls = turn_calls(fields)
    return _refusal(calls) if isinstance(calls, str) else _performed(visit, calls)


def _refusal(reason: str) -> ToolResult:
    """Return the result of a call that reached no world and took no time."""
    return ToolResult(f"error: {reason}", "refused", start=0, end=0)


def _headers(context: ServerRequestContext[Any]) -> Any:
    return context.request.headers if context.request is not None else {}


def _name(context: ServerRequestContext[Any]) -> str:
    """Return what tells the session of a request from others."""
    request, headers = context.request, _headers(context)
    if request is None or SESSION in headers:
        return str(headers.get(SESSION, ""))
    client = context.session.client_params
    info = client.client_info if client else None
    host = request.client.host if request.client else ""
    named = request.query_params.get("session", "")
    return "\n".join([named, host, *([info.name, info.version] if info else [])])
