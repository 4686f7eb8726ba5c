"""Dispatching rules for total tardiness on one machine: `priority(p, d, t, P, n) -> float`."""

from dataclasses import replace

from harness.evolve.domains.tardiness import DOMAIN as WHOLE

FACTS = """\
One machine is free from time 0 and processes n jobs one after another without a pause.
Job j takes p time units (a whole number >= 1) and is due at d (a whole number, it may be negative).
If it completes at C, its tardiness is max(C - d, 0). Minimise the sum of the tardiness of all jobs.

Whenever the machine is free, `priority(p, d, t, P, n)` is called once for each job that waits, and
the job with the SMALLEST value goes next (ties: the earlier one in the list). It gets
p: the job's processing time; d: its due date; t: the time now;
P: the sum of the processing times of all waiting jobs; n: the number of waiting jobs.
It returns a finite number."""

DRIVER = """\
def solve(function, case):
    p, d = case["p"], case["d"]
    waiting, order, t, total = list(range(len(p))), [], 0, sum(p)
    while waiting:
        n = len(waiting)
        keys = [number(function(p[j], d[j], t, total, n)) for j in waiting]
        job = waiting.pop(keys.index(min(keys)))
        order.append(job)
        t += p[job]
        total -= p[job]
    return order
"""

EDD = """\
def priority(p, d, t, P, n):
    return d
"""

SPT = """\
def priority(p, d, t, P, n):
    return p
"""

MDD = """\
def priority(p, d, t, P, n):
    return max(p + t, d)
"""

WEIGHED = """\
def priority(p, d, t, P, n):
    a, b, c = 1.0, 0.0, 0.0
    average = P / n
    u = max(a * p + t, d)
    return u * (1 + b * (p / (t + P)) ** 2) + c * p / (t + average)
"""

DOMAIN = replace(
    WHOLE,
    name="tardiness-priority",
    description="priority(p, d, t, P, n) -> float: which waiting job goes next, the smallest first",
    function="priority",
    arguments=("p", "d", "t", "P", "n"),
    facts=FACTS,
    driver=DRIVER,
    programs={"edd": EDD, "spt": SPT, "mdd": MDD, "weighed": WEIGHED},
)
