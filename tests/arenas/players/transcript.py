"""Transcripts as the library replays them."""

from tests.arenas.played import corpus, in_turn, report
from tests.arenas.players.library import replayed

if __name__ == "__main__":
    report("transcript", "makespan", in_turn(corpus(), replayed))
