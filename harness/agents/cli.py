"""An agent that is a program of its own: it works in a folder, in a jail, and leaves a file."""

from pathlib import PurePath
from typing import Annotated, ClassVar, Literal

from msgspec import Meta
from msgspec.structs import replace

from harness.agents.workbench import counted
from tasks.base import Ask, Noun, Program, Reply, ToolCall, Usage
from tasks.prompts import Prompts
from tasks.sessions import ANSWER, INSTRUCTION, Session, SessionLimits, run_session

TEMPLATES = ("means/session.j2",)
NO_ANSWER = "no answer"  # the finish of a session that left no file


class CliSettings(Noun, frozen=True):
    """The settings of the agent `cli`.

    Attributes:
        agent: a command-line agent by its name, or a file that declares one.
        calls: of models that a session may make, sub-agents' included.
        tokens: in and out, of all calls of a session; 0 is no limit.
        seconds: of a session, by the clock on the wall.
        cpu_seconds: of processors, for a session.
        memory_mb: for a session.
        folder: `fresh` in every step, or it `stays`: a memory in files.
    """

    BARE_WORD: ClassVar[bool] = True  # `cli:claude` is `cli:agent=claude`

    agent: str = ""
    calls: Annotated[int, Meta(ge=1, le=999)] = 50
    tokens: Annotated[int, Meta(ge=0)] = 0
    seconds: Annotated[float, Meta(gt=0, le=86400)] = 1800.0
    cpu_seconds: Annotated[float, Meta(gt=0, le=86400)] = 1800.0
    memory_mb: Annotated[int, Meta(ge=64, le=1_000_000)] = 4096
    folder: Literal["fresh", "stays"] = "fresh"

    @property
    def anywhere(self) -> "CliSettings":
        """Return these with the name of the agent's file alone: its content is the run's."""
        return replace(self, agent=PurePath(self.agent).name)

    @property
    def limits(self) -> SessionLimits:
        """Return what each session may use."""
        return SessionLimits(
            self.calls, self.tokens, self.seconds, self.cpu_seconds, memory_mb=self.memory_mb
        )

    @property
    def means(self) -> tuple[str, ...]:
        """Return what a session may use, in words; the agent itself is another of a row's means."""
        tokens = f"{self.tokens} tokens, " if self.tokens else ""
        return (
            f"cli ({counted(self.calls, 'call')}, {tokens}{self.seconds:g} s,"
            f" {self.cpu_seconds:g} CPU s and {self.memory_mb} MB a session)",
        )


class CommandLine:
    """Lets a command-line agent work in a folder; the answer is the file that it leaves."""

    def __init__(self, prompts: Prompts, settings: CliSettings) -> None:
        self._prompts, self._settings = prompts, settings
        self._files: dict[str, str] = {}
        self._replies: list[Reply] = []  # to the steps after the one that began a session

    def reply(self, ask: Ask) -> Program[Reply]:
        """Return the answer that a session leaves, which is empty where it leaves none.

        Where a world has tools, the session called them in a world of its own, and these turns
        come first, a step each.
        """
        if not self._replies:
            end = yield from run_session(self._session(ask))
            left = {name: text for name, text in end.files.items() if name != ANSWER}
            self._files = left if self._settings.folder == "stays" else {}
            finish = NO_ANSWER if end.answer is None else "stop"
            turns = [_reply("", "tool_calls", turn) for turn in end.turns]
            self._replies = [*turns, _reply(end.answer or "", finish)]
        return self._replies.pop(0)

    def _session(self, ask: Ask) -> Session:
        """Return the session in which a step is answered."""
        stays = self._settings.folder == "stays"
        [instruction] = self._prompts.messages(
            "means/session.j2", messages=ask.messages, stays=stays, tools=ask.tools
        )
        return Session(
            f"{ask.path}/session-1",
            self._settings.agent,
            self._files | {INSTRUCTION: instruction.content},
            limits=self._settings.limits,
            stays=stays,
            tools=ask.tools,
        )


def _reply(text: str, finish: str, calls: tuple[ToolCall, ...] = ()) -> Reply:
    return Reply(text, calls, finish, usage=Usage(0, 0), cost=0.0)
