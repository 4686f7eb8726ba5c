"""A scripted model that can do a little of every family: what it says depends on the prompt alone.

The folders of older versions in `tests/fixtures/folders` were made with it, and those that were
stopped go on with it: it must go on saying what it said.
"""

import json
import re
from hashlib import sha256
from random import Random

from tests.loopback import Json, chat_completion, prompt_of

_TASK = re.compile(r"^- (T\d+): duration (\d+)(.*)$", re.MULTILINE)
_USE = re.compile(r"(\d+) of (R\d+)")
_CAPACITY = re.compile(r"^- (R\d+): (\d+)$", re.MULTILINE)
_BEFORE = re.compile(r"^- (T\d+) before (T\d+)$", re.MULTILINE)
_JOB = re.compile(r"^- (J\d+): processing time (\d+), due date (\d+)", re.MULTILINE)
_ROUND = re.compile(r"Round \d+\. These \d+ events clash:(.*?)\nAccept exactly one", re.DOTALL)
_EVENT = re.compile(r"^- (E\d+): ", re.MULTILINE)
_DOWN = re.compile(r"^- (R\d+) is down in \[(\d+), (\d+)\)$", re.MULTILINE)
_WINDOW = re.compile(r"^- (T\d+): not before (\d+), done by (\d+)$", re.MULTILINE)
_EITHER = re.compile(r"^- (T\d+) and (T\d+)$", re.MULTILINE)
_STARTS = re.compile(r"^Starting points[^:]*: (.*)\.$", re.MULTILINE)
_TOOL = re.compile(r"^- (\w+)\((\w+)\): (.*)$", re.MULTILINE)
_FINDS = re.compile(r"Finds ([^.]+)\.")
_VALUE = re.compile(r"^- (value_\d+): ", re.MULTILINE)
_CODE = re.compile(r'": ?"(\w+-\w{8}-\w+)"')
_EXPRESSIONS = (
    "max(p + t, d)",
    "max(p + t, {c} * d)",
    "max({c} * p + t, d)",
    "max(p + t, d) + {c} * p",
    "d + {c} * p",
    "p",
    "t / 0",
)


def answer(_: int, body: Json) -> Json:
    """A chat completion; its usage grows with what was read and written."""
    prompt = prompt_of(body)
    whole = chat_completion("", body)
    message = whole["choices"][0]["message"]
    calls = tool_calls(prompt, body)
    if calls:
        message |= {"content": None, "tool_calls": calls}
        whole["choices"][0]["finish_reason"] = "tool_calls"
    else:
        message["content"] = text_of(prompt)
    read, written = len(prompt) // 4, len(json.dumps(message)) // 4
    whole["usage"] = {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
    }
    return whole


def text_of(prompt: str) -> str:
    """The text of a reply to a prompt of any family, of a memory or of a search."""
    rng = Random(sha256(prompt.encode()).hexdigest())
    if "def priority" in prompt:
        return _program(rng)
    if "list of strategies" in prompt:
        lines = [f"Meetings of kind {rng.randint(1, 9)} come first.", "Look at who asks."]
        return json.dumps({"action": "update", "strategies": lines})
    if _TASK.search(prompt):
        return json.dumps({"starts": _schedule(prompt)})
    if _JOB.search(prompt):
        jobs = [(int(due), name) for name, _, due in _JOB.findall(prompt)]
        order = [name for _, name in sorted(jobs)]
        if rng.random() < 0.5:
            order[:2] = order[1::-1]
        return json.dumps({"order": order})
    if clash := _ROUND.search(prompt):
        events = _EVENT.findall(clash[1])
        rng.shuffle(events)
        reason = "It matters most."
        return json.dumps({"accept": events[0], "ranking": events, "reason": reason})
    return _in_text(prompt)


def _program(rng: Random) -> str:
    if rng.random() < 0.1:
        return "I cannot."
    expression = rng.choice(_EXPRESSIONS).format(c=round(rng.uniform(0, 2), 2))
    return f"An idea.\n```python\ndef priority(p, d, t, P, n):\n    return {expression}\n```"


