"""The families by name. A new family adds one line here.

A family NAME is one file `NAME.py` in each of tasks, graders, graders/exact, generators and
harness/families, which are imported when the family is first used.
"""

from functools import cache
from importlib import import_module

from harness.families.family import Family
from tasks.base import InputError

FAMILIES = {
    "rcpsp": "start times for a project: precedence, resources, downtime, windows, disjunctions",
    "calendar": "one of several clashing meetings, round after round: learn whose meetings matter",
    "tardiness": "an order of jobs on one machine that is late as little as possible in total",
    "tools": "a compound request answered with tools: in the right order, and in parallel",
}

_BESIDE = __package__.removesuffix("harness.families")  # "makespan." in an installed package


@cache
def family(name: str) -> Family:
    """Load a family by name; InputError if there is none.

    Args:
        name: a key of `FAMILIES`.
    """
    if name not in FAMILIES:
        raise InputError(f"unknown family {name!r}: there are {', '.join(FAMILIES)}")
    tasks = import_module(f"{_BESIDE}tasks.{name}")
    graders = import_module(f"{_BESIDE}graders.{name}")
    generators = import_module(f"{_BESIDE}generators.{name}")
    exact = import_module(f"{_BESIDE}graders.exact.{name}")
    agents = import_module(f"{__package__}.{name}")
    return Family(
        name=name,
        description=FAMILIES[name],
        version=tasks.VERSION,
        templates=tasks.TEMPLATES,
        payload=tasks.Payload,
        world=tasks.world,
        read=tasks.read,
        grade=graders.grade,
        simulation=getattr(tasks, "Simulation", None),
        has_rounds=tasks.HAS_ROUNDS,
        unseen=getattr(tasks, "UNSEEN", ()),
        ramp=graders.RAMP,
        second=getattr(graders, "SECOND", ""),
        columns=graders.SHOWN,
        plain=getattr(graders, "PLAIN", ()),
        headlines=getattr(graders, "HEADLINES", {}),
        along=getattr(graders, "ALONG", ()),
        summarise=graders.summarise,
        strata=getattr(graders, "strata", lambda records: [records]),
        resolve=generators.resolve,
        generate=generators.generate,
        solve=exact.reference,
        policies=agents.POLICIES,
        learning_gain=getattr(graders, "learning_gain", None),
        held_out=getattr(generators, "held_out", None),
        examine=getattr(graders, "examine", None),
        audit=getattr(generators, "audit", None),
    )
