"""What an agent is to an episode, and the agents there are."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any, Protocol

from harness.agents.by_program import TEMPLATES as PROGRAM_TEMPLATES
from harness.agents.by_program import ByProgram, ProgramSettings
from harness.agents.checker import TEMPLATES as CHECKER_TEMPLATES
from harness.agents.checker import CheckerSettings, WithChecker
from harness.agents.python_tool import TEMPLATES as PYTHON_TEMPLATES
from harness.agents.python_tool import PythonSettings, PythonTool
from harness.agents.simulate import TEMPLATES as SIMULATE_TEMPLATES
from harness.agents.simulate import BySimulation, SimulateSettings
from harness.agents.text_tools import TextTools
from tasks.base import Ask, Noun, Program, Reply
from tasks.means import ProgramLimits
from tasks.parts import NoSettings, read_kind
from tasks.plugins import Parts
from tasks.prompts import Prompts

DIRECT = ("direct",)  # the means of an agent that only asks


class Agent(Protocol):
    """A program that answers a world's ask, with as many asks of its own as it wants."""

    def reply(self, ask: Ask) -> Program[Reply]:
        """Return the reply that the world is to see."""


class Direct:
    """Passes each ask to the model as it is."""

    def __init__(self, prompts: Prompts | None = None, settings: Noun | None = None) -> None:
        """Make one: it needs neither."""

    def reply(self, ask: Ask) -> Program[Reply]:
        """Return the model's reply to the ask itself."""
        reply: Reply = yield ask
        return reply


@dataclass(frozen=True)
class AgentKind:
    """An agent as it is declared.

    Attributes:
        name: by which it is asked for.
        make: builds one, with its settings.
        settings: what of it can be set, with defaults and bounds.
        templates: what it says to the model; a change of them is another agent.
        template_folder: where these are; None if they come with the project.
        means: what it lets a model use, by its settings, sorted; rows of different means are never
            ranked together.
        uses: what a family must allow for it, of `program` and `checker`.
        limits: those of the programs that it runs, by its settings; None runs none.
    """

    name: str
    make: Callable[[Prompts, Any], Agent]
    settings: type[Noun] = NoSettings
    templates: tuple[str, ...] = ()
    means: Callable[[Any], tuple[str, ...]] = lambda _: DIRECT
    template_folder: Traversable | None = None
    uses: tuple[str, ...] = ()
    limits: Callable[[Any], ProgramLimits | None] = lambda _: None

    @property
    def about(self) -> str:
        """Return the first line of what it says of itself."""
        return (self.make.__doc__ or "").partition("\n")[0]


_KINDS = {
    "direct": AgentKind("direct", Direct),
    "text-tools": AgentKind("text-tools", TextTools, templates=("tools/text.j2",)),
    "program": AgentKind(
        "program",
        ByProgram,
        settings=ProgramSettings,
        templates=PROGRAM_TEMPLATES,
        means=lambda settings: settings.means,
        uses=("program",),
        limits=lambda settings: settings.limits,
    ),
    "python": AgentKind(
        "python",
        PythonTool,
        settings=PythonSettings,
        templates=PYTHON_TEMPLATES,
        means=lambda settings: settings.means,
        uses=("program",),
        limits=lambda settings: settings.limits,
    ),
    "simulate": AgentKind(
        "simulate",
        BySimulation,
        settings=SimulateSettings,
        templates=SIMULATE_TEMPLATES,
        means=lambda settings: settings.means,
        uses=("program", "checker"),
        limits=lambda settings: settings.limits,
    ),
    "checker": AgentKind(
        "checker",
        WithChecker,
        settings=CheckerSettings,
        templates=CHECKER_TEMPLATES,
        means=lambda settings: settings.means,
        uses=("checker",),
    ),
}
AGENTS = Parts("agent", "makespan.agents", AgentKind, names=tuple(_KINDS), load=_KINDS.__getitem__)


def read_agent(text: str) -> tuple[AgentKind, Noun]:
    """Return the agent that `NAME:key=value,...` means, and its settings.

    Raises:
        InputError: there is no such agent, or it has no such setting.
    """
    return read_kind(text, AGENTS)
