"""How often a twin catches who looks ahead, and whom else: `python -m tests.foresight DOMAIN`.

On the first 48 instances of the domain's validation split, or so many as a number after the domain
says: one twin each, as a search has. `make slow` has the same as tests, on small instances.
"""

import sys

from harness.evolve.domains import domain
from harness.suites.instances import decode
from tests.factories.foresight import FAIR_QUEUE, PLACEMENT, SERVING, Watched

DOMAINS: dict[str, tuple[Watched, str]] = {
    "serving": (SERVING, "service"),
    "fair-queue": (FAIR_QUEUE, "cluster"),
    "placement": (PLACEMENT, "fleet"),
}


def main(name: str, count: int = 48) -> int:
    """Print a line a scheduler; status 1 if an honest one is caught, or a cheat never."""
    about, (watched, key) = domain(name), DOMAINS[name]
    instances = [decode(about.make(spec), name) for spec in about.specs("validation", count)]
    cases = [(about.case(instance)[key], instance.id) for instance in instances]
    status = 0
    for kind, makes in (("cheat", watched.cheats), ("honest", watched.honest)):
        for policy, make in makes.items():
            hits = sum(watched.is_caught(case, make, seed) for case, seed in cases)
            print(f"{name}: {kind} {policy}: caught on {hits} of {len(cases)}", flush=True)
            status |= (kind == "honest") == bool(hits)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:3])))
