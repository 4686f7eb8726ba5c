"""`make bench-peers`: one table of all peers, then the promises; status 1 if one is broken."""

import argparse
import sys
import tempfile
from pathlib import Path

import msgspec

from harness.progress import Progress
from tests.benchmarks.peers.base import Peer
from tests.benchmarks.peers.known import Floor, Inspect, LmEval, Makespan
from tests.benchmarks.peers.measure import TURNS, against_peers, costs, figures, margin_ratio
from tests.benchmarks.peers.table import table


def main() -> int:
    """Measure each in turn."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.peers", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--rounds", type=int, default=3, help="of which the least counts (3)")
    given = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as name:
        every: list[Peer] = [Floor(), Makespan(), Inspect(), LmEval()]
        peers = {Path(name) / peer.name.replace(" ", "-"): peer for peer in every}
        for folder in peers:
            folder.mkdir()
        print(f"measuring {', '.join(peer.name for peer in every)}", file=sys.stderr, flush=True)
        every_cost = costs(peers, given.rounds)
        with Progress("peers killed, and given faults", len(peers)) as progress:
            for (folder, peer), cost in zip(peers.items(), every_cost, strict=True):
                found.append(figures(peer, cost, folder))
                progress.add()
        beside: list[tuple[Peer, int]] = [(Floor(), TURNS), (Inspect(), given.rounds)]
        margins = [
            margin_ratio(Makespan(), peer, Path(name) / f"beside-{place}", turns)
            for place, (peer, turns) in enumerate(beside)
        ]
    limits = against_peers(found[1], found[0], margins)
    if given.json:
        kept = [{**msgspec.to_builtins(limit), "kept": limit.kept} for limit in limits]
        print(msgspec.json.encode({"peers": found, "promises": kept}).decode())
    else:
        print(table(found), *limits, sep="\n")
    return 0 if all(limit.kept for limit in limits) else 1


if __name__ == "__main__":
    sys.exit(main())
