"""A scripted model that works in every means: asked directly, with Python, or by an agent's shell.

It answers with the jobs in the order in which they are listed, and takes a token for every four
characters that it is told.
"""

import json
import re
from typing import Any

from tests.loopback import Json, chat_completion, prompt_of

SHELLS = {
    "bash": "command",
    "Bash": "command",
    "exec_command": "cmd",
    "shell_command": "command",
    "run_shell_command": "command",
}
HELPERS = ("Task", "Agent")  # tools of agents that begin a sub-agent
LAST = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"  # ends mini-swe-agent
STANDIN = "Do what INSTRUCTION.md says."
HELPED = "There is one file."


def scripted(_: int, body: Json) -> Json:
    """What the model says to a request."""
    whole = chat_completion("", body)
    whole["choices"][0]["message"] |= _message(body)
    if whole["choices"][0]["message"].get("tool_calls"):
        whole["choices"][0]["finish_reason"] = "tool_calls"
    read = len(json.dumps([body["messages"], body.get("tools")])) // 4
    whole["usage"] = {"prompt_tokens": read, "completion_tokens": 5, "total_tokens": read + 5}
    return whole


def turning(_: int, body: Json) -> Json:
    """Reads the instruction, makes a turn of a world's tools over MCP, writes an answer, ends."""
    whole = chat_completion("", body)
    offers = {each["function"]["name"]: each["function"] for each in body.get("tools") or []}
    results = [turn["content"] for turn in body["messages"] if turn["role"] == "tool"]
    [shell] = [name for name in offers if name in SHELLS] or [""]
    [run] = [name for name in offers if name.endswith("run_tools")] or [""]
    if not (shell and run) or len(results) > 2:
        message: Json = {"content": "The answer is in answer.json."}
    elif len(results) == 1:
        tool = re.findall(r"^- (\w+): ", offers[run]["description"], re.MULTILINE)[0]
        message = _call(run, {"names": [tool, tool], "arguments": [{}, {}]})
    else:
        command = ["cat INSTRUCTION.md", "", "echo '{\"answer\": {}}' > answer.json"][len(results)]
        message = _call(shell, {SHELLS[shell]: command, "description": "works"})
    whole["choices"][0]["message"] |= message
    if "tool_calls" in message:
        whole["choices"][0]["finish_reason"] = "tool_calls"
    return whole


def remembering(_: int, body: Json) -> Json:
    """Reads what is in the folder, writes a note and an answer, ends."""
    whole = chat_completion("The answer is in answer.json.", body)
    names = [tool["function"]["name"] for tool in body.get("tools") or []]
    results = sum(turn["role"] == "tool" for turn in body["messages"])
    [shell] = [name for name in names if name in SHELLS] or [""]
    if shell and results < 2:
        command = ["cat *.md", "echo remembered >> notes.md; echo '{}' > answer.json"][results]
        words = {SHELLS[shell]: command, "description": "works"}
        whole["choices"][0] |= {"message": _call(shell, words), "finish_reason": "tool_calls"}
        whole["choices"][0]["message"]["role"] = "assistant"
    return whole


def _message(body: Json) -> Json:
    names = [tool["function"]["name"] for tool in body.get("tools") or []]
    results = [turn["content"] for turn in body["messages"] if turn["role"] == "tool"]
    shells = [name for name in names if name in SHELLS]
    if "python" in names and not results:
        return _call("python", {"code": "print(len(PROBLEM['jobs']))"})
    if shells:
        return _working(body, names, shells[0], results)
    prompt = prompt_of(body)
    if STANDIN in prompt:
        return {"content": _by_text(prompt)}
    return {"content": _order(prompt)}


def _working(body: Json, names: list[str], shell: str, results: list[Any]) -> Json:
    """Has a helper count the files if it can, reads the instruction, writes the answer, ends."""
    helpers = [name for name in names if name in HELPERS]
    if helpers and not results:
        words = {"description": "counts", "prompt": "Count the files.", "subagent_type": "Explore"}
        return _call(helpers[0], words | {"run_in_background": False})
    if "Count the files." in prompt_of(body) and not helpers:
        return {"content": HELPED}
    results = results[1:] if helpers else results
    ends_by_command = LAST.split()[1] in json.dumps(body["messages"])
    if len(results) > 1 and not ends_by_command:
        return {"content": "The answer is in answer.json."}
    write = f"echo '{_order(json.dumps(results))}' > answer.json"
    command = ["cat INSTRUCTION.md", write, LAST][len(results)]
    return _call(shell, {SHELLS[shell]: command, "description": "works"})


def _by_text(prompt: str) -> str:
    """Does the same for the stand-in, which runs what the model says."""
    if "$ ls" not in prompt:
        return "ls"
    if "answer.json" in prompt.partition("$ ls")[2]:
        return "DONE"
    return f"echo '{_order(prompt)}' > answer.json # answer.json"


def _order(text: str) -> str:
    lines = text.replace("\\n", "\n").splitlines()
    jobs = [line[2 : line.index(":")] for line in lines if line.startswith("- J")]
    return json.dumps({"order": list(dict.fromkeys(jobs))})


def _call(name: str, words: Json) -> Json:
    call = {"name": name, "arguments": json.dumps(words)}
    return {"content": None, "tool_calls": [{"id": "c", "type": "function", "function": call}]}
