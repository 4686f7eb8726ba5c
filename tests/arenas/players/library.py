"""The library itself: replies one by one, and whole transcripts."""

import makespan
from tests.arenas.played import Played, Recorded, corpus, in_turn, report, turns


def stepped(recorded: Recorded) -> Played:
    """Play the replies of a recording one by one."""
    instance, recording = recorded
    episode = makespan.start(instance, memory=recording.memory, agent=recording.agent)
    for reply in recording.replies:
        episode.reply(reply)
    return _played(recording.name, episode)


def replayed(recorded: Recorded) -> Played:
    """Play a recording as a transcript."""
    instance, recording = recorded
    episode = makespan.replay(
        instance, turns(recording), memory=recording.memory, agent=recording.agent
    )
    return _played(recording.name, episode)


def _played(name: str, episode: makespan.Episode) -> Played:
    grade, reward = episode.grade(), episode.reward()
    return Played(name, grade.score, reward.value, verdict=str(grade.verdict))


if __name__ == "__main__":
    report("library", "makespan", in_turn(corpus(), stepped))
