"""The memories there are, and the protocol that episodes use them by."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.resources.abc import Traversable
from typing import Any, Protocol

from memory.context import Context, MemoryState
from memory.conversation import Conversation
from memory.facts import Facts, FactsSettings
from memory.hub import HubSettings, StrategyHub
from memory.rounds import FullHistory, History, Placebo
from memory.sleep_time import SleepSettings, SleepTime
from memory.summary import Summary, SummarySettings
from memory.temporal_tree import TemporalTree, TreeSettings
from tasks.base import Ask, InputError, Noun, Program, Tell
from tasks.parts import NoSettings, read_kind
from tasks.plugins import Parts


class Memory(Protocol):
    """A program that enriches a step before the agent sees it and learns from its feedback.

    Calls of its own have a path with a segment `memory`, so that they are counted apart.
    """

    def recall(self, ask: Ask) -> Program[Ask]:
        """Return the question for the agent: the one that was asked, with messages after it."""

    def observe(self, tell: Tell) -> Program[None]:
        """Take in the feedback after a step."""

    def idle(self, path: str) -> Program[None]:
        """Work between two rounds.

        Args:
            path: of the round that comes; calls of the memory's own go under it.
        """

    def state(self) -> MemoryState:
        """Return everything that the memory holds, for an audit."""


class NoMemory:
    """A memory that stores nothing and adds nothing to a question."""

    def __init__(self, context: Context | None = None, settings: Noun | None = None) -> None:
        """Take a context as every memory does, and use nothing of it."""

    def recall(self, ask: Ask) -> Program[Ask]:
        """Return the question as it is."""
        yield from ()
        return ask

    def observe(self, tell: Tell) -> Program[None]:  # noqa: ARG002
        """Ignore the feedback."""
        yield from ()

    def idle(self, path: str) -> Program[None]:  # noqa: ARG002
        """Do nothing between rounds."""
        yield from ()

    def state(self) -> MemoryState:
        """Return an empty state."""
        return MemoryState()


@dataclass(frozen=True)
class MemoryKind:
    """A memory as it is declared.

    Attributes:
        name: by which it is asked for.
        make: builds an empty one, with its settings.
        settings: what of it can be set, with defaults and bounds.
        templates: what it says to the model; a change of them is another memory.
        template_folder: where these are; None if they come with the project.
        takes_notes: whether it holds more than past rounds, so that its notes can be examined.
        needs_rounds: whether it is refused for a family without rounds.
        needs_other: whether it is refused without another user's rounds.
        of: the declaration with given settings, where these change what it says or needs;
            InputError where they do not fit.
    """

    name: str
    make: Callable[[Context, Any], Memory]
    settings: type[Noun] = NoSettings
    templates: tuple[str, ...] = ()
    takes_notes: bool = False
    needs_rounds: bool = True
    needs_other: bool = False
    template_folder: Traversable | None = None
    of: Callable[["MemoryKind", Any], "MemoryKind"] = lambda kind, _: kind

    @property
    def about(self) -> str:
        """Return the first line of what it says of itself."""
        return (self.make.__doc__ or "").partition("\n")[0]

    def new(self, context: Context, settings: Noun | None = None) -> Memory:
        """Return an empty memory; without settings it has the defaults."""
        return self.make(context, settings or self.settings())


def sleep_time(context: Context, settings: SleepSettings) -> SleepTime:
    """A block thought over while nobody waits, beside what another memory shows."""
    return SleepTime(MEMORIES.part(settings.inner).new(context), context, settings)


def _with_inner(kind: MemoryKind, settings: SleepSettings) -> MemoryKind:
    """Return sleep-time around the memory that its settings name: it says and needs both's."""
    if settings.inner == kind.name:
        raise InputError(f"{kind.name}: the memory around which it is cannot be itself")
    inner = MEMORIES.part(settings.inner)
    return replace(
        kind,
        templates=(*dict.fromkeys((*inner.templates, *kind.templates)),),
        needs_other=inner.needs_other or settings.placebo,
        template_folder=inner.template_folder,
    )


_RECALL = "memory/recall.j2"
_KINDS = (
    MemoryKind("none", NoMemory, needs_rounds=False),
    MemoryKind("history", History, templates=(_RECALL,)),
    MemoryKind("full-history", FullHistory, templates=(_RECALL,)),
    MemoryKind("conversation", Conversation),
    MemoryKind("placebo", Placebo, templates=(_RECALL,), needs_other=True),
    MemoryKind(
        "summary",
        Summary,
        settings=SummarySettings,
        templates=(_RECALL, "memory/summary.j2"),
        takes_notes=True,
    ),
    MemoryKind(
        "strategy-hub",
        StrategyHub,
        settings=HubSettings,
        templates=(_RECALL, "memory/strategy-hub.j2"),
        takes_notes=True,
    ),
    MemoryKind(
        "facts",
        Facts,
        settings=FactsSettings,
        templates=(_RECALL, "memory/facts.j2"),
        takes_notes=True,
    ),
    MemoryKind(
        "temporal-tree",
        TemporalTree,
        settings=TreeSettings,
        templates=(
            _RECALL,
            "memory/temporal-tree.j2",
            "memory/temporal-tree-plan.j2",
            "memory/temporal-tree-gate.j2",
        ),
        takes_notes=True,
    ),
    MemoryKind(
        "sleep-time",
        sleep_time,
        settings=SleepSettings,
        templates=("memory/block.j2", "memory/sleep.j2"),
        takes_notes=True,
        of=_with_inner,
    ),
)
_BY_NAME = {kind.name: kind for kind in _KINDS}
MEMORIES = Parts(
    "memory", "makespan.memories", MemoryKind, names=tuple(_BY_NAME), load=_BY_NAME.__getitem__
)


def read_memory(text: str) -> tuple[MemoryKind, Noun]:
    """Return the memory that `NAME:key=value,...` means, and its settings.

    Raises:
        InputError: there is no such memory, or it has no such setting.
    """
    kind, settings = read_kind(text, MEMORIES)
    return kind.of(kind, settings), settings


def is_memory(path: str) -> bool:
    """Return whether a call was a memory's own: no path of a world has a segment `memory`."""
    return "memory" in path.split("/")
