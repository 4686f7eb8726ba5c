"""The reward function for TRL, called as its trainer calls it: with texts, or conversations."""

from harness.suites import instances
from makespan.arenas.trl_rewards import makespan_reward
from tests.arenas.played import Absent, Played, Recorded, corpus, in_turn, report, turns


def rewarded(recorded: Recorded) -> Played:
    """The reward of a recording as a completion."""
    instance, recording = recorded
    if recording.memory != "none" or recording.agent != "direct":
        raise Absent("the trainer has no memory and no agent of ours")
    conversation = turns(recording, finish=False)
    line = instances.encode(instance).decode()
    alone = len(conversation) == 1 and "tool_calls" not in conversation[0]
    shapes = [conversation, conversation[0]["content"]] if alone else [conversation]
    rewards = set(makespan_reward(shapes, [line] * len(shapes)))
    assert len(rewards) == 1, recording.name
    return Played(recording.name, reward=rewards.pop())


if __name__ == "__main__":
    report("TRL function", "trl", in_turn(corpus(), rewarded))
