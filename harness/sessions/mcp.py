"""As much of MCP as a session needs to offer tools over HTTP: no package, and no state."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from tasks.base import Fields, Tool

NAME = "makespan"  # of the server, as agents are told it
_NEWEST = "2025-06-18"  # of the protocol, where a client names none
_NO_METHOD, _WRONG = -32601, -32602


class CallTexts(NamedTuple):
    """What a call of a tool returns: texts, and whether it was refused."""

    texts: Sequence[str]
    refused: bool = False


class ToolServer:
    """Answers the messages of a client.

    Attributes:
        tools: on offer.
    """

    def __init__(self, tools: Sequence[Tool], call: Callable[[str, Fields], CallTexts]) -> None:
        """Make one.

        Args:
            tools: on offer.
            call: performs a call of one by its name, with its arguments.
        """
        self.tools, self._call = tools, call

    def answer(self, message: Fields) -> Fields | None:
        """Return the response to a message; None to one that wants none."""
        if "id" not in message:
            return None
        envelope: Fields = {"jsonrpc": "2.0", "id": message["id"]}
        result = self._result(str(message.get("method")), message.get("params") or {})
        if isinstance(result, str):
            code = _WRONG if message.get("method") == "tools/call" else _NO_METHOD
            return envelope | {"error": {"code": code, "message": result}}
        return envelope | {"result": result}

    def _result(self, method: str, fields: Fields) -> Fields | str:
        """Return the result of a request, or why there is none."""
        if method == "initialize":
            return {
                "protocolVersion": fields.get("protocolVersion") or _NEWEST,
                "capabilities": {"tools": {}},
                "serverInfo": {"name": NAME, "version": "1"},
            }
        if method == "tools/list":
            return {"tools": [_offer(tool) for tool in self.tools]}
        if method == "tools/call":
            arguments = fields.get("arguments") or {}
            if not isinstance(arguments, dict):
                return "the arguments are no object"
            texts, refused = self._call(str(fields.get("name")), arguments)
            content = [{"type": "text", "text": text} for text in texts]
            return {"content": content, "isError": refused}
        return {} if method == "ping" else f"there is no method {method!r} here"


def _offer(tool: Tool) -> Fields:
    return {"name": tool.name, "description": tool.description, "inputSchema": tool.parameters}
