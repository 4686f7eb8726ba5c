"""Projects on the page: feasibility along the ramp, what is violated, gaps, Gantt charts."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf
from typing import Any

from graders.clusters import share_over
from graders.statistics import Estimate
from harness.board.board import Row
from harness.report.base import (
    Detail,
    EpisodeView,
    Figure,
    InstanceFrame,
    Load,
    Looks,
    SeriesStyle,
    Timeline,
)
from harness.report.charts import (
    by_level,
    by_series,
    gap_figure,
    matrix_figure,
    per_cent,
    profile_figure,
)
from harness.report.svg import Axis, Plot, PlotLine, level_axis, share_axis
from harness.report.tables import setting
from tasks.base import Fields, Verdict
from tasks.rcpsp import Project, merged_downtimes

KINDS = ("precedence", "resource", "downtime", "window", "disjunction", "horizon")
FAR = 2  # times what all tasks in a row need: bars further out are told, not drawn


def figures(rows: Sequence[Row], episodes: Sequence[EpisodeView], looks: Looks) -> Iterator[Figure]:
    """Feasibility by level for each cell, the mix of violations, gaps, performance profile."""
    cells = {str(row.cell): row.cell for row in rows}
    for name, cell in cells.items():
        found = feasibility([row for row in rows if str(row.cell) == name], cell, episodes, looks)
        if found:
            yield found
    if len(cells) > 1:
        yield from by_cell(list(cells.values()), episodes, looks)
    groups = by_series(episodes, looks)
    if mix := violation_mix(groups):
        yield mix
    gaps = {look: [_gap(e) for e in group] for look, group in groups.items()}
    if gaps:
        yield gap_figure(gaps, _against(episodes))
    costs = {
        look: {f"{e.instance.id}/{e.record.epoch}": _makespan(e) for e in group}
        for look, group in groups.items()
    }
    if len(costs) > 1 and set.intersection(*(set(c) for c in costs.values())):
        yield profile_figure(costs, "makespan")


def feasibility(
    rows: Sequence[Row], cell: Fields, episodes: Iterable[EpisodeView], looks: Looks
) -> Figure | None:
    """The board's `feasible@L` with its Wilson interval; nothing where there is one level."""
    lines, levels = [], dict[float, None]()
    for row in rows:
        lines.append(by_level(row, "feasible", looks))
        levels |= dict.fromkeys(x for x, _ in lines[-1].points)
    if len(levels) < 2:
        return None
    where = ", ".join(f"{k} {setting(v)}" for k, v in cell.items())
    sizes = {float(e.instance.level) for e in episodes if _in(e, cell)}
    dial = "tasks" if set(levels) <= sizes else "precedences"
    title = "Feasible answers by level" + (f" ({where})" if where else "")
    plot = Plot(title, level_axis(dial, list(levels)), share_axis("feasible"), lines)
    caption = (
        "Share of answers that satisfy every constraint, with its 95 % Wilson interval. Unparsable"
        " answers count as not feasible; errors are no answers."
    )
    return Figure(
        title,
        caption,
        plot.draw(),
        [
            [plot.x.name, *(f"{x:g}" for x in sorted(levels))],
            *([line.look.label, *(_with_band(line, x) for x in sorted(levels))] for line in lines),
        ],
    )


def _in(episode: EpisodeView, cell: Fields) -> bool:
    return all(episode.record.settings.get(k) == v for k, v in cell.items())


