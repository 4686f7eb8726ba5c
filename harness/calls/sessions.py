"""Lets command-line agents work, and answers what they ask by the calls of their episode."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from msgspec.structs import replace

from harness.calls.request import request_parts
from harness.calls.session_tools import SessionTools
from harness.costs import tokens_of
from harness.sessions.definitions import InstalledAgent
from harness.sessions.jailed import Ended, run_jailed, run_unjailed
from harness.sessions.neutral import AgentRequest
from harness.sessions.proxy import FinalWord, Proxy
from harness.sessions.shares import Shares
from harness.store.rows import Answered
from tasks.base import Ask, Failure, Reply
from tasks.sessions import ANSWER, INSTRUCTION, Session, SessionEnd

AskModel = Callable[[Ask], Awaitable[Reply]]


class SessionBench:
    """Where the sessions of a run take place, a few at a time."""

    def __init__(self, agent: InstalledAgent, at_once: int, *, jailed: bool = True) -> None:
        """Make one for an agent as it is installed here.

        Args:
            agent: that works.
            at_once: how many sessions.
            jailed: whether each has a jail.
        """
        self._agent, self._jailed = agent, jailed
        self._places = asyncio.Semaphore(at_once)

    async def run(
        self,
        effect: Session,
        settings: str,
        journaled: Mapping[str, Answered],
        ask: AskModel,
        tools: SessionTools | None = None,
    ) -> SessionEnd:
        """Return what comes of a session; its calls are answered as `ask` does.

        Args:
            effect: the session.
            settings: the digest of how its model is asked.
            journaled: what the journal has of the episode's calls, by path.
            ask: answers a call; what it raises ends the session, and is raised.
            tools: of the world, where the session is offered some.

        Raises:
            SandboxFailure: there is no jail here, or it does not live.
        """
        calls = SessionCalls(effect, settings, journaled, ask)
        proxy = Proxy(calls.answer, tools.server if tools else None)
        run = run_jailed if self._jailed else run_unjailed
        async with self._places:
            cell = self._agent.cell(effect.files, effect.limits, tools=tools is not None)
            ended = await run(cell, proxy.serve)
        end = _end(effect, ended, calls, proxy)
        return replace(end, turns=tuple(tools.turns)) if tools else end


def _end(effect: Session, ended: Ended, calls: "SessionCalls", proxy: Proxy) -> SessionEnd:
    left = {k: text for k, text in ended.files.items() if k not in (ANSWER, INSTRUCTION)}
    return SessionEnd(
        ended.files.get(ANSWER),
        ended.status,
        limit=ended.limit,
        seconds=ended.seconds,
        calls=calls.count,
        side_calls=calls.shares.side_calls,
        side_tokens=calls.shares.side_tokens,
        own_tokens=calls.shares.own_tokens,
        refusal=calls.refusal,
        files=left if effect.stays else {},
        left_out=ended.left_out,
        unread=tuple(proxy.unread),
        tail=ended.tail,
    )


class SessionCalls:
    """The calls of one session: each is known by what it asks, since the order is the agent's.

    Attributes:
        count: of them so far.
        refusal: the final word that was told, if one was.
        shares: of their tokens.
    """

    def __init__(
        self, effect: Session, settings: str, journaled: Mapping[str, Answered], ask: AskModel
    ) -> None:
        self._effect, self._settings, self._ask = effect, settings, ask
        start = f"{effect.path}/"
        self._journaled = {k: each for k, each in journaled.items() if k.startswith(start)}
        self._waiting = sorted(self._journaled)
        self._last = len(self._waiting)
        self._tokens = self.count = 0
        self.refusal = ""
        self.shares = Shares(effect.files[INSTRUCTION])

    async def answer(self, conversation: AgentRequest) -> Reply:
        """Return the reply to a call, from the journal where it has one; `FinalWord` at a limit."""
        limits = self._effect.limits
        if self.count >= limits.calls or (limits.tokens and self._tokens >= limits.tokens):
            self.refusal = f"the budget of this session is spent: {self._spent}"
            raise FinalWord(self.refusal)
        self.count += 1
        ask = Ask("", conversation.messages, conversation.tools)
        path = self._path(request_parts(self._settings, ask))
        reply = await self._ask(replace(ask, path=path))
        tokens = tokens_of(reply.usage)
        if limits.tokens and tokens is None:
            raise Failure(f"{path}: the model tells no tokens, so `tokens` cannot be kept")
        self._tokens += tokens or 0
        self.shares.add(conversation, reply.usage)
        return reply

    @property
    def _spent(self) -> str:
        return f"{self.count} calls, {self._tokens} tokens"

    def _path(self, request: str) -> str:
        """Return the path of the first call with this request that is not taken, else a new one."""
        for path in self._waiting:
            if self._journaled[path].request == request:
                self._waiting.remove(path)
                return path
        self._last += 1
        return f"{self._effect.path}/call-{self._last:03}"
