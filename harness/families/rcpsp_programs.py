"""Programs for projects: what an agent that asks for one may get from the textbook."""

SERIAL = """\
def solve(problem):
    before = {task["id"]: [] for task in problem["tasks"]}
    for first, second in problem["precedences"]:
        before[second].append(first)
    windows = {w["task"]: w for w in problem["windows"]}
    starts, end = {}, 0
    while len(starts) < len(before):
        task = next(
            task
            for task in problem["tasks"]
            if task["id"] not in starts and all(b in starts for b in before[task["id"]])
        )
        name, length = task["id"], task["duration"]
        start = max(end, windows[name]["release"] if name in windows else 0)
        downs = [d for d in problem["downtimes"] if task.get("demands", {}).get(d["resource"])]
        while any(d["start"] < start + length and start < d["end"] for d in downs):
            start += 1
        starts[name] = start
        end = start + length
    return {"starts": starts}
"""

CP_SAT = """\
from ortools.sat.python import cp_model


def solve(problem):
    model = cp_model.CpModel()
    horizon = problem["horizon"]
    lengths = {task["id"]: task["duration"] for task in problem["tasks"]}
    demands = {task["id"]: task.get("demands", {}) for task in problem["tasks"]}
    start = {i: model.new_int_var(0, horizon - d, i) for i, d in lengths.items()}
    run = {i: model.new_fixed_size_interval_var(start[i], d, i) for i, d in lengths.items()}
    for first, second in problem["precedences"]:
        model.add(start[first] + lengths[first] <= start[second])
    for window in problem["windows"]:
        task = window["task"]
        model.add(start[task] >= window["release"])
        model.add(start[task] + lengths[task] <= window["deadline"])
    for first, second in problem["disjunctions"]:
        model.add_no_overlap([run[first], run[second]])
    for resource in problem["resources"]:
        name, capacity = resource["id"], resource["capacity"]
        users = [i for i in lengths if demands[i].get(name)]
        intervals = [run[i] for i in users]
        units = [demands[i][name] for i in users]
        spans = []
        for down in sorted(problem["downtimes"], key=lambda down: down["start"]):
            if down["resource"] == name:
                if spans and down["start"] <= spans[-1][1]:
                    spans[-1][1] = max(spans[-1][1], down["end"])
                else:
                    spans.append([down["start"], down["end"]])
        for low, high in spans:
            intervals.append(model.new_fixed_size_interval_var(low, high - low, ""))
            units.append(capacity)
        model.add_cumulative(intervals, units, capacity)
    end = model.new_int_var(0, horizon, "end")
    for i in lengths:
        model.add(end >= start[i] + lengths[i])
    model.minimize(end)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_deterministic_time = 4
    solver.solve(model)
    return {"starts": {i: solver.value(start[i]) for i in lengths}}
"""
