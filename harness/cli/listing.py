"""The command `list`."""

from argparse import Namespace

from harness import suites
from harness.agents.base import AGENTS
from harness.evolve.domain import domain
from harness.evolve.domain import names as domain_names
from harness.models.build import PROVIDERS
from harness.registry import FAMILIES, family
from memory.base import MEMORIES


def show(options: Namespace) -> int:  # noqa: ARG001
    """`makespan list`."""
    print("families")
    for name, about in FAMILIES.items():
        print(f"  {name:16} {about}")
    print("suites")
    for name in suites.names():
        suite = suites.load(name)
        size = f"needs {', '.join(suite.files)}" if suite.files else f"{suite.size} instances"
        print(f"  {name:16} {suite.about} ({size})")
    print("policies")
    for name in FAMILIES:
        for policy, what in family(name).policies.items():
            print(f"  policy/{policy:16} {name}, {what.kind}: {what.about}")
    print("domains of makespan evolve")
    for name in domain_names():
        print(f"  {name:16} {domain(name).about}")
    print(f"providers\n  {', '.join(PROVIDERS)}")
    print(f"agents\n  {', '.join(AGENTS)}")
    print(f"memories\n  {', '.join(MEMORIES)}")
    return 0
