"""The effect of agents that are programs of their own, and what came of one.

Such a program works in a folder, asks models by itself, and leaves its answer in a file. It is
never run again on replay; each of its calls is an attempt under the path of its session.
"""

from typing import Annotated

from msgspec import Meta

from tasks.base import Action, Noun, Program, Tool, ToolCall

INSTRUCTION, ANSWER = "INSTRUCTION.md", "answer.json"


class McpPart(Noun, frozen=True):
    """How an agent is told of the tools that are offered over MCP at `{url}/mcp`.

    Attributes:
        command: words at the end of its own.
        files: texts beside its own, or in their place.
    """

    command: tuple[str, ...] = ()
    files: dict[str, str] = {}


class AgentFile(Noun, frozen=True):
    """A command-line agent as it is declared.

    `{task}` stands for what to do, `{url}` for the proxy's address, `{home}` for the agent's own
    home folder.

    Attributes:
        command: words; it ends when the agent is done, and asks nobody.
        version: words of a command that prints the agent's version.
        environment: variables; none of this machine's are there.
        files: texts by their paths in the agent's own home folder.
        folders: of this machine that it needs beside its own, read-only.
        mcp: what is added where a world has tools; an agent without it is not for such worlds.
    """

    command: tuple[str, ...]
    version: tuple[str, ...]
    environment: dict[str, str] = {}
    files: dict[str, str] = {}
    folders: tuple[str, ...] = ()
    mcp: McpPart | None = None

    def __post_init__(self) -> None:
        if not (self.command and self.version):
            raise ValueError("`command` and `version` need at least one word each")
        for folder in self.folders:
            if not folder.startswith("/"):
                raise ValueError(f"`folders`: {folder!r} must begin with a slash")


class SessionLimits(Noun, frozen=True):
    """What a session may use.

    Attributes:
        calls: of models, sub-agents' included.
        tokens: in and out, of all calls; 0 is no limit.
        seconds: by the clock on the wall.
        cpu_seconds: of processors, all of its processes together.
        memory_mb: all of its processes together, files in memory included.
    """

    calls: Annotated[int, Meta(ge=1, le=999)] = 50
    tokens: Annotated[int, Meta(ge=0)] = 0
    seconds: Annotated[float, Meta(gt=0, le=86400)] = 1800.0
    cpu_seconds: Annotated[float, Meta(gt=0, le=86400)] = 1800.0
    memory_mb: Annotated[int, Meta(ge=64, le=1_000_000)] = 4096


class Session(Action, frozen=True):
    """Wants a command-line agent to work in a folder; answered with `SessionEnd`.

    Attributes:
        agent: by its name.
        files: the texts in the folder, by their paths.
        limits: what it may use.
        stays: whether its end tells what is in the folder then.
        tools: of the world, that it is offered.
    """

    agent: str
    files: dict[str, str]
    limits: SessionLimits
    stays: bool = False
    tools: tuple[Tool, ...] = ()


class SessionEnd(Noun, frozen=True, omit_defaults=True):
    """What came of a session. The status says nothing about the answer.

    Attributes:
        answer: the text of `answer.json`; None without one.
        status: of the command; None if it was killed at a limit.
        limit: the name of that limit.
        seconds: of processors.
        calls: of models.
        side_calls: of them, those in other conversations than the first: of sub-agents, say.
        side_tokens: in and out, of these; None if one is unknown.
        own_tokens: the part of all input tokens that is the agent's own words and its tools on
            offer, by characters; None if one is unknown.
        refusal: the final word that the agent got, if it got one.
        files: the texts in the folder, where it stays.
        left_out: paths there that are no text, or too much.
        turns: the calls of the world's tools, turn by turn.
        unread: requests that could not be passed on, each as its refusal.
        tail: the end of what the agent printed.
    """

    answer: str | None
    status: int | None
    limit: str = ""
    seconds: float = 0.0
    calls: int = 0
    side_calls: int = 0
    side_tokens: int | None = 0
    own_tokens: int | None = 0
    refusal: str = ""
    files: dict[str, str] = {}
    left_out: tuple[str, ...] = ()
    turns: tuple[tuple[ToolCall, ...], ...] = ()
    unread: tuple[str, ...] = ()
    tail: str = ""


def run_session(effect: Session) -> Program[SessionEnd]:
    """Yield one `Session` and return what came of it."""
    end: SessionEnd = yield effect
    return end
