"""Textbook rules for jobs on one machine as programs: what an agent that asks for one may get."""

EDD = """\
def solve(problem):
    jobs = sorted(problem["jobs"], key=lambda job: job["d"])
    return {"order": [job["id"] for job in jobs]}
"""

SPT = """\
def solve(problem):
    jobs = sorted(problem["jobs"], key=lambda job: job["p"])
    return {"order": [job["id"] for job in jobs]}
"""

MDD = """\
def solve(problem):
    waiting, order, t = list(problem["jobs"]), [], 0
    while waiting:
        job = min(waiting, key=lambda job: max(job["d"], t + job["p"]))
        waiting.remove(job)
        order.append(job["id"])
        t += job["p"]
    return {"order": order}
"""

PROGRAMS = {"edd": EDD, "spt": SPT, "mdd": MDD}
