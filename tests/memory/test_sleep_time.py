"""Sleep around other memories: when it thinks, what it writes, what it is told, whose ledger."""

from collections.abc import Callable

import pytest

from memory.base import MEMORIES, Memory, is_memory, read_memory
from memory.context import Context
from memory.sleep_time import FINISH, KEY, LENGTH, RETHINK, read_block
from memory.store import Store
from tasks.base import Ask, InputError, Message, Outcome, Outside, Program, Reply, Tell, ToolCall
from tasks.contexts import world
from tasks.play import play
from tasks.prompts import installed
from tests.factories.contexts import context, project_digest
from tests.memory.toy import PROMPTS, compose, other, year

Answer = Callable[[Ask], Reply]


def build(name: str) -> Memory:
    kind, settings = read_memory(name)
    return kind.new(Context(PROMPTS, other), settings)


def rethink(text: str, *more: ToolCall) -> Reply:
    return Reply("", (ToolCall("c", RETHINK.name, f'{{"{KEY}": "{text}"}}'), *more))


def asked_in(memory: Memory, answer: Answer, program: Program[Outcome] | None = None) -> list[Ask]:
    """What is asked in a toy year of four rounds, or in another world."""
    asked: list[Ask] = []

    def perform(effect: Outside) -> Reply:
        assert isinstance(effect, Ask)
        asked.append(effect)
        return answer(effect) if is_memory(effect.path) else Reply("A")

    play(compose(program or year(4), memory), perform)
    assert len({a.path for a in asked}) == len(asked)
    return asked


def by_number(ask: Ask) -> Reply:
    return rethink(f"thought in {ask.path[:9]}, {ask.path[-1]}")


def test_it_thinks_after_each_round_and_shows_its_block_from_then_on() -> None:
    memory = build("sleep-time:none")
    asked = asked_in(memory, by_number)
    assert [a.path for a in asked][:4] == [
        "round-000/answer",
        "round-000/feedback/memory/sleep-1",
        "round-001/answer",
        "round-001/feedback/memory/sleep-1",
    ]
    assert [a.ledger for a in asked] == ["test", "sleep"] * 4
    answers = [a for a in asked if not is_memory(a.path)]
    assert [len(a.messages) for a in answers] == [1, 2, 2, 2]
    assert "thought in round-002, 1" in answers[3].messages[-1].content
    sleeps = [a for a in asked if is_memory(a.path)]
    assert "Round 2 of Ada" in sleeps[2].messages[-1].content
    assert "Round 1 of Ada" not in sleeps[2].messages[-1].content  # only what is new
    assert "thought in round-001, 1" in sleeps[2].messages[-1].content
    assert all(a.reply_limit == 2048 for a in sleeps)
    assert all(a.reply_limit is None for a in answers)
    state = memory.state()
    assert state.counts == {"sleep: asked": 4, "sleep: written": 4}
    assert (state.read, len(state.entries), len(state.log)) == (state.read, 1, 4)
    assert state.read > 0


def test_around_a_memory_that_asks_both_are_there_and_only_sleep_has_a_limit() -> None:
    memory = build("sleep-time:facts")
    asked = asked_in(memory, by_number)
    paths = [a.path for a in asked if is_memory(a.path)]
    assert paths[:2] == ["round-000/feedback/memory/facts", "round-000/feedback/memory/sleep-1"]
    state = memory.state()
    assert state.counts["asked"] == state.counts["sleep: asked"] == 4
    assert [e.kind for e in state.entries] == ["round"] * 4 + ["block"]
    again = Store(state.log)
    assert (again.entries(), tuple(again.log()), again.written) == (
        state.entries,
        state.log,
        state.written,
    )


@pytest.mark.parametrize(
    ("replies", "calls"),
    [
        ([rethink("a"), rethink("b"), rethink("c")], 3),  # as often as it may
        ([rethink("a"), rethink("a")], 2),  # no more where nothing changes
        ([rethink("a"), Reply("", (ToolCall("c", FINISH.name, "{}"),))], 2),
        ([rethink("a", ToolCall("d", FINISH.name, "{}"))], 1),
        ([Reply(""), rethink("a"), rethink("b")], 3),  # what is empty says nothing of an end
    ],
)
def test_it_rethinks_until_it_is_done(replies: list[Reply], calls: int) -> None:
    memory = build("sleep-time:none,rethinks=3")
    asked = asked_in(memory, lambda ask: replies[int(ask.path[-1]) - 1], year(1))
    assert [a.path[-1] for a in asked[1:]] == ["1", "2", "3"][:calls]
    assert "2 more times" in asked[1].messages[-1].content
    assert memory.state().counts["sleep: asked"] == calls


