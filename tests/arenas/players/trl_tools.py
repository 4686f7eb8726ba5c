"""The environment for TRL, its methods called as the trainer's loop calls them."""

from harness.suites import instances
from makespan.arenas.trl_tools import MakespanTools
from tests.arenas.played import Played, Recorded, corpus, in_turn, only_added_to, report


def rewarded(recorded: Recorded) -> Played:
    """The reward of a recording whose replies are calls of the methods."""
    instance, recording = recorded
    only_added_to(recorded)
    environment = MakespanTools()
    environment.reset(instances.encode(instance).decode())
    for reply in recording.replies:
        if reply.calls:
            environment.run_tools(
                [call.name for call in reply.calls], [call.arguments for call in reply.calls]
            )
        else:
            environment.submit(reply.text)
    return Played(recording.name, reward=environment.get_reward())


if __name__ == "__main__":
    report("TRL environment", "trl", in_turn(corpus(), rewarded))
