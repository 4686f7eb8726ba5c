"""What orders of a workload cost, and what its jobs take alone: compiled where that can be.

The kernel is a twin of the simulator under `ranked`, and gives the same to the nanosecond. Where
there is none, or a workload is too large for its numbers, Python runs the simulator.
"""

import ctypes
import weakref
from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol

import msgspec

from graders.exact.kernels import Kernel, Longs, constants, longs
from graders.exact.orders import WHOLE
from graders.exact.serving_measure import RunMeasures, flow_time, job_costs, measures, simulate
from graders.exact.serving_rules import chunked, ranked
from tasks.serving_payload import Service

_MOST = 1 << 60  # what no number in the kernel may reach
_LARGEST = 1 << 22  # what servers times calls may not reach
_ROLES = {"both": 0, "prefill": 1, "decode": 2}
_READ_WHOLE = 1 << 31  # tokens of an iteration: more than any prompt has

Case = Mapping[str, Any]
Ranks = tuple[int, ...]

KERNEL = Kernel(
    "serving",
    ("serving_kernel.c", "serving_state.h"),
    {
        "serving_new": ([Longs, Longs], ctypes.c_void_p),
        "serving_free": ([ctypes.c_void_p], None),
        "serving_set_jobs": ([ctypes.c_void_p, Longs], None),
        "serving_cost": ([ctypes.c_void_p, Longs, ctypes.c_int64], ctypes.c_int64),
        "serving_measured": ([ctypes.c_void_p, Longs], None),
        "serving_alone": ([ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64], ctypes.c_int64),
    },
)


class Runs(Protocol):
    """Runs of one workload."""

    def cost(self, ranks: Ranks, share: int = WHOLE) -> int:
        """Return what all jobs cost together by their ranks, in thousandths.

        Args:
            ranks: of jobs, by their numbers: the smallest is admitted and read first.
            share: in millionths, of the time at which each job comes.
        """

    def measures(self, ranks: Ranks) -> RunMeasures:
        """Return all measures of the run by ranks of jobs that come as they are."""

    def alone(self) -> list[int]:
        """Return the ns that each job takes on empty servers, its prompts read whole."""

    def at_other_times(self, case: Case) -> "Runs":
        """Return the runs, instead of these, of a workload whose arrivals and limits alone differ.

        Args:
            case: that workload.
        """


@cache
def library() -> ctypes.CDLL | None:
    """Return the compiled kernel, or None if there is none for this machine and these sources."""
    return KERNEL.load(KERNEL.place, KERNEL.paths)


def runs_of(case: Case, *, compiled: bool = True) -> Runs:
    """Return the runs of a workload, by the kernel where there is one.

    Args:
        case: a `Service` as JSON, every field there.
        compiled: whether the kernel may be used.

    Raises:
        msgspec.ValidationError: a context has no room on a server.
    """
    kernel = library() if compiled and fits(case) else None
    if kernel:
        return KernelRuns(kernel, case)
    msgspec.convert(case, Service)
    return PlainRuns(case)


def fits(case: Case) -> bool:
    """Return whether every context has room, and no number of a run can reach 2^61."""
    servers, calls, tokens, longest, largest = case["servers"], 0, 0, 0, 0
    for job in case["jobs"]:
        rows = [call for stage in job["stages"] for call in stage["calls"]]
        sizes = [call["prompt"] + call["output"] for call in rows]
        calls, tokens = calls + len(rows), tokens + sum(sizes)
        longest = max(longest, *[call["output"] for call in rows])
        largest = max(largest, sum(sizes) if job["reuse"] else max(sizes))
    if largest >= min(server["memory"] for server in servers) or len(servers) * calls >= _LARGEST:
        return False
    tokens = min(tokens, max(server["memory"] for server in servers)) + calls  # on one server
    times = [_most_ns(server, tokens, longest + 1) for server in servers]
    most: int = max(times) + case["link"] * tokens
    return most < _MOST


def _most_ns(server: Mapping[str, Any], tokens: int, count: int) -> int:
    """Return more than a jump of so many iterations takes, or a prompt, and all before division."""
    slope = server["token"] + (server["ramp"] or (0, 0))[1]
    linear = server["floor"] + server["fixed"] + (server["ramp"] or (0, 0))[0] + slope * tokens
    reads = server["read"] * tokens
    most: int = count * linear + count * count * reads + server["pair"] * tokens * tokens
    return 100 * most


