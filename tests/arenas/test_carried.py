"""What adapters have in common: which instances, what is added to a talk, what it is worth."""

from itertools import islice

import pytest

import makespan
from makespan.arenas import carried
from tasks.base import Fields, InputError, Instance
from tests.factories.gold import gold, instance_of


def test_training_and_evaluation_have_the_instances_of_the_library() -> None:
    streamed = list(islice(makespan.stream("tardiness", 4, seed=3), 3))
    here = [carried.problem("tardiness", 4, i, seed=3, reference=False) for i in range(3)]
    assert here == streamed
    test = [carried.problem("tardiness", 4, i, train=False) for i in range(2)]
    assert test == list(makespan.generate("tardiness", 4, 2))


@pytest.mark.parametrize("seed", [-1, 1_000_000])
def test_a_seed_of_the_other_split_is_refused(seed: int) -> None:
    with pytest.raises(InputError, match=f"`seed` {seed} is not in 0 to 999999"):
        carried.problem("tardiness", 4, 0, seed=seed)


def asks(instance: Instance[object], case: str, memory: str | None) -> makespan.Episode:
    """Play a gold episode, and hold that each ask is the one before with what is news."""
    episode = makespan.start(instance, memory=memory)
    talk = list(episode.ask.messages)
    for reply in [reply for ask, reply in gold(case).steps if hasattr(ask, "messages")]:
        before = episode.ask
        episode.reply(reply)
        if episode.done:
            break
        added = carried.news(before, episode.ask)
        size = len(episode.ask.messages) - len(added)
        assert (*talk, *episode.ask.messages[len(talk) : size], *added) == episode.ask.messages
        assert size == len(talk) + 1
        assert all(message.role != "assistant" for message in added)
        talk = list(episode.ask.messages)
    return episode


@pytest.mark.parametrize("case", ["tools-turns", "calendar"])
def test_a_talk_grows_by_what_is_news(case: str) -> None:
    instance = instance_of(case)
    episode = asks(instance, case, carried.growing(instance, None))
    assert episode.done
    assert episode.grade().score == 1


def test_a_talk_that_begins_anew_is_refused() -> None:
    episode = makespan.start(instance_of("calendar"), memory="history")
    before = episode.ask
    with pytest.raises(InputError, match="take the memory 'conversation'"):
        carried.news(before, episode.reply("?").ask)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("name", "settings"),
    [("flow", {"history": "state"}), ("vms", {"track": "reactive", "churn": 1})],
)
def test_turns_that_stand_alone_are_refused_before_the_first_reply(
    name: str, settings: Fields
) -> None:
    with pytest.raises(InputError, match="settings with which a turn goes on"):
        carried.growing(carried.problem(name, 2, 0, settings=settings), None)


def test_turns_that_show_the_talk_so_far_are_admitted() -> None:
    problem = carried.problem("flow", 2, 0, settings={"history": "conversation"})
    assert carried.growing(problem, None) is None


def test_without_a_reference_there_is_a_reward_and_no_score() -> None:
    instance = next(makespan.stream("tardiness", 3))
    grade, reward = carried.judged(makespan.start(instance).reply('{"order": ["J01","J02","J03"]}'))
    assert grade is None
    assert reward.value > 0
    numbers = {"reward": reward.value, "near_miss": reward.near_miss}
    assert carried.figures(grade, reward) == carried.summary(grade, reward) == numbers


def test_what_is_open_is_answered_by_nothing() -> None:
    grade, reward = carried.judged(makespan.start(instance_of("calendar")))
    assert grade is not None
    assert grade.verdict == "unparsable"
    assert carried.figures(grade, reward) == {
        "reward": 0.0,
        "near_miss": 0.0,
        "score": 0.0,
        "valid": 0.0,
    }
    assert carried.summary(grade, reward)["verdict"] == "unparsable"
