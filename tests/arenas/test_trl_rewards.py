"""The reward function for TRL, called as its trainer does; and with the package where it is."""

import itertools

import pytest

import makespan
from makespan.arenas.trl_rewards import makespan_reward
from tests.factories.gold import CASES, gold, instance_of


def line(case: str) -> str:
    row: str = makespan.dataset([instance_of(case)])[0]["instance"]
    return row


@pytest.mark.heavy
@pytest.mark.parametrize("case", [case for case in CASES if not case.startswith("tools")])
def test_texts_and_conversations_have_the_reward_of_the_library(case: str) -> None:
    replies = [reply for ask, reply in gold(case).steps if hasattr(ask, "messages")]
    turns = [{"role": "assistant", "content": reply.text} for reply in replies]
    expected = makespan.replay(instance_of(case), turns, memory="none").reward().value
    assert makespan_reward(completions=[turns], instance=[line(case)], prompts=["?"]) == [expected]
    if len(replies) == 1:
        text = replies[0].text
        assert makespan_reward([text, "no"], [line(case)] * 2) == [expected, 0.0]


@pytest.mark.heavy
def test_turns_after_the_end_count_for_nothing() -> None:
    """A trainer is not told where an episode ends, and may go on."""
    replies = [reply for ask, reply in gold("flow").steps if hasattr(ask, "messages")]
    turns = [{"role": "assistant", "content": reply.text} for reply in replies]
    rewards = makespan_reward([turns, [*turns, turns[0]]], [line("flow")] * 2)
    assert rewards[0] == rewards[1] > 0
    with pytest.raises(makespan.InputError, match=f"message {len(turns)}: the episode ended"):
        makespan.replay(instance_of("flow"), [*turns, turns[0]], memory="none")


@pytest.mark.heavy
def test_what_goes_no_further_has_nothing() -> None:
    """The first turn of a conversation with tools is not the whole of it."""
    assert makespan_reward(["I shall call a tool."], [line("tools-turns")]) == [0.0]


def test_the_trainer_is_told_more_where_it_asks() -> None:
    extra: dict[str, list[float]] = {}
    metrics: dict[str, float] = {}
    rows = makespan.dataset(itertools.islice(makespan.stream("tardiness", 4), 2))
    orders = ['{"order": ["J01", "J02", "J03", "J04"]}', '{"order": ["J01"]}']
    rewards = makespan_reward(
        orders,
        rows["instance"],
        log_extra=extra.__setitem__,
        log_metric=metrics.__setitem__,
        trainer_state=None,
    )
    assert rewards[0] > 0 == rewards[1]
    assert metrics == {"makespan/valid": 0.5}
    assert extra["near_miss"][0] == rewards[0]
    assert 0 < extra["near_miss"][1] < 1
