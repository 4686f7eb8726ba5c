"""The run loop's own cost: `makespan run` beside a bare script with the same SDK.

The first two of the peers, measured in the same way: whole processes on a loopback server in a
process of its own.
"""

import tempfile
from pathlib import Path

from tests.benchmarks.limits import Limit
from tests.benchmarks.peers.known import Floor, Makespan
from tests.benchmarks.peers.measure import LARGE, TURNS, against_floor, costs, margin_ratio

ROUNDS = 4


def main() -> list[Limit]:
    """Measure both, in turn."""
    with tempfile.TemporaryDirectory() as name:
        peers = {Path(name) / peer.name: peer for peer in (Makespan(), Floor())}
        for folder in peers:
            folder.mkdir()
        ours, floor = costs(peers, ROUNDS)
        margin = margin_ratio(Makespan(), Floor(), Path(name) / "turns", TURNS)
    for who, one in (("run loop", ours), ("bare script", floor)):
        print(
            f"{who}, {LARGE} samples: {one.cpu:.2f} CPU s, {one.margin:.2f} ms a sample more,"
            f" places filled {one.filled:.3f}"
        )
    return against_floor(ours, floor, margin)


if __name__ == "__main__":
    for limit in main():
        print(limit)
