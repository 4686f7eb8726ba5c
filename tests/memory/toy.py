"""A toy world of several rounds, scripted models, and an episode of both."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from harness.agents.base import Direct
from harness.calls.client import ModelClient
from harness.calls.drive import drive
from harness.calls.live import calls_of
from harness.run.episode import episode
from harness.store.journal import Journal
from memory.base import MEMORIES, Memory, is_memory
from memory.context import Context
from memory.rounds import told
from tasks.base import Ask, Message, Outcome, Outside, Parsed, Program, Reply, ask, tell
from tasks.play import play as play_program
from tasks.prompts import installed

PROMPTS = installed()
Script = Callable[[Ask], str]


def year(rounds: int, window: int = 3, user: str = "Ada", quiet: bool = False) -> Program[Outcome]:
    """Each round asks for one of two letters; the feedback repeats what was decided."""
    said = []
    for k in range(rounds):
        reply = yield from ask(f"round-{k:03d}/answer", (Message("user", f"Round {k}: A or B?"),))
        said.append(Parsed({"said": reply.text}))
        text = f"Round {k} of {user}: you said {reply.text}, right was {'AB'[k % 2]}"
        facts = {"round": k, "text": text, "date": f"2025-01-{k + 1:02d}", "history": window}
        yield from tell(f"round-{k:03d}/feedback", {"round": k} if quiet else facts)
    return Outcome(tuple(said))


def other() -> tuple[str, ...]:
    """Another user's year, answered by code."""
    return told(year(30, user="Bob"), lambda _: Reply("B"))


def build(name: str) -> Memory:
    return MEMORIES[name].new(Context(PROMPTS, other))


def compose(world: Program[Outcome], memory: Memory) -> Program[Outcome]:
    """World and memory with the agent that asks as it is."""
    return episode(world, Direct(), memory)


class Scripted:
    """A model by a function of the ask; it can be made to stop after so many calls."""

    name = "test/scripted"

    def __init__(self, script: Script, most: int = 10**9) -> None:
        self.script, self.most = script, most
        self.asked: list[Ask] = []

    async def reply(self, ask: Ask) -> Reply:
        await asyncio.sleep(0)
        if len(self.asked) >= self.most:
            raise KeyboardInterrupt
        self.asked.append(ask)
        return Reply(self.script(ask))

    async def close(self) -> None:
        """Nothing to close."""


def play(world: Program[Outcome], memory: Memory, script: Script) -> list[Ask]:
    """An episode without a journal; returns what was asked."""
    asked = []

    def perform(effect: Outside) -> Reply:
        assert isinstance(effect, Ask)
        asked.append(effect)
        return Reply(script(effect))

    play_program(compose(world, memory), perform)
    assert len({a.path for a in asked}) == len(asked)
    return asked


def play_journaled(folder: Path, memory: Memory, model: Scripted | None, rounds: int) -> Outcome:
    """An episode on a journal in a folder; without a model a replay."""

    async def go() -> Outcome:
        journal = Journal(folder)
        try:
            clients = {"": ModelClient(model)} if model else None
            calls = calls_of("e", {"": "s"}, journal, clients)
            return await drive(compose(year(rounds), memory), calls.perform)
        finally:
            journal.close()

    return asyncio.run(go())


def shown(asked: list[Ask]) -> list[str]:
    """What was added to each of the world's asks, "" for nothing."""
    agents_asks = [a for a in asked if not is_memory(a.path)]
    for k, a in enumerate(agents_asks):
        assert a.messages[0] == Message("user", f"Round {k}: A or B?")
    return ["\n".join(m.content for m in a.messages[1:]) for a in agents_asks]


def by_path(replies: Callable[[str], object]) -> Script:
    """Says "A" to the world and JSON to the memory."""

    def script(ask: Ask) -> str:
        return json.dumps(replies(ask.path)) if is_memory(ask.path) else "A"

    return script


def diligent(ask: Ask) -> str:
    """A model that uses every memory as it should, and decides by what it is shown."""
    number = ask.path[6:9]
    text = "\n".join(message.content for message in ask.messages)
    if ask.path.endswith("/summary"):
        return json.dumps({"summary": f"up to {number}: {len(text)} characters seen"})
    if ask.path.endswith("/strategy-hub"):
        hub = [f"strategy {k}" for k in range(int(number) % 4)] + [f"from {number}"]
        return json.dumps({"action": "update", "strategies": hub})
    if ask.path.endswith("/facts"):
        add = {"op": "add", "text": f"fact of {number}", "until": f"2025-01-{int(number) + 4:02d}"}
        update = {"op": "update", "id": 2, "text": f"changed in {number}"}
        return json.dumps({"operations": [add, update, {"op": "nothing"}]})
    if ask.path.endswith("/temporal-tree"):
        return json.dumps({"note": f"up to {number}: {len(text)} characters seen"})
    return "AB"[len(text) % 2]