class PlainRuns:
    """Runs of the simulator."""

    def __init__(self, case: Case) -> None:
        self._case = case

    def cost(self, ranks: Ranks, share: int = WHOLE) -> int:
        """Return what all jobs cost together by their ranks."""
        jobs = [{**job, "at": job["at"] * share // WHOLE} for job in self._case["jobs"]]
        plan = ranked(dict(enumerate(ranks)))
        return sum(job_costs(simulate({**self._case, "jobs": jobs}, plan)))

    def measures(self, ranks: Ranks) -> RunMeasures:
        """Return all measures of the run by ranks."""
        return measures(simulate(self._case, ranked(dict(enumerate(ranks)))))

    def alone(self) -> list[int]:
        """Return the ns that each job takes alone."""
        cases = [{**self._case, "jobs": [{**job, "at": 0}]} for job in self._case["jobs"]]
        return [flow_time(simulate(each, chunked(_READ_WHOLE)), 0) for each in cases]

    def at_other_times(self, case: Case) -> Runs:
        """Return the runs of a workload whose arrivals and limits alone differ."""
        return PlainRuns(case)


class KernelRuns:
    """`PlainRuns` in C; dropping it frees its memory."""

    def __init__(self, kernel: ctypes.CDLL, case: Case) -> None:
        self._kernel, self._case = kernel, case
        self._handle = kernel.serving_new(*map(longs, packed(case)))
        if not self._handle:
            raise MemoryError("serving kernel: no memory to begin")
        weakref.finalize(self, kernel.serving_free, self._handle)

    def cost(self, ranks: Ranks, share: int = WHOLE) -> int:
        """Return what all jobs cost together by their ranks; RefusedPlan as in Python."""
        cost = self._run(ranks, share)
        return PlainRuns(self._case).cost(ranks, share) if cost < 0 else cost

    def measures(self, ranks: Ranks) -> RunMeasures:
        """Return all measures of the run by ranks; RefusedPlan as in Python."""
        if self._run(ranks, WHOLE) < 0:
            return PlainRuns(self._case).measures(ranks)
        jobs = len(ranks)
        calls = sum(len(stage["calls"]) for job in self._case["jobs"] for stage in job["stages"])
        row = (ctypes.c_int64 * (2 + jobs + 2 * calls))()
        self._kernel.serving_measured(self._handle, row)
        costs, rest = row[2 : 2 + jobs], row[2 + jobs :]
        return RunMeasures(costs, rest[:calls], rest[calls:], row[0], row[1])

    def _run(self, ranks: Ranks, share: int) -> int:
        """Return what a run costs, below 0 if it is refused."""
        cost: int = self._kernel.serving_cost(self._handle, constants(ranks), share)
        return cost

    def alone(self) -> list[int]:
        """Return the ns that each job takes alone; RefusedPlan as in Python."""
        alone, count = self._kernel.serving_alone, len(self._case["jobs"])
        times = [alone(self._handle, number, _READ_WHOLE) for number in range(count)]
        return PlainRuns(self._case).alone() if min(times) < 0 else times

    def at_other_times(self, case: Case) -> Runs:
        """Return the runs of a workload whose arrivals and limits alone differ."""
        self._case = case
        self._kernel.serving_set_jobs(self._handle, longs(_jobs_row(case)))
        return self


def packed(case: Case) -> tuple[list[int], list[int]]:
    """Return counts of servers, jobs, stages and calls, and `link`; then the numbers of all."""
    servers, jobs = case["servers"], case["jobs"]
    stages = [stage for job in jobs for stage in job["stages"]]
    calls = [call for stage in stages for call in stage["calls"]]
    row = [number for server in servers for number in _server_row(server)] + _jobs_row(case)
    for stage in stages:
        row += (stage["pause"], len(stage["calls"]))
    for call in calls:
        row += (call["prompt"], call["output"])
    return [len(servers), len(jobs), len(stages), len(calls), case["link"]], row


def _server_row(server: Mapping[str, Any]) -> tuple[int, ...]:
    times = (server["floor"], server["fixed"], server["token"], server["read"], server["pair"])
    role, ramp = _ROLES[server["role"]], server["ramp"] or (-1, 0)
    return (role, server["memory"], server["speed"], *times, server["budget"], *ramp)


def _jobs_row(case: Case) -> list[int]:
    row = list[int]()
    for job in case["jobs"]:
        limits = (job["ttft"] or 0, job["tpot"] or 0, job["deadline"] or 0)
        row += (job["at"], *limits, job["reuse"], len(job["stages"]))
    return row
