"""What an agent is to an episode, and the agents there are."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Protocol

from msgspec import UNSET, UnsetType

from harness.agents.best_of import BestOf
from harness.agents.branches import TEMPLATES as BRANCH_TEMPLATES
from harness.agents.branches import SearchSettings
from harness.agents.by_program import TEMPLATES as PROGRAM_TEMPLATES
from harness.agents.by_program import ByProgram, ProgramSettings
from harness.agents.checker import TEMPLATES as CHECKER_TEMPLATES
from harness.agents.checker import CheckerSettings, WithChecker
from harness.agents.cli import TEMPLATES as CLI_TEMPLATES
from harness.agents.cli import CliSettings, CommandLine
from harness.agents.mcts import TEMPLATES as MCTS_TEMPLATES
from harness.agents.mcts import TreeSearch
from harness.agents.pipeline import TEMPLATES as PIPELINE_TEMPLATES
from harness.agents.pipeline import ByPipeline, PipelineSettings, means_of
from harness.agents.pipeline_file import ReadPipeline, read_pipeline
from harness.agents.pipeline_format import AGENT, Pipeline
from harness.agents.python_tool import TEMPLATES as PYTHON_TEMPLATES
from harness.agents.python_tool import PythonSettings, PythonTool
from harness.agents.simulate import TEMPLATES as SIMULATE_TEMPLATES
from harness.agents.simulate import BySimulation, SimulateSettings
from harness.agents.text_tools import TextTools
from tasks.base import Ask, InputError, Noun, Program, Reply
from tasks.means import ProgramLimits
from tasks.parts import NoSettings, read_kind, read_part, settings_of, spelled
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
        uses: what a family must allow for it, of `program`, `checker` and `imagine`.
        limits: those of the programs that it runs, by its settings; None runs none.
        sessions: whether it is a command-line agent: in its place policies answer by themselves.
        uses_by: what a family must allow for it beside `uses`, by its settings.
    """

    name: str
    make: Callable[[Prompts, Any], Agent]
    settings: type[Noun] = NoSettings
    templates: tuple[str, ...] = ()
    means: Callable[[Any], tuple[str, ...]] = lambda _: DIRECT
    template_folder: Traversable | None = None
    uses: tuple[str, ...] = ()
    limits: Callable[[Any], ProgramLimits | None] = lambda _: None
    sessions: bool = False
    uses_by: Callable[[Any], tuple[str, ...]] = lambda _: ()

    def required(self, settings: Noun) -> set[str]:
        """Return what a family must allow for it with some settings."""
        return {*self.uses, *self.uses_by(settings)}

    @property
    def about(self) -> str:
        """Return the first line of what it says of itself."""
        return (self.make.__doc__ or "").partition("\n")[0]


def _means_of(settings: Noun) -> tuple[str, ...]:
    return means_of(settings) if isinstance(settings, Pipeline) else DIRECT


def _uses_of(settings: Noun) -> tuple[str, ...]:
    return ("checker",) if isinstance(settings, Pipeline) and settings.checks else ()


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
    "best-of": AgentKind(
        "best-of",
        BestOf,
        settings=SearchSettings,
        templates=BRANCH_TEMPLATES,
        means=lambda settings: settings.means,
        uses=("imagine",),
    ),
    "mcts": AgentKind(
        "mcts",
        TreeSearch,
        settings=SearchSettings,
        templates=MCTS_TEMPLATES,
        means=lambda settings: settings.means,
        uses=("imagine",),
    ),
    "cli": AgentKind(
        "cli",
        CommandLine,
        settings=CliSettings,
        templates=CLI_TEMPLATES,
        means=lambda settings: settings.means,
        sessions=True,
    ),
    AGENT: AgentKind(
        AGENT,
        ByPipeline,
        settings=PipelineSettings,
        templates=PIPELINE_TEMPLATES,
        means=_means_of,
        uses_by=_uses_of,
    ),
}
AGENTS = Parts("agent", "makespan.agents", AgentKind, names=tuple(_KINDS), load=_KINDS.__getitem__)


def agent_kind(text: str) -> AgentKind:
    """Return the agent of a name, whatever its settings; InputError if there is none."""
    return AGENTS.part(read_part(text).name)


def read_agent(text: str, pipeline: Pipeline | UnsetType = UNSET) -> tuple[AgentKind, Noun]:
    """Return the agent that `NAME:key=value,...` or `pipeline:FILE` means, and its settings.

    Args:
        text: the agent as it is spelled.
        pipeline: that of a run which has one, whose file is not read again.

    Raises:
        InputError: there is no such agent, it has no such setting, or its file cannot be read.
    """
    if read_part(text).name == AGENT:
        return AGENTS.part(AGENT), pipeline or pipeline_of(text)[0]
    return read_kind(text, AGENTS)


def pipeline_of(text: str) -> ReadPipeline:
    """Return the pipeline that `pipeline:FILE,models=...` means; InputError if it is none."""
    part = read_part(text)
    if not part.inner:
        raise InputError(f"agent {text!r} needs a file: {AGENT}:FILE.toml or {AGENT}:FILE.json")
    settings: PipelineSettings = settings_of(part, PipelineSettings)
    return read_pipeline(Path(part.inner), own=settings.models == "file")


def agent_name(kind: AgentKind, settings: Noun) -> str:
    """Return the shortest spelling of an agent; that of a pipeline is by its content."""
    return settings.label if isinstance(settings, Pipeline) else spelled(kind.name, settings)
