"""Writes projects in PSPLIB's single-mode format (.sm), laid out as its own files are.

Dummy jobs are added at both ends. Names are no part of the format: they follow after its end.
"""

from collections.abc import Sequence

import msgspec

from graders.exact import sgs
from graders.exact.rcpsp_bounds import earliest_starts
from tasks.base import InputError
from tasks.rcpsp import Project, Task

PRECEDENCES, REQUESTS = "PRECEDENCE RELATIONS:", "REQUESTS/DURATIONS:"
AVAILABILITIES, NAMES = "RESOURCEAVAILABILITIES:", "NAMES:"
_STARS = "*" * 72


def usual_names(tasks: int, resources: int) -> tuple[list[str], list[str]]:
    """Return the ids of tasks and resources that have none: T02, T03, ... and R1, R2, ...

    A task has the number of its job in the file, where job 1 is a dummy.
    """
    last = tasks + 1
    width = max(2, len(str(last)))
    numbered = [f"T{job:0{width}d}" for job in range(2, last + 1)]
    return numbered, [f"R{k}" for k in range(1, resources + 1)]


def write_psplib(project: Project) -> str:
    """Return a project as a .sm file; tasks become jobs 2, 3, ... in payload order.

    Task and resource ids that differ from those `read_psplib` would give follow in a section
    after the end, so that reading it back gives the same project, precedences in job order.
    The setting's words are lost.

    Raises:
        InputError: the project has what the format cannot say; the message names it.
    """
    foreign = [f for f in ("downtimes", "windows", "disjunctions") if getattr(project, f)]
    if foreign:
        raise InputError(f"a .sm file cannot express {', '.join(foreign)}: leave them out first")
    rows = [*_successor_rows(project), *_resource_rows(project), *_name_rows(project)]
    return "\n".join([_head(project), *rows, ""])


def _head(project: Project) -> str:
    compiled = sgs.compile_project(project)
    path = sgs.makespan(compiled, earliest_starts(compiled))
    count = len(project.tasks)
    return f"""{_STARS}
file with basedata            : makespan
initial value random generator: 0
{_STARS}
projects                      :  1
jobs (incl. supersource/sink ):  {count + 2}
horizon                       :  {project.horizon}
RESOURCES
  - renewable                 :  {len(project.resources)}   R
  - nonrenewable              :  0   N
  - doubly constrained        :  0   D
{_STARS}
PROJECT INFORMATION:
pronr.  #jobs rel.date duedate tardcost  MPM-Time
    1 {count:6d}      0 {path:7d}        0 {path:8d}
{_STARS}"""


def _successor_rows(project: Project) -> list[str]:
    return [
        PRECEDENCES,
        "jobnr.    #modes  #successors   successors",
        *(
            f"{j:4d}        1 {len(after):10d}        {_columns(after, 3)}"
            for j, after in enumerate(_job_successors(project), 1)
        ),
        _STARS,
    ]


def _resource_rows(project: Project) -> list[str]:
    names = [r.id for r in project.resources]
    columns = "".join(f"  R{r:2d}" for r in range(1, len(names) + 1))
    dummy = Task("", 0)
    return [
        REQUESTS,
        "jobnr. mode duration" + columns,
        "-" * 72,
        *(
            f"{j:3d}      1 {t.duration:5d}  " + _columns([t.demands.get(r, 0) for r in names], 5)
            for j, t in enumerate((dummy, *project.tasks, dummy), 1)
        ),
        _STARS,
        AVAILABILITIES,
        columns,
        _columns([r.capacity for r in project.resources], 5),
        _STARS,
    ]


def _columns(numbers: Sequence[int], width: int) -> str:
    return "".join(f" {number:{width}d}" for number in numbers)


def _job_successors(project: Project) -> list[list[int]]:
    """Return the successors of every job, dummies included, as job numbers."""
    number = {task.id: j for j, task in enumerate(project.tasks, 2)}
    sink = len(project.tasks) + 2
    after: dict[int, list[int]] = {j: [] for j in range(1, sink + 1)}
    for before, behind in project.precedences:
        after[number[before]].append(number[behind])
    successors = {k for group in after.values() for k in group}
    after[1] = [j for j in number.values() if j not in successors]
    for j in number.values():
        after[j] = after[j] or [sink]
    return list(after.values())


def _name_rows(project: Project) -> list[str]:
    tasks = [task.id for task in project.tasks]
    resources = [resource.id for resource in project.resources]
    if (tasks, resources) == usual_names(len(tasks), len(resources)):
        return []
    lists = [msgspec.json.encode(names).decode() for names in (tasks, resources)]
    return [NAMES, "of the tasks (jobs 2, 3, ...), then of the resources", *lists, _STARS]