@pytest.mark.parametrize(
    ("reply", "text", "is_end"),
    [
        (rethink("new"), "new", False),
        (Reply('{"new_memory": "new"}'), "new", False),
        (Reply("Here:\n```json\n{'new_memory': 'new'}\n```"), "new", False),
        (Reply("S1 begins on day 3"), "S1 begins on day 3", False),
        (Reply("<think>hm</think>\n\nS1: 3"), "S1: 3", False),
        (Reply("Done.", (ToolCall("c", FINISH.name, "{}"),)), "", True),
        (Reply("x", (ToolCall("c", RETHINK.name, "no JSON"),)), "", False),
        (Reply("x", (ToolCall("c", "another", "{}"),)), "", False),
        (Reply(""), "", False),
    ],
)
def test_a_block_is_what_the_tool_is_called_with_or_what_is_said(
    reply: Reply, text: str, is_end: bool
) -> None:
    block, end = read_block(reply)
    assert (block.strip(), end) == (text, is_end)


def test_a_block_has_at_most_five_thousand_characters() -> None:
    memory = build("sleep-time:none")
    asked_in(memory, lambda _: Reply("word " * 2000), year(1))
    [entry] = memory.state().entries
    assert LENGTH - 5 <= len(entry.text) <= LENGTH
    assert memory.state().counts["sleep: cut"] == 1


def test_without_tools_text_is_asked_for() -> None:
    for name, offered in (("sleep-time", True), ("sleep-time:tools=false", False)):
        sleep = asked_in(build(name), by_number)[1]
        assert [tool.name for tool in sleep.tools] == [RETHINK.name, FINISH.name] * offered
        assert ("rethink_memory" in sleep.messages[-1].content) == offered
    assert asked_in(build("sleep-time:tokens=99"), by_number)[1].reply_limit == 99


def test_a_placebo_sleeps_on_what_another_was_told() -> None:
    asked = asked_in(build("sleep-time:history,placebo=true"), by_number)
    sleeps = [a for a in asked if is_memory(a.path)]
    answers = [a for a in asked if not is_memory(a.path)]
    for k, ask in enumerate(sleeps):
        assert f"Round {k} of Bob" in ask.messages[-1].content
        assert "Ada" not in ask.messages[-1].content
    assert all("Ada" in a.messages[1].content for a in answers[1:])  # the inner one is its own
    with pytest.raises(InputError, match="needs another context"):
        MEMORIES["sleep-time"].new(Context(PROMPTS), read_memory("sleep-time:placebo=true")[1])


@pytest.mark.parametrize("shown", ["always", "once"])
def test_a_context_is_slept_on_once_before_its_questions(shown: str) -> None:
    one = context(questions=3, shown=shown, foretold=2)
    asked = asked_in(build("sleep-time"), by_number, world(one, installed()))
    sleep, *answers = asked
    assert sleep.path == "context/memory/sleep-1"
    assert [a.path for a in answers] == [f"question-0{k}/answer" for k in (1, 2, 3)]
    assert "Questions of these kinds may come" in sleep.messages[-1].content
    project = project_digest(sleep.messages[-1].content)
    assert [project_digest(a.messages[0].content) == project for a in answers] == [
        shown == "always"
    ] * 3
    sizes = {len(a.messages) for a in answers}
    assert sizes == {2 if shown == "always" else 3}  # `once`: history shows the project


def test_other_memories_take_a_context_as_what_was_told() -> None:
    one = context(questions=2, shown="once")
    for name in ("history", "full-history", "conversation", "summary", "facts"):
        asked = asked_in(build(name), by_number, world(one, installed()))
        answers = [a for a in asked if not is_memory(a.path)]
        for ask in answers:
            whole = "\n".join(message.content for message in ask.messages)
            assert "A project has these steps" in whole, name


def test_a_scene_stands_in_front_of_what_is_thought_over() -> None:
    memory = build("sleep-time:none")
    scene = Message("system", "You are Ada.")

    def perform(effect: Outside) -> Reply:
        assert isinstance(effect, Ask)
        if is_memory(effect.path):
            assert effect.messages[0] == scene
        return Reply("A")

    def world_with_scene() -> Program[Outcome]:
        yield Ask("a", (scene, Message("user", "A or B?")))
        yield Tell("b", {"text": "B was right"})
        return Outcome(())

    play(compose(world_with_scene(), memory), perform)
    assert memory.state().counts["sleep: asked"] == 1


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("sleep-time:nothing", "unknown memory 'nothing'"),
        ("sleep-time:sleep-time", "cannot be itself"),
        ("sleep-time:rethinks=0", "rethinks: 0 is not from 1 to 20"),
        ("sleep-time:tokens=0", "tokens: 0 is not from 1 on"),
        ("sleep-time:history,placebo=perhaps", "sleep-time: Expected `bool`"),
        ("sleep-time:history,nap=1", "unknown setting 'nap'"),
    ],
)
def test_a_wrong_sleep_is_one_line(name: str, why: str) -> None:
    with pytest.raises(InputError) as error:
        read_memory(name)
    assert why in str(error.value)
    assert "\n" not in str(error.value)


def test_it_says_and_needs_what_both_do() -> None:
    kind, _ = read_memory("sleep-time:facts")
    assert set(kind.templates) == {
        "memory/recall.j2",
        "memory/facts.j2",
        "memory/block.j2",
        "memory/sleep.j2",
    }
    assert not kind.needs_other
    assert read_memory("sleep-time:placebo")[0].needs_other
    assert read_memory("sleep-time:none,placebo=true")[0].needs_other
