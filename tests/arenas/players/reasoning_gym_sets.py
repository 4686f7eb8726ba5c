"""Data sets of reasoning-gym: the score of each answer of one question."""

import reasoning_gym
from reasoning_gym.factory import DATASETS

from harness.suites import instances
from makespan.arenas import reasoning_gym_sets as sets
from tests.arenas.played import Absent, Played, Recorded, corpus, in_turn, report


def scored(recorded: Recorded) -> Played:
    """The score of a recording of one question."""
    instance, recording = recorded
    name = sets.data_set(instance.family)
    alone = len(recording.replies) == 1 and not recording.replies[0].calls
    plain = recording.memory == "none" and recording.agent == "direct"
    needed = sets.SETTINGS.get(instance.family, {})
    one = all(instance.settings.get(key) == value for key, value in needed.items())
    if name not in DATASETS or not (alone and plain and one):
        raise Absent("one question and one answer")
    data = reasoning_gym.create_dataset(name, seed=0, size=1)
    entry = {"metadata": {"instance": instances.encode(instance).decode()}}
    return Played(recording.name, reward=data.score_answer(recording.replies[0].text, entry))


if __name__ == "__main__":
    report("reasoning-gym", "reasoning-gym", in_turn(corpus(), scored))
