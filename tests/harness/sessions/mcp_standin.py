"""A command-line agent that reaches the tools of a world: it makes the turns that it is told."""

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

URL = sys.argv[1]


def post(path: str, body: object) -> dict[str, Any]:
    """What the proxy answers, nothing to a notice."""
    request = urllib.request.Request(URL + path, json.dumps(body).encode())
    with urllib.request.urlopen(request) as answer:
        whole: dict[str, Any] = json.loads(answer.read() or b"{}")
        return whole


def tell(method: str, **fields: object) -> dict[str, Any]:
    """The result of a request of MCP."""
    answer = post("/mcp", {"jsonrpc": "2.0", "id": 1, "method": method, "params": fields})
    result: dict[str, Any] = answer.get("result") or answer["error"]
    return result


if sys.argv[2:] == ["--version"]:
    print("tools stand-in 1.0")
    sys.exit()
begun = tell("initialize", protocolVersion="2025-03-26", capabilities={}, clientInfo={})
post("/mcp", {"jsonrpc": "2.0", "method": "notifications/initialized"})
[tool] = tell("tools/list")["tools"]
seen = Path("INSTRUCTION.md").read_text() + json.dumps([begun["protocolVersion"], tool])
while True:
    body = {"model": "m", "messages": [{"role": "user", "content": seen}]}
    text = post("/v1/chat/completions", body)["choices"][0]["message"]["content"]
    if "answer" in text:
        Path("answer.json").write_text(text)
        break
    result = tell("tools/call", name=tool["name"], arguments=json.loads(text))
    seen += "\n# turn\n" + json.dumps(result)
