"""`make bench-peers`: one table of all peers, then the promises; status 1 if one is broken."""

import argparse
import sys
import tempfile
from pathlib import Path

import msgspec

from tests.benchmarks.peers.base import Peer
from tests.benchmarks.peers.known import Floor, Inspect, LmEval, Makespan
from tests.benchmarks.peers.measure import against_peers, figures
from tests.benchmarks.peers.table import table


def main() -> int:
    """Measure each in turn."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.peers", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--runs", type=int, default=3, help="of which the least counts (3)")
    given = parser.parse_args()
    peers: list[Peer] = [Floor(), Makespan(), Inspect(), LmEval()]
    found = []
    with tempfile.TemporaryDirectory() as name:
        for peer in peers:
            print(f"measuring {peer.name}", file=sys.stderr, flush=True)
            folder = Path(name) / peer.name.replace(" ", "-")
            folder.mkdir()
            found.append(figures(peer, folder, given.runs))
    floor, ours, inspect, _ = found
    limits = against_peers(ours, floor, inspect)
    if given.json:
        kept = [{**msgspec.to_builtins(limit), "kept": limit.kept} for limit in limits]
        print(msgspec.json.encode({"peers": found, "promises": kept}).decode())
    else:
        print(table(found), *limits, sep="\n")
    return 0 if all(limit.kept for limit in limits) else 1


if __name__ == "__main__":
    sys.exit(main())