def by_cell(
    cells: Sequence[Fields], episodes: Sequence[EpisodeView], looks: Looks
) -> Iterator[Figure]:
    """Feasibility of each cell at the size that most of them share, with its Wilson interval."""
    asked = [dict.fromkeys(_size(e) for e in episodes if _in(e, cell)) for cell in cells]
    sizes = Counter(size for one in asked for size in one)
    size, shared = max(sizes.items(), key=lambda one: (one[1], one[0][0]))
    if shared < 2:
        return
    inside = [e for e in episodes if _size(e) == size]
    places = [(k, cell) for k, cell in enumerate(cells) if any(_in(e, cell) for e in inside)]
    lines, numbers = list[PlotLine](), list[list[str]]()
    for number, (look, group) in enumerate(by_series(inside, looks).items()):
        shift = 0.7 * ((number + 0.5) / len(looks) - 0.5)
        rates = [(k + shift, _rate([e for e in group if _in(e, cell)])) for k, cell in places]
        points = [(x, r.value) for x, r in rates if r.value is not None]
        bands = [(x, r.low or 0.0, r.high or 0.0) for x, r in rates if r.value is not None]
        lines.append(PlotLine(look, points, bands, dots=True, whiskers=True, joined=False))
        numbers.append([look.label, *(_share(r) for _, r in rates)])
    ticks = [(float(k), _initials(cell)) for k, cell in places]
    title = f"Feasible answers by cell ({size[0]} tasks, {size[1]} precedences)"
    axis = Axis("cell", ticks[0][0] - 0.5, ticks[-1][0] + 0.5, ticks)
    names = dict.fromkeys(w for _, c in places for v in c.values() for w in str(v).split(","))
    caption = (
        "Share of answers that satisfy every constraint, with its 95 % Wilson interval. "
        + ", ".join(f"{_initial(w)} {w}" for w in names if _initial(w) != w)
        + "."
    )
    plot = Plot(title, axis, share_axis("feasible"), lines)
    yield Figure(title, caption, plot.draw(), [["cell", *(name for _, name in ticks)], *numbers])


def _size(episode: EpisodeView) -> tuple[int, object]:
    return episode.instance.level, episode.record.settings.get("edges")


def _rate(episodes: Sequence[EpisodeView]) -> Estimate:
    return share_over([[e.record for e in episodes]], lambda g: g.verdict is Verdict.valid)


def _share(rate: Estimate) -> str:
    if rate.value is None:
        return "-"
    return f"{per_cent(rate.value)} ({per_cent(rate.low or 0.0)} to {per_cent(rate.high or 0.0)})"


def _initials(cell: Fields) -> str:
    return " ".join("".join(map(_initial, str(v).split(","))) for v in cell.values())


def _initial(word: str) -> str:
    """A kind of constraint by one letter, anything else as it is."""
    return {"downtime": "D", "windows": "W", "disjunctions": "X"}.get(word, word)


def _with_band(line: PlotLine, x: float) -> str:
    value = line.at(x)
    low, high = next(((a, b) for at, a, b in line.bands if at == x), (None, None))
    if value is None or low is None or high is None:
        return "-"
    return f"{per_cent(value)} ({per_cent(low)} to {per_cent(high)})"


def violation_mix(groups: Mapping[SeriesStyle, Sequence[EpisodeView]]) -> Figure | None:
    """The share of a series' answers that violate each kind of constraint."""
    shares: dict[SeriesStyle, dict[str, float]] = {}
    for look, group in groups.items():
        kinds = [{v["kind"] for v in e.record.grade.violations} for e in group if e.record.grade]
        shares[look] = {k: sum(k in one for one in kinds) / len(kinds) for k in set().union(*kinds)}
    found = {kind for share in shares.values() for kind in share}
    if not found:
        return None
    columns = [k for k in KINDS if k in found] + sorted(found - set(KINDS))
    caption = (
        "Per cent of all graded answers with at least one violation of the kind; an answer can have"
        " several. All cells and levels together."
    )
    return matrix_figure("What is violated", caption, shares, columns)


def _gap(episode: EpisodeView) -> float:
    grade = episode.record.grade
    return grade.gap if grade and grade.gap is not None else inf


def _makespan(episode: EpisodeView) -> float:
    grade = episode.record.grade
    return float(grade.objective) if grade and grade.objective is not None else inf


def _against(episodes: Iterable[EpisodeView]) -> str:
    against = [
        e.record.grade.against for e in episodes if e.record.grade and e.record.grade.against
    ]
    bound = against.count("bound")
    if not bound:
        return "Every gap is against a proven optimum."
    return f"{per_cent(bound / len(against))} of the gaps are against a lower bound, so too large."


# One answer ----------------------------------------------------------------------------------


