"""An agent that is a program of its own: it works in a folder, in a jail, and leaves a file."""

from pathlib import PurePath
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from harness.agents.workbench import counted
from harness.sessions.definitions import installed_agent
from harness.sessions.versions import installed_version
from tasks.base import Ask, Failure, InputError, Noun, Program, Reply, Usage
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
        folder: `fresh` in every step, or it `stays`: a memory in files.
    """

    BARE_WORD: ClassVar[bool] = True  # `cli:claude` is `cli:agent=claude`

    agent: str = ""
    calls: Annotated[int, Meta(ge=1, le=999)] = 50
    tokens: Annotated[int, Meta(ge=0)] = 0
    seconds: Annotated[float, Meta(gt=0, le=86400)] = 1800.0
    folder: Literal["fresh", "stays"] = "fresh"

    @property
    def limits(self) -> SessionLimits:
        """Return what each session may use."""
        return SessionLimits(self.calls, self.tokens, self.seconds)

    @property
    def means(self) -> tuple[str, ...]:
        """Return what a model may use: the agent as it is installed, and the limits.

        Raises:
            InputError: there is no such agent, or it is not installed.
            SandboxFailure: there is no jail here, or the agent tells no version in it.
        """
        if not self.agent:
            raise InputError("agent 'cli' needs an agent's name, such as cli:claude")
        agent = installed_agent(self.agent)
        tokens = f", {self.tokens} tokens" if self.tokens else ""
        bounds = f"cli ({counted(self.calls, 'call')}{tokens} and {self.seconds:g} s a session)"
        version = installed_version(agent)
        name = PurePath(self.agent).name.removesuffix(".toml")
        configuration = f"{name} {version}, configuration {agent.configuration}"
        return tuple(sorted([bounds, configuration]))


class CommandLine:
    """Lets a command-line agent work in a folder; the answer is the file that it leaves."""

    def __init__(self, prompts: Prompts, settings: CliSettings) -> None:
        self._prompts, self._settings = prompts, settings
        self._files: dict[str, str] = {}

    def reply(self, ask: Ask) -> Program[Reply]:
        """Return the answer that a session leaves, which is empty where it leaves none."""
        if ask.tools:
            raise Failure(f"{ask.path}: a command-line agent is offered no tools of a world")
        stays = self._settings.folder == "stays"
        [instruction] = self._prompts.messages(
            "means/session.j2", messages=ask.messages, stays=stays
        )
        effect = Session(
            f"{ask.path}/session-1",
            self._settings.agent,
            self._files | {INSTRUCTION: instruction.content},
            limits=self._settings.limits,
            stays=stays,
        )
        end = yield from run_session(effect)
        left = {name: text for name, text in end.files.items() if name != ANSWER}
        self._files = left if stays else {}
        finish = NO_ANSWER if end.answer is None else "stop"
        return Reply(end.answer or "", finish=finish, usage=Usage(0, 0), cost=0.0)
