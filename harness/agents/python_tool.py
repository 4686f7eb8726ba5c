"""An agent that lets a model run Python before it answers: a tool without a state."""

from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from harness.agents.workbench import (
    WorkbenchSettings,
    added,
    counted,
    ends,
    means_of,
    problem_of,
    python_block,
    shape,
)
from tasks.base import (
    Ask,
    Called,
    Fields,
    Message,
    Program,
    Reply,
    Tool,
    ToolCall,
    ToolResult,
    said,
)
from tasks.means import Ran, run_program
from tasks.prompts import Prompts
from tasks.tool_turns import conversation
from tasks.tools_clock import arguments_of

TEMPLATES = (
    "means/output.j2",
    "means/problem.inc.j2",
    "means/python.j2",
    "means/rights.inc.j2",
)
CODE: Fields = {"type": "string", "description": "Python text that prints what you want to know"}
TOOL = Tool(
    "python",
    "Runs a Python program that finds the problem in its variable PROBLEM; returns what it prints.",
    {"type": "object", "properties": {"code": CODE}, "required": ["code"]},
)
SPENT = "No programs are left: answer now."


class PythonSettings(WorkbenchSettings, frozen=True):
    """The settings of the agent `python`.

    Attributes:
        calls: programs that may be run in all.
        text: whether programs are blocks in the text, for models without calls of their own.
        packages: what programs may import beside the standard library: numpy, scipy, ortools, with
            a plus between them.
        seconds: of a processor, for each program.
        memory_mb: for each program, on top of what Python takes.
    """

    calls: Annotated[int, Meta(ge=1, le=100)] = 5
    text: bool = False

    @property
    def means(self) -> tuple[str, ...]:
        """Return what a model may use."""
        return means_of("python", counted(self.calls, "call"), self.limits)


class PythonTool:
    """Lets a model run Python programs before it answers, each in a process of its own."""

    def __init__(self, prompts: Prompts, settings: PythonSettings) -> None:
        self._prompts, self._settings, self._limits = prompts, settings, settings.limits

    def reply(self, ask: Ask) -> Program[Reply]:
        """Return the first reply that wants nothing run, or the one after the last program."""
        [notice] = self._prompts.messages(
            "means/python.j2",
            limits=self._limits,
            calls=self._settings.calls,
            text=self._settings.text,
            shape=shape(problem_of(ask)),
        )
        asked_first = replace(ask, messages=added(ask.messages, notice.content), schema=None)
        if self._settings.text:
            return (yield from self._in_text(asked_first))
        return (yield from self._by_calls(replace(asked_first, tools=(TOOL,))))

    def _by_calls(self, ask: Ask) -> Program[Reply]:
        """Ask until there is no call; calls beyond the last program are refused once."""
        messages, left = ask.messages, self._settings.calls
        ids: set[str] = set()
        for turn in range(1, self._settings.calls + 3):
            path = f"{ask.path}/turn-{turn}"
            reply: Reply = yield replace(ask, path=path, messages=messages)
            if not reply.calls or left < 0:
                break
            results = []
            for number, call in enumerate(reply.calls, 1):
                left -= 1
                text = yield from self._called(f"{path}/call-{number}", ask, call, left)
                results.append(Called(turn, call, ToolResult(text, "ok", 0, 0)))
            messages += conversation(reply, turn, results, ids)
        return reply

    def _called(self, path: str, ask: Ask, call: ToolCall, left: int) -> Program[str]:
        """Return the result of one call, as the model reads it."""
        code = (arguments_of(call) or {}).get("code")
        if left < 0:
            return SPENT
        if call.name != TOOL.name:
            return f"There is no tool {call.name[:60]!r}, only `{TOOL.name}`."
        if not isinstance(code, str):
            return 'The arguments are no JSON object with a text "code".'
        ran = yield from run_program(path, code, problem_of(ask), self._limits)
        return self._output(ran, left)

    def _in_text(self, ask: Ask) -> Program[Reply]:
        """Ask until there is no block of Python; what each prints is the next message."""
        messages, left = ask.messages, self._settings.calls
        for turn in range(1, self._settings.calls + 2):
            path = f"{ask.path}/turn-{turn}"
            reply: Reply = yield replace(ask, path=path, messages=messages)
            code = python_block(reply.text)
            if code is None or not left:
                break
            left -= 1
            ran = yield from run_program(f"{path}/call-1", code, problem_of(ask), self._limits)
            messages = (*messages, said(reply), Message("user", self._output(ran, left)))
        return reply

    def _output(self, ran: Ran, left: int) -> str:
        """Return what a program printed, or why it failed."""
        failure = ran.failure if ran.kind != "ok" else ""
        printed = ends(ran.printed).strip() or ends(ran.text).strip()
        [message] = self._prompts.messages(
            "means/output.j2",
            failure=failure,
            printed=printed or ("" if failure else "(it printed nothing)"),
            left=left,
        )
        return message.content
