"""What agents that search share: their settings, branches that are tried, and which one is played.

A branch is grown by replies of the model; what the world would answer to them is imagined. The best
branch is then played, reply by reply, in the episode itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from msgspec import Meta
from msgspec.structs import replace

from harness.agents.text_tools import TextTools
from harness.agents.workbench import counted
from harness.costs import tokens_of
from tasks.base import Ask, Failure, Message, Noun, Program, Reply
from tasks.imagination import BranchStep, imagine
from tasks.means import note
from tasks.prompts import Prompts

TEMPLATES = ("tools/text.j2",)


class SearchSettings(Noun, frozen=True):
    """The settings of agents that search.

    Attributes:
        tries: branches that are explored up to an end, at most.
        clock: `simulate`: what is explored takes no time of the episode; `charged`: it takes as
            long as if it were done, before the first call of the branch that is played.
        tokens: in and out, after which no further try is begun; 0 is no limit.
        text: whether tools are told in the prompt and calls read from the text.
    """

    tries: Annotated[int, Meta(ge=1, le=1000)] = 4
    clock: Literal["simulate", "charged"] = "simulate"
    tokens: Annotated[int, Meta(ge=0)] = 0
    text: bool = False

    @property
    def means(self) -> tuple[str, ...]:
        """Return what a model may use; a limit of tokens is a smaller allowance."""
        tries = "try" if self.tries == 1 else "tries"
        tokens = f", {counted(self.tokens, 'token')}" if self.tokens else ""
        return (f"{self.clock} ({self.tries} {tries} in branches{tokens})",)


@dataclass(eq=False)
class BranchPlace:
    """A place in a tree of branches.

    Attributes:
        ask: what is asked there; at an end, what was answered last.
        replies: those that lead there, of the episode and of the branch.
        parent: the place before it; None of the first.
        asks: those that the replies after the first place answer, in order.
        time: of the branch so far, in units of virtual time.
        ended: whether nothing is asked there.
        answered: whether it ended in a whole answer whose values its calls returned.
        reward: what its descendants were worth.
        children: the places after it, in the order in which they were tried.
    """

    ask: Ask
    replies: tuple[Reply, ...]
    parent: "BranchPlace | None" = None
    asks: tuple[Ask, ...] = ()
    time: int = 0
    ended: bool = False
    answered: bool = False
    reward: float = 0.0
    children: list["BranchPlace"] = field(default_factory=list)

    @property
    def order(self) -> tuple[bool, int]:
        """Return what is smaller for a better end: an answer, and then the shorter time."""
        return not self.answered, self.time if self.answered else 0


class Explorer:
    """Grows the branches of one step, and counts what they take.

    Attributes:
        root: the step itself.
    """

    def __init__(
        self, prompts: Prompts, settings: SearchSettings, ask: Ask, replies: tuple[Reply, ...]
    ) -> None:
        """Make one.

        Args:
            prompts: the templates of the run.
            settings: of the search.
            ask: the step.
            replies: those that were given in the episode before it.
        """
        self.root = BranchPlace(ask, replies)
        self._settings, self._text = settings, TextTools(prompts) if settings.text else None
        self._spent = 0

    @property
    def is_spent(self) -> bool:
        """Return whether no further try may begin."""
        return bool(self._settings.tokens) and self._spent >= self._settings.tokens

    def rollout(self, place: BranchPlace, number: int, notice: str = "") -> Program[BranchPlace]:
        """Return the end of a branch that goes on from a place; all places of it are kept.

        Args:
            place: from where; nothing has ended there.
            number: of the try, from 1.
            notice: what the model is told beside the conversation at the first of its turns.
        """
        while not place.ended:
            path = f"{self.root.ask.path}/try-{number}/turn-{len(place.replies) + 1}"
            place = yield from self._grown(path, place, number, notice)
            notice = ""
        return place

    def _grown(
        self, path: str, place: BranchPlace, number: int, notice: str
    ) -> Program[BranchPlace]:
        """Return the place after a reply of the model at a place."""
        view = BranchStep(self.root.ask.view, place.replies, number)
        messages = (*place.ask.messages, Message("user", notice)) if notice else place.ask.messages
        reply = yield from self._asked(replace(place.ask, path=path, messages=messages, view=view))
        replies = (*place.replies, reply)
        charged = self._settings.clock == "charged"
        imagined = yield from imagine(f"{path}/imagined", replies, charged=charged)
        child = BranchPlace(
            place.ask if imagined.ended else imagined.after(place.ask),
            replies,
            parent=place,
            asks=(*place.asks, place.ask),
            time=imagined.time,
            ended=imagined.ended,
            answered=imagined.answered,
        )
        place.children.append(child)
        return child

    def _asked(self, ask: Ask) -> Program[Reply]:
        """Return the model's reply to an ask in a branch; its tokens count."""
        reply: Reply
        if self._text:
            reply = yield from self._text.reply(ask)
        else:
            reply = yield ask
        if self._settings.tokens:
            tokens = tokens_of(reply.usage)
            if tokens is None:
                raise Failure(f"{ask.path}: the model tells no tokens, so `tokens` cannot be kept")
            self._spent += tokens
        return reply

    def best(self, ends: Sequence[BranchPlace]) -> Program[BranchPlace]:
        """Return the best of some ends, of equals the first; it is counted if none answered."""
        best = min(ends, key=lambda end: end.order)
        if not best.answered:
            yield from note(f"{self.root.ask.path}/unanswered", "no try answered")
        return best


class PlayedBranch:
    """The replies of a branch that is played in the episode, and what each of them answers."""

    def __init__(self) -> None:
        self.replies: tuple[Reply, ...] = ()  # that were given in the episode so far
        self._due: list[tuple[Ask, Reply]] = []

    @property
    def is_due(self) -> bool:
        """Return whether a reply of a branch is there to be given."""
        return bool(self._due)

    def follow(self, end: BranchPlace) -> None:
        """Play a branch from here on."""
        self._due = list(zip(end.asks, end.replies[len(self.replies) :], strict=True))

    def next(self, ask: Ask) -> Reply:
        """Return the next reply.

        Raises:
            Failure: the world does not ask what it was imagined to ask.
        """
        expected, reply = self._due.pop(0)
        if expected.messages != ask.messages:
            raise Failure(f"{ask.path}: the world asks something else than was imagined")
        self.replies = (*self.replies, reply)
        return reply