def detail(episode: EpisodeView) -> Detail:
    """The answer's Gantt chart beside the reference's."""
    project: Project = episode.instance.payload
    answered = (episode.outcome.answers[0].value or {}) if episode.outcome else {}
    frame, starts = _frame(project), answered.get("starts")
    pictures = []
    if isinstance(starts, dict):
        grade = episode.record.grade
        pictures.append(_gantt("Answer", frame, starts, grade.violations if grade else ()))
    known = episode.instance.reference
    if known.answer is not None:
        status = "proven optimum" if known.status == "optimal" else f"reference, {known.status}"
        pictures.append(_gantt(f"Reference ({status})", frame, known.answer["starts"], ()))
    return Detail(tuple(pictures))


def _frame(project: Project) -> InstanceFrame:
    windows = {w.task: (w.release, w.deadline) for w in project.windows}
    down = merged_downtimes(project)
    loads = tuple(
        Load(
            r.id,
            r.capacity,
            tuple(t.demands.get(r.id, 0) for t in project.tasks),
            tuple(down[r.id]),
        )
        for r in project.resources
    )
    return InstanceFrame(
        unit="time units",
        names=tuple(t.id for t in project.tasks),
        sizes=tuple(t.duration for t in project.tasks),
        windows=tuple(windows.get(t.id) for t in project.tasks) if windows else (),
        loads=loads,
        end=project.horizon,
    )


def _gantt(
    title: str, frame: InstanceFrame, starts: Mapping[str, Any], wrong: Sequence[Fields]
) -> Timeline:
    limit = int(FAR * max(frame.end or 0, sum(frame.sizes)))
    found = [starts.get(name) for name in frame.names]
    drawn = [s if type(s) is int and 0 <= s <= limit else None for s in found]
    ends = [s + d for s, d in zip(drawn, frame.sizes, strict=True) if s is not None]
    missing = drawn.count(None)
    notes = [f"makespan {max(ends)}"] if ends else []
    notes += [f"{missing} of {len(drawn)} tasks have no start that can be drawn"] * bool(missing)
    return Timeline(
        title,
        ", ".join(notes),
        frame,
        tuple(drawn),
        mark=max(ends, default=None),
        **_marks(frame, wrong, 2 * limit),
    )


def _marks(frame: InstanceFrame, wrong: Sequence[Fields], limit: int) -> Fields:
    """Where violations are drawn: at rows, between two, or at a resource."""
    row = {name: k for k, name in enumerate(frame.names)}
    load = {one.name: k for k, one in enumerate(frame.loads)}
    bad, links, over = list[Any](), list[Any](), list[Any]()
    for number, one in enumerate(wrong):
        kind = one["kind"]
        if kind == "precedence":
            links.append((row[one["before"]], row[one["after"]], number))
        elif kind == "disjunction":
            links.append((row[one["first"]], row[one["second"]], number))
        elif kind in ("resource", "downtime"):
            end = min(one["end"], limit)
            over.append((load[one["resource"]], min(one["start"], end), end, number))
        elif kind in ("window", "horizon"):
            bad.append((row[one["task"]], number))
    return {"bad": tuple(bad), "links": tuple(links), "over": tuple(over)}


def words(violation: Fields) -> str:
    """A violation as a sentence."""
    v: dict[str, Any] = {"amount": 0, "task": "", **violation}
    sentence = {
        "unparsable": "No answer could be read: {reason}.",
        "missing": "{task} has no start.",
        "unknown": "There is no task {task}.",
        "not_integer": "{task} starts at {value}, which is no whole number.",
        "negative": "{task} starts at {value}, before time 0.",
        "precedence": "{after} starts {amount} before {before} ends, which it has to wait for.",
        "resource": "{resource} is over its capacity by up to {amount} in [{start}, {end}).",
        "downtime": "{resource} is down in [{start}, {end}), but {amount} of it are in use.",
        "window": "{task} starts {amount} before its release."
        if v.get("bound") == "release"
        else "{task} ends {amount} after its deadline.",
        "disjunction": "{first} and {second} exclude each other, but both run in [{start}, {end}).",
        "horizon": "{task} ends {amount} after the horizon.",
    }[str(violation["kind"])]
    return sentence.format(**v)
