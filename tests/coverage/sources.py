"""The suites and floors whose boards are simulated."""

from tests.coverage.pools import Source

ALL_AXES = "downtime,windows,disjunctions"
RCPSP = Source("rcpsp", "rcpsp", ("sgs-lft", "edf", "random-50"))
EDGES = Source(
    "rcpsp-edges",
    "rcpsp",
    ("sgs-lft", "edf"),
    solved=False,
    only=(("axes", ALL_AXES),),
)
MAKESPAN = Source(
    "rcpsp-makespan", "rcpsp", ("serial", "sgs-lft-disjunctions", "random-50", "list-best")
)
TARDINESS = Source(
    "tardiness", "tardiness", ("mdd", "mddc", "mdd-insertion", "edd", "spt", "random"), period=20
)
TOOLS = Source("tools", "tools", ("sequential", "all-ready", "longest-path-first", "random"))
CALENDAR = Source("calendar", "calendar", ("first", "role-prior", "logit-20", "logit-all"), 12)