class _Project:
    """A project as its prompt tells it."""

    def __init__(self, prompt: str) -> None:
        tasks = _TASK.findall(prompt)
        self.lengths = {name: int(length) for name, length, _ in tasks}
        self.uses = {name: {r: int(n) for n, r in _USE.findall(rest)} for name, _, rest in tasks}
        self.capacity = {name: int(units) for name, units in _CAPACITY.findall(prompt)}
        for k, pair in enumerate(_EITHER.findall(prompt)):  # as a resource for one of them
            self.capacity[f"pair {k}"] = 1
            for name in pair:
                self.uses[name][f"pair {k}"] = 1
        self.busy = {
            (resource, moment): self.capacity[resource]
            for resource, begin, end in _DOWN.findall(prompt)
            for moment in range(int(begin), int(end))
        }
        windows = _WINDOW.findall(prompt)
        self.releases = {name: int(begin) for name, begin, _ in windows}
        self.deadlines = {name: int(end) for name, _, end in windows}
        self.before: dict[str, set[str]] = {name: set() for name in self.lengths}
        for first, second in _BEFORE.findall(prompt):
            self.before[second].add(first)

    def fits(self, task: str, start: int) -> bool:
        """Whether a task can run from a moment on, beside those that are placed."""
        return all(
            units + self.busy.get((resource, moment), 0) <= self.capacity[resource]
            for moment in range(start, start + self.lengths[task])
            for resource, units in self.uses[task].items()
        )

    def place(self, task: str, start: int) -> None:
        """Take up what a task uses."""
        for moment in range(start, start + self.lengths[task]):
            for resource, units in self.uses[task].items():
                self.busy[resource, moment] = self.busy.get((resource, moment), 0) + units


def _schedule(prompt: str) -> dict[str, int]:
    """Every task as early as it can be after those that are due earlier, by the serial scheme."""
    project, starts = _Project(prompt), dict[str, int]()
    while len(starts) < len(project.lengths):
        eligible = [
            task
            for task in project.lengths
            if task not in starts and project.before[task] <= starts.keys()
        ]
        task = min(eligible, key=lambda name: (project.deadlines.get(name, 10**6), name))
        ends = [starts[name] + project.lengths[name] for name in project.before[task]]
        start = max([project.releases.get(task, 0), *ends])
        while not project.fits(task, start):
            start += 1
        project.place(task, start)
        starts[task] = start
    return starts


def tool_calls(prompt: str, body: Json) -> list[Json]:
    """A turn of calls of the tools that the protocol offers, now and then a second; then none."""
    turn = sum(message["role"] == "assistant" for message in body["messages"])
    offers = [tool["function"] for tool in body.get("tools", [])]
    tools = [
        (offer["name"], offer["parameters"]["required"][0], offer["description"])
        for offer in offers
        if len(offer["parameters"].get("required", ())) == 1
    ]
    if "list of strategies" in prompt or turn > len(prompt) % 2:
        return []
    return [
        {
            "id": f"call-{turn}-{number}",
            "type": "function",
            "function": {"name": name, "arguments": json.dumps({parameter: value})},
        }
        for number, (name, parameter, value) in enumerate(_calls(prompt, tools))
    ]


def _calls(prompt: str, tools: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """The calls whose description the request has word for word, in its order; else any four."""
    codes = _CODE.findall(prompt)
    points = [
        one.rpartition(" (")[0] for text in _STARTS.findall(prompt) for one in text.split("; ")
    ]
    exact, inexact = [], []
    for name, parameter, description in tools:
        for value in codes or points:
            phrase = "".join(_FINDS.findall(description)).replace(f"`{parameter}`", value)
            place = prompt.find(f": {phrase}\n")
            if phrase and place >= 0:
                exact.append((place, (name, parameter, value)))
            else:
                inexact.append((name, parameter, value))
    rng = Random(sha256(prompt.encode()).hexdigest())
    return [one for _, one in sorted(exact)] or rng.sample(inexact, min(4, len(inexact)))


def _in_text(prompt: str) -> str:
    """A reply to a request with tools: calls written in text where they are told, or the answer."""
    tools = _TOOL.findall(prompt)
    if tools and "Results of the calls" not in prompt:
        calls = [
            {"tool": name, "arguments": {parameter: value}}
            for name, parameter, value in _calls(prompt, tools)
        ]
        return json.dumps({"calls": calls})
    codes = _CODE.findall(prompt) or ["none"]
    names = dict.fromkeys(_VALUE.findall(prompt))
    return json.dumps({"answer": {n: codes[k % len(codes)] for k, n in enumerate(names)}})
