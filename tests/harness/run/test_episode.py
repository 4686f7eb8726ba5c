"""Episodes as programs: composition, paths, and replay of many steps from the journal."""

import asyncio
from pathlib import Path

import pytest

from harness.agents.base import Agent, Direct
from harness.calls.client import ModelClient
from harness.calls.drive import drive
from harness.calls.live import calls_of
from harness.calls.recorded import ReplayFailure
from harness.run.episode import episode
from harness.store.journal import Journal
from memory.base import NoMemory
from tasks.base import (
    Ask,
    Failure,
    Fields,
    Message,
    Outcome,
    Outside,
    Parsed,
    Program,
    Reply,
    Tell,
    ask,
    tell,
    together,
)


def year(rounds: int, word: str = "?") -> Program[Outcome]:
    """A world of several steps: each prompt holds all replies so far."""
    heard: list[Parsed] = []
    for k in range(rounds):
        text = f"{word} {[p.value for p in heard]}"
        reply = yield from ask(f"round-{k:03d}/answer", (Message("user", text),))
        heard.append(Parsed({"said": reply.text}))
        yield from tell(f"round-{k:03d}/feedback", {"round": k})
    return Outcome(tuple(heard))


class Twice:
    """Asks for a draft, then for the answer."""

    def reply(self, ask: Ask) -> Program[Reply]:
        draft: Reply = yield Ask(f"{ask.path}/draft", ask.messages)
        final: Reply = yield Ask(ask.path, (*ask.messages, Message("assistant", draft.text)))
        return final


class Candidates:
    """Asks for three drafts side by side, then for the answer."""

    def reply(self, ask: Ask) -> Program[Reply]:
        drafts = yield from together(self._draft(ask, number) for number in range(3))
        text = " ".join(drafts)
        final: Reply = yield Ask(ask.path, (*ask.messages, Message("assistant", text)))
        return final

    def _draft(self, ask: Ask, number: int) -> Program[str]:
        reply: Reply = yield Ask(f"{ask.path}/candidate-{number}", ask.messages)
        return reply.text


class Diary(NoMemory):
    """Remembers feedback and adds it to what is asked."""

    def __init__(self) -> None:
        self.facts: list[Fields] = []

    def recall(self, ask: Ask) -> Program[Ask]:
        yield from ()
        return Ask(ask.path, (*ask.messages, Message("user", f"so far {self.facts}")))

    def observe(self, tell: Tell) -> Program[None]:
        yield Ask(f"{tell.path}/note", (Message("user", str(tell.facts)),))
        self.facts.append(tell.facts)


class Counting:
    """A model that numbers its replies, and can be made to fail."""

    name = "test/counting"

    def __init__(self, most: int = 10**9) -> None:
        self.asked: list[Ask] = []
        self.most = most

    async def reply(self, ask: Ask) -> Reply:
        await asyncio.sleep(0)
        if len(self.asked) >= self.most:
            raise KeyboardInterrupt
        self.asked.append(ask)
        return Reply(f"{len(self.asked)}")

    async def close(self) -> None:
        """Nothing to close."""


def play(
    folder: Path,
    world: Program[Outcome],
    model: Counting | None,
    settings: str = "s",
    agent: Agent | None = None,
) -> Outcome:
    async def go() -> Outcome:
        journal = Journal(folder)
        try:
            clients = {"": ModelClient(model)} if model else None
            calls = calls_of("e", {"": settings}, journal, clients)
            return await drive(episode(world, agent or Twice(), Diary()), calls.perform)
        finally:
            journal.close()

    return asyncio.run(go())


def test_composition_reaches_agent_and_memory(tmp_path: Path) -> None:
    model = Counting()
    outcome = play(tmp_path, year(2), model)
    assert [a.path for a in model.asked] == [
        "round-000/answer/draft",
        "round-000/answer",
        "round-000/feedback/note",
        "round-001/answer/draft",
        "round-001/answer",
        "round-001/feedback/note",
    ]
    assert model.asked[3].messages[-1].content == "so far [{'round': 0}]"
    assert [p.value for p in outcome.answers] == [{"said": "2"}, {"said": "5"}]


@pytest.mark.parametrize("cut", range(1, 12))
def test_cut_anywhere_and_resumed_is_the_same_as_uncut(tmp_path: Path, cut: int) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = Counting()
    expected = play(tmp_path / "a", year(4), whole)
    first = Counting(cut)
    with pytest.raises(KeyboardInterrupt):
        play(tmp_path / "b", year(4), first)
    rest = Counting()
    rest.asked = list(first.asked)  # go on counting where the first was cut off
    assert play(tmp_path / "b", year(4), rest) == expected
    assert rest.asked == whole.asked
    assert play(tmp_path / "b", year(4), None) == expected


def by_prompt(ask: Ask) -> str:
    """A reply that depends on nothing but what is asked."""
    return f"{ask.path}: {len(str(ask.messages))}"


class Prompted(Counting):
    """A model whose replies depend on the request; some of them take longer than others."""

    async def reply(self, ask: Ask) -> Reply:
        await asyncio.sleep(0.002 * (len(ask.path) % 3))
        await super().reply(ask)
        return Reply(by_prompt(ask))


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 6, 9])
def test_side_by_side_and_cut_anywhere_is_the_same_as_uncut(tmp_path: Path, cut: int) -> None:
    expected = play(tmp_path, year(2), Prompted(), agent=Candidates())
    other = tmp_path / "other"
    other.mkdir()
    first = Prompted(cut)
    with pytest.raises(KeyboardInterrupt):
        play(other, year(2), first, agent=Candidates())
    assert play(other, year(2), Prompted(), agent=Candidates()) == expected
    assert play(other, year(2), None, agent=Candidates()) == expected


@pytest.mark.parametrize(
    ("word", "settings", "part"), [("!", "s", "message-0"), ("?", "t", "settings")]
)
def test_replay_names_what_differs(tmp_path: Path, word: str, settings: str, part: str) -> None:
    play(tmp_path, year(2), Counting())
    with pytest.raises(ReplayFailure, match=f"e: the request of round-000/answer/draft .* {part}$"):
        play(tmp_path, year(2, word), Counting(), settings)


def test_replay_without_a_model_needs_every_reply(tmp_path: Path) -> None:
    play(tmp_path, year(1), Counting())
    with pytest.raises(ReplayFailure, match="round-001/answer/draft has no reply"):
        play(tmp_path, year(2), None)


def test_a_path_asked_twice_is_a_bug() -> None:
    def world() -> Program[Outcome]:
        for _ in range(2):
            yield from ask("answer", (Message("user", "?"),))
        return Outcome(())

    async def answer(_: Outside) -> Reply:
        return Reply("")

    with pytest.raises(Failure, match="'answer' is asked twice"):
        asyncio.run(drive(episode(world(), Direct(), NoMemory()), answer))
