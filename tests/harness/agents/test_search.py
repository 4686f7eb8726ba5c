"""Agents that search: how a tree grows, what it is told, and which branch is played."""

from math import exp
from random import Random

import pytest
from msgspec.structs import replace

from graders.tools import grade
from harness.agents.base import agent_name, read_agent
from harness.agents.branches import BranchPlace
from harness.agents.mcts import reward, selected
from tasks.base import Ask, Failure, InputError, Message, Reply, ToolCall, Usage
from tests.factories.callers import Careless, requests
from tests.factories.stage import PROMPTS, Stage

CALL = (ToolCall("", "find", "{}"),)
[REQUEST] = requests(5, 1)


def grown(parent: BranchPlace, *, answers: bool = False, answered: bool = False) -> BranchPlace:
    """A place after another one: a turn with a call, or an answer."""
    reply = Reply("{}") if answers else Reply("", CALL)
    child = BranchPlace(
        parent.ask,
        (*parent.replies, reply),
        parent=parent,
        ended=answers,
        answered=answered,
    )
    parent.children.append(child)
    return child


def chain(length: int) -> list[BranchPlace]:
    """A root and so many turns, each after the one before."""
    places = [BranchPlace(Ask("turn-001", (Message("user", "go"),)), ())]
    for _ in range(length):
        places.append(grown(places[-1]))
    return places


@pytest.mark.parametrize(("answered", "worth"), [(True, 1.0), (False, -1.0)])
def test_a_try_is_worth_less_the_further_up_and_a_failure_is_a_loss(
    answered: bool, worth: float
) -> None:
    root, first, second, third = chain(3)
    reward(grown(third, answers=True, answered=answered))
    assert [place.reward for place in (root, third)] == [0, 0]
    assert second.reward == worth
    assert first.reward == pytest.approx(worth * exp(-0.5))


def test_a_try_that_ends_at_the_limit_of_turns_is_worth_as_much_to_the_same_places() -> None:
    root, first, second, third = chain(3)
    third.ended = True
    reward(third)
    assert [place.reward for place in (root, first, second, third)] == [0, -exp(-0.5), -1, 0]


def test_places_are_drawn_by_a_softmax_and_leaves_never() -> None:
    root, first, second, third = chain(3)
    grown(third, answers=True)  # an answer is no place of the tree
    first.reward, second.reward = 1.0, 2.0
    rng, counts = Random("softmax"), {id(place): 0 for place in (root, first, second)}
    for _ in range(3000):
        counts[id(selected(root, rng))] += 1
    total = 1 + exp(1) + exp(2)
    wanted = [1 / total, exp(1) / total, exp(2) / total]
    assert [n / 3000 for n in counts.values()] == pytest.approx(wanted, abs=0.03)


class Search(Stage):
    """A request as an agent with a careless model played it."""

    def __init__(self, agent: str, salt: str = "0") -> None:
        super().__init__(REQUEST, Careless(REQUEST, salt))
        kind, settings = read_agent(agent)
        self.score = grade(REQUEST, self.play(kind.make(PROMPTS, settings))).score


def test_from_the_second_try_on_a_place_is_told_what_was_tried_there() -> None:
    stage = Search("mcts:4", "1")
    starts = [ask for ask in stage.asked if "/turn-" in ask.path]
    notices = [ask for ask in starts if "have been tried before" in ask.messages[-1].content]
    tries = {ask.path.split("/")[1] for ask in starts}
    assert tries == {"try-1", "try-2", "try-3", "try-4"}
    assert {ask.path.split("/")[1] for ask in notices} == tries - {"try-1"}
    assert len(notices) == 3  # at the first turn of a try alone
    text = notices[0].messages[-1].content
    assert text.startswith("From here these turns have been tried before, each with what came")
    assert 'returned {"' in text
    assert text.endswith("Take another turn than these now.")


def test_independent_tries_are_told_nothing_and_all_begin_at_the_step() -> None:
    stage = Search("best-of:3")
    first = [ask for ask in stage.asked if ask.path.endswith("/turn-1")]
    assert [ask.path for ask in first] == [f"turn-001/try-{k}/turn-1" for k in (1, 2, 3)]
    assert len({ask.messages for ask in first}) == 1


def test_the_branch_that_answers_first_is_played() -> None:
    apart = [Search("best-of:1", salt).score for salt in "0123"]
    assert len(set(apart)) > 1

    def model(ask: Ask) -> Reply:  # each try has the salt of its number
        salt = str(int(ask.path.split("/")[1].removeprefix("try-")) - 1)
        path = ask.path.replace(ask.path.split("/")[1], "try-1")
        return Careless(REQUEST, salt)(replace(ask, path=path))

    kind, settings = read_agent("best-of:4")
    best = grade(REQUEST, Stage(REQUEST, model).play(kind.make(PROMPTS, settings)))
    assert best.score == max(apart)


def test_where_no_try_answers_the_first_is_played_and_it_is_noted() -> None:
    kind, settings = read_agent("best-of:3")
    stage = Stage(REQUEST, lambda ask: Reply(f"I cannot: {ask.path}"))
    outcome = stage.play(kind.make(PROMPTS, settings))
    assert grade(REQUEST, outcome).score == 0
    assert stage.notes == ["no try answered"]


@pytest.mark.parametrize("name", ["best-of", "mcts"])
def test_no_try_begins_once_its_tokens_are_spent(name: str) -> None:
    whole = Search(f"{name}:50,tokens=4000")
    spent, begun = 0, 0
    for ask in whole.asked:
        number = int(ask.path.split("/")[1].removeprefix("try-"))
        assert number == begun or spent < 4000, ask.path
        begun = max(begun, number)
        usage = Careless(REQUEST, "0")(ask).usage
        spent += (usage.input or 0) + (usage.output or 0)
    assert spent >= 4000
    assert 1 < begun < 50


def test_a_model_that_tells_no_tokens_cannot_be_held_to_them() -> None:
    kind, settings = read_agent("best-of:2,tokens=9")
    stage = Stage(REQUEST, lambda _: Reply("{}", usage=Usage()))
    with pytest.raises(Failure, match="the model tells no tokens, so `tokens` cannot be kept"):
        stage.play(kind.make(PROMPTS, settings))


def test_calls_are_read_from_text_where_tools_are_told_in_it() -> None:
    kind, settings = read_agent("mcts:2,text=true")
    stage = Stage(REQUEST, lambda _: Reply('{"calls": [{"tool": "x", "arguments": {}}]}'))
    stage.play(kind.make(PROMPTS, settings))
    assert all(not ask.tools for ask in stage.asked)
    assert all(effect.replies[-1].calls[0].name == "x" for effect in stage.imagined)


def test_the_means_are_the_clock_the_tries_and_the_limit_of_tokens() -> None:
    def means(text: str) -> tuple[str, ...]:
        kind, settings = read_agent(text)
        assert agent_name(kind, settings) == text
        return kind.means(settings)

    assert means("best-of") == means("mcts") == ("simulate (4 tries in branches)",)
    assert means("mcts:tries=1,clock=charged") == ("charged (1 try in branches)",)
    assert means("best-of:tokens=900") == ("simulate (4 tries in branches, 900 tokens)",)


@pytest.mark.parametrize("text", ["mcts:0", "best-of:2,clock=free", "mcts:tokens=-1", "mcts:x=1"])
def test_a_setting_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=text.partition(":")[0]):
        read_agent(text)
