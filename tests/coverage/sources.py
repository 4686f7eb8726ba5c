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
FLOW = Source("flow", "flow", ("random", "fifo", "serpt-mean"), seeds=300)
VMS = Source("vms", "vms", ("random", "greedy", "lookahead"), seeds=150)
JOBSHOP = Source("jobshop", "jobshop", ("serial", "spt-active", "mwkr-nondelay"), seeds=300)
SERVING = Source("serving", "serving", ("arrival", "hybrid", "random"), solved=False, seeds=300)
FAIR_QUEUE = Source("fair-queue", "fair-queue", ("fifo", "uwfq"), solved=False, seeds=400)
PLACEMENT = Source("placement", "placement", ("first-fit", "random"), solved=False, seeds=400)
TEMPORAL = Source("temporal", "temporal", ("naive", "random"), period=16)
DAG = Source("dag", "dag", ("serial", "heft", "random"), seeds=400)
PODS = Source("pods", "pods", ("repack-least", "one-move", "random-200"), seeds=60)
HOIST = Source("hoist", "hoist", ("serial", "random-5"), seeds=200)
ALLOCATION = Source("allocation", "allocation", ("arrival-first", "size-best", "random"), seeds=300)
CONTEXTS = Source("contexts", "contexts", ("majority", "naive", "random"), seeds=400)
RAMPS = (
    FLOW,
    VMS,
    JOBSHOP,
    SERVING,
    FAIR_QUEUE,
    PLACEMENT,
    TEMPORAL,
    DAG,
    PODS,
    HOIST,
    ALLOCATION,
    CONTEXTS,
)
