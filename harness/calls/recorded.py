"""Calls answered from the journal alone."""

from collections import Counter
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias, TypeVar

import msgspec

from harness.calls.request import effect_parts, first_difference, request_parts
from harness.mcp.direct import Tools, no_tools
from harness.store.rows import Answered, Performed
from tasks.base import Ask, CallTools, Failure, Fields, Ledger, Message, Outside, Reply, Tell, Tool
from tasks.imagination import Imagine, Imagined, later
from tasks.means import Check, Checked, Note, Ran, Run, Simulate, Simulated
from tasks.sessions import Session, SessionEnd

UNTRIED = Answered(0)
Effect: TypeAlias = Run | Check | Simulate | Session | Imagine
Result: TypeAlias = Ran | Checked | Simulated | SessionEnd | Imagined
_OUTCOMES: dict[type, msgspec.json.Decoder[Any]] = {
    Run: msgspec.json.Decoder(Ran),
    Check: msgspec.json.Decoder(Checked),
    Session: msgspec.json.Decoder(SessionEnd),
    Simulate: msgspec.json.Decoder(Simulated),
    Imagine: msgspec.json.Decoder(Imagined),
}
T = TypeVar("T")


class ReplayFailure(Failure):
    """The journal holds another request under this path: two experiments would mix."""

    boundary = "replay"


class NotRecorded(ReplayFailure):
    """The journal ends before this: what is replayed was not finished."""


class CountedReply(NamedTuple):
    """A reply of an episode: under which path, in which ledger, from which seat."""

    path: str
    ledger: Ledger
    seat: str
    reply: Reply


@dataclass
class RecordedCalls:
    """The answers to an episode as the journal has them; nobody is asked.

    Attributes:
        episode: its name in the journal.
        settings: the digest of how the model of each seat is asked; the main seat is "".
        journaled: what the journal has of its calls, by path.
        tools: performs the calls of tools, again at each replay.
        replies: those that were given so far, in the order in which they were.
        attempts: how many there were for them.
        effects: what the journal has of programs run and answers checked, by path.
        sandbox_seconds: of a processor, that programs took so far.
        session_ends: what came of the sessions so far.
        notes: how often the agent told of each thing that went otherwise than it wanted.
        explored: units of virtual time that branches took so far, where they are charged.
    """

    episode: str
    settings: Mapping[str, str]
    journaled: Mapping[str, Answered]
    tools: Tools = no_tools
    replies: list[CountedReply] = field(default_factory=list)
    attempts: int = 0
    effects: Mapping[str, Performed] = field(default_factory=dict, kw_only=True)
    sandbox_seconds: float = field(default=0.0, kw_only=True)
    session_ends: list[SessionEnd] = field(default_factory=list, kw_only=True)
    notes: Counter[str] = field(default_factory=Counter, kw_only=True)
    explored: int = field(default=0, kw_only=True)

    def has_reply(self, path: str) -> bool:
        """Return whether the journal holds a reply under this path."""
        return self.journaled.get(path, UNTRIED).reply is not None

    @property
    def unanswered(self) -> frozenset[str]:
        """Return the calls that the journal has attempts at, but no reply to."""
        return frozenset(path for path in self.journaled if not self.has_reply(path))

    @property
    def answered(self) -> int:
        """Return how many replies the journal has."""
        return len(self.journaled) - len(self.unanswered)

    async def perform(self, effect: Outside) -> Any:
        """Return the answer to an effect of the episode.

        Raises:
            ProviderFailure: the last failure of a call that was given up.
            ReplayFailure: the journal holds another request under the path, or none.
            Stopped: the run was asked to stop before this call.
            Failure: nobody here can do what is wanted.
        """
        if isinstance(effect, Ask):
            request = request_parts(self.settings[effect.seat], effect)
            before = self.journaled.get(effect.path, UNTRIED)
            self.attempts += before.attempts
            if before.reply is not None:
                self._require_same(effect.path, before.request or "", request)
                reply = before.reply
            else:
                reply = await self._ask(effect, request, before.attempts)
            self.replies.append(CountedReply(effect.path, effect.ledger, effect.seat, reply=reply))
            return reply
        if isinstance(effect, Effect):
            return await self._effect(effect)
        if isinstance(effect, CallTools):
            return later(await self.tools(effect), self.explored)
        if isinstance(effect, Note):
            self.notes[effect.kind] += 1
            return None
        if isinstance(effect, Tell):
            return None
        raise Failure(f"{effect.path}: nothing here performs a {type(effect).__name__}")

    def _require_same(self, path: str, journaled: str, request: str) -> None:
        if part := first_difference(journaled, request):
            raise ReplayFailure(
                f"{self.episode}: the request of {path} differs from the journal's in its {part}"
            )

    async def _effect(self, effect: Effect) -> Result:
        """Return what came of a program, a check, a session or a branch, never done again."""
        request = effect_parts(effect)
        outcome: Result
        if effect.path in self.effects:
            before = self.effects[effect.path]
            self._require_same(effect.path, before.request, request)
            outcome = _OUTCOMES[type(effect)].decode(before.outcome)
        else:
            outcome = await self._do(effect, request)
        if isinstance(outcome, SessionEnd):
            self._count_calls(f"{effect.path}/")
            self.session_ends.append(outcome)
        if isinstance(effect, Imagine) and effect.charged and isinstance(outcome, Imagined):
            self.explored += outcome.took
        run = outcome.ran if isinstance(outcome, Simulated) else outcome
        if isinstance(run, Ran | SessionEnd):
            self.sandbox_seconds += run.seconds
        return outcome

    def _count_calls(self, start: str) -> None:
        """Count all calls of a session that has ended, in the order of their paths.

        Those count, too, that it made before it was cut off and has not made again: they were paid.
        """
        counted = {each.path: each for each in self.replies if each.path.startswith(start)}
        self.replies = [each for each in self.replies if each.path not in counted]
        for path, before in self.journaled.items():
            if path.startswith(start) and path not in counted:
                self.attempts += before.attempts
                if before.reply is not None:
                    counted[path] = CountedReply(path, "test", "", reply=before.reply)
        self.replies += [counted[path] for path in sorted(counted)]

    async def _do(self, effect: Effect, request: str) -> Result:  # noqa: ARG002
        raise NotRecorded(f"{self.episode}: {effect.path} has no outcome in the journal")

    async def _ask(self, ask: Ask, request: str, tried: int) -> Reply:  # noqa: ARG002
        raise NotRecorded(f"{self.episode}: {ask.path} has no reply in the journal")


def at_once(answer: Coroutine[Any, Any, T]) -> T:
    """Return what recorded calls answer: nothing has to be waited for, and no loop is needed.

    Raises:
        RuntimeError: it would have to wait.
    """
    try:
        answer.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    answer.close()
    raise RuntimeError("a recorded call has to wait")


@dataclass(frozen=True)
class RecordedCall:
    """A call as the model saw it.

    Attributes:
        path: its name in the episode; `memory.base.is_memory(path)` tells a memory's own calls.
        reply: None for the call at which the episode ended in an error.
    """

    path: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...]
    schema: Fields | None
    reply: Reply | None
