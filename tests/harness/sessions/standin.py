"""A command-line agent in thirty lines: asks for a command, runs it, says what came of it."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

URL, KIND = sys.argv[1:3]
TASK = "Do what INSTRUCTION.md says."
PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}


def ask(text: str) -> str:
    """What the model says to a text, in the protocol of this agent."""
    if KIND == "gemini":
        path = "/v1beta/models/m:generateContent"
        body: dict[str, object] = {"contents": [{"role": "user", "parts": [{"text": text}]}]}
    else:
        path, turn = PATHS[KIND], [{"role": "user", "content": text}]
        body = {"model": "m", "input" if KIND == "responses" else "messages": turn}
    request = urllib.request.Request(URL + path, json.dumps(body).encode())
    with urllib.request.urlopen(request) as answer:
        whole = json.load(answer)
    if KIND == "chat":
        return whole["choices"][0]["message"]["content"] or ""
    if KIND == "messages":
        return "".join(block["text"] for block in whole["content"])
    if KIND == "responses":
        return "".join(item["content"][0]["text"] for item in whole["output"])
    return "".join(part["text"] for part in whole["candidates"][0]["content"]["parts"])


if sys.argv[3:] == ["--version"]:
    print("stand-in 1.2.3")
    sys.exit()
seen = f"{TASK} Today's date is {os.urandom(4).hex()}\n" + Path("INSTRUCTION.md").read_text()
for path in sorted(Path().iterdir()):
    seen += f"\n{path}: {path.read_text()}" if path.suffix == ".md" else ""
try:
    while not (command := ask(seen)).startswith("DONE"):
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
        seen += f"\n$ {command}\n{done.stdout}{done.stderr}"
except urllib.error.HTTPError as error:
    sys.exit(f"{error.code} {error.read().decode()}")
