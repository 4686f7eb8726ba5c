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
    Drawings,
    EpisodeView,
    Figure,
    InstanceFrame,
    Load,
    Looks,
    SeriesStyle,
    Timeline,
    in_cell,
    reference_title,
)
from harness.report.charts import (
    by_level,
    by_series,
    gap_figure,
    matrix_figure,
    per_cent,
    profile_figure,
)
from harness.report.svg import Axis, Plot, PlotLine, Ticks, level_axis, share_axis
from harness.report.tables import setting
from tasks.base import Fields, Grade, Verdict
from tasks.rcpsp import Project, merged_downtimes

KINDS = ("precedence", "resource", "downtime", "window", "disjunction", "horizon")
FAR = 2  # times what all tasks in a row need: bars further out are counted, not drawn
SATISFY = "Share of answers that satisfy every constraint, with its 95 % Wilson interval."
PAIRS = {"precedence": ("before", "after"), "disjunction": ("first", "second")}
SENTENCES = {
    "unparsable": "No answer could be read: {reason}.",
    "missing": "{task} has no start.",
    "unknown": "There is no task {task}.",
    "not_integer": "{task} starts at {value}, which is no whole number.",
    "negative": "{task} starts at {value}, before time 0.",
    "precedence": "{after} starts {amount} before {before} ends, which it has to wait for.",
    "resource": "{resource} is over its capacity by up to {amount} in [{start}, {end}).",
    "downtime": "{resource} is down in [{start}, {end}), but {amount} of it are in use.",
    "window release": "{task} starts {amount} before its release.",
    "window deadline": "{task} ends {amount} after its deadline.",
    "disjunction": "{first} and {second} exclude each other, but both run in [{start}, {end}).",
    "horizon": "{task} ends {amount} after the horizon.",
}
Rates = Mapping[SeriesStyle, Sequence[tuple[int, Estimate]]]


def figures(rows: Sequence[Row], episodes: Sequence[EpisodeView], looks: Looks) -> Iterator[Figure]:
    """Yield feasibility by level for each cell, the mix of violations, gaps, a profile."""
    yield from _feasibility_figures(rows, episodes, looks)
    groups = by_series(episodes, looks)
    if mix := violation_mix(groups):
        yield mix
    if groups:
        gaps = {look: [_gap(e) for e in group] for look, group in groups.items()}
        yield gap_figure(gaps, _against(episodes))
    costs = {
        look: {f"{e.instance.id}/{e.record.epoch}": _makespan(e) for e in group}
        for look, group in groups.items()
    }
    if len(costs) > 1 and set.intersection(*(set(c) for c in costs.values())):
        yield profile_figure(costs, "makespan")


def _feasibility_figures(
    rows: Sequence[Row], episodes: Sequence[EpisodeView], looks: Looks
) -> Iterator[Figure]:
    cells = {str(row.cell): row.cell for row in rows}
    for name, cell in cells.items():
        inside = [row for row in rows if str(row.cell) == name]
        if figure := feasibility(inside, cell, episodes, looks):
            yield figure
    if len(cells) > 1:
        yield from by_cell(list(cells.values()), episodes, looks)


def feasibility(
    rows: Sequence[Row], cell: Fields, episodes: Iterable[EpisodeView], looks: Looks
) -> Figure | None:
    """Return the board's `feasible@L` with its Wilson interval; None if there is one level."""
    lines = [by_level(row, "feasible", looks) for row in rows]
    levels = list(dict.fromkeys(x for line in lines for x, _ in line.points))
    if len(levels) < 2:
        return None
    settings = ", ".join(f"{k} {setting(v)}" for k, v in cell.items())
    title = "Feasible answers by level" + (f" ({settings})" if settings else "")
    axis = level_axis(_ramp_dial(levels, cell, episodes), levels)
    plot = Plot(title, axis, share_axis("feasible"), lines=lines)
    caption = f"{SATISFY} Unparsable answers count as not feasible; errors are no answers."
    return Figure(title, caption, plot.draw(), table=_feasibility_table(plot, sorted(levels)))


def _ramp_dial(levels: Iterable[float], cell: Fields, episodes: Iterable[EpisodeView]) -> str:
    """Return what the levels of a cell count."""
    sizes = {float(e.instance.level) for e in episodes if in_cell(e, cell)}
    return "tasks" if set(levels) <= sizes else "precedences"


def _feasibility_table(plot: Plot, levels: Sequence[float]) -> list[list[str]]:
    head = [plot.x.name, *(f"{x:g}" for x in levels)]
    return [
        head,
        *([line.look.label, *(_with_band(line, x) for x in levels)] for line in plot.lines),
    ]


def by_cell(
    cells: Sequence[Fields], episodes: Sequence[EpisodeView], looks: Looks
) -> Iterator[Figure]:
    """Yield feasibility of each cell at the size that most of them share, if any two do."""
    size, count = _commonest_size(cells, episodes)
    if count < 2:
        return
    inside = [e for e in episodes if _size(e) == size]
    places = [(k, cell) for k, cell in enumerate(cells) if any(in_cell(e, cell) for e in inside)]
    rates = {
        look: [(k, _rate([e for e in group if in_cell(e, cell)])) for k, cell in places]
        for look, group in by_series(inside, looks).items()
    }
    ticks = [(float(k), _initials(cell)) for k, cell in places]
    title = f"Feasible answers by cell ({size[0]} tasks, {size[1]} precedences)"
    axis = Axis("cell", ticks[0][0] - 0.5, ticks[-1][0] + 0.5, ticks=ticks)
    plot = Plot(title, axis, share_axis("feasible"), lines=_rate_lines(rates, len(looks)))
    yield Figure(
        title,
        f"{SATISFY} {_initials_in_words(cell for _, cell in places)}",
        plot.draw(),
        table=_rate_table(ticks, rates),
    )


def _commonest_size(
    cells: Sequence[Fields], episodes: Sequence[EpisodeView]
) -> tuple[tuple[int, object], int]:
    """Return the size that most cells have, the most tasks among equals, and how many have it."""
    sizes_of_cells = [
        dict.fromkeys(_size(e) for e in episodes if in_cell(e, cell)) for cell in cells
    ]
    counts = Counter(size for sizes in sizes_of_cells for size in sizes)
    return max(counts.items(), key=lambda pair: (pair[1], pair[0][0]))


def _rate_lines(rates: Rates, width: int) -> list[PlotLine]:
    """Return the points of each series with their intervals, side by side around a cell's tick.

    Args:
        rates: (place of the cell, rate in it) by series.
        width: number of series for which there is room.
    """
    lines = []
    for number, (look, series) in enumerate(rates.items()):
        shift = 0.7 * ((number + 0.5) / width - 0.5)
        points = [(k + shift, r.value) for k, r in series if r.value is not None]
        bands = [(k + shift, r.low or 0.0, r.high or 0.0) for k, r in series if r.value is not None]
        lines.append(PlotLine(look, points, bands, dots=True, whiskers=True, joined=False))
    return lines


def _rate_table(ticks: Ticks, rates: Rates) -> list[list[str]]:
    head = ["cell", *(name for _, name in ticks)]
    return [head, *([look.label, *(_share(r) for _, r in rates[look])] for look in rates)]


def _initials_in_words(cells: Iterable[Fields]) -> str:
    words = dict.fromkeys(w for cell in cells for v in cell.values() for w in str(v).split(","))
    return ", ".join(f"{_initial(w)} {w}" for w in words if _initial(w) != w) + "."


def _size(episode: EpisodeView) -> tuple[int, object]:
    return episode.instance.level, episode.record.settings.get("edges")


def _rate(episodes: Sequence[EpisodeView]) -> Estimate:
    return share_over([[e.record for e in episodes]], lambda g: g.verdict is Verdict.valid)


def _share(rate: Estimate) -> str:
    if rate.value is None:
        return "-"
    return _range(rate.value, rate.low or 0.0, rate.high or 0.0)


def _initials(cell: Fields) -> str:
    return " ".join("".join(map(_initial, str(v).split(","))) for v in cell.values())


def _initial(word: str) -> str:
    """Return a kind of constraint as one letter, anything else as it is."""
    return {"downtime": "D", "windows": "W", "disjunctions": "X"}.get(word, word)


def _with_band(line: PlotLine, x: float) -> str:
    value = line.at(x)
    band = next((ends for place, *ends in line.bands if place == x), None)
    return "-" if value is None or band is None else _range(value, *band)


def _range(value: float, low: float, high: float) -> str:
    return f"{per_cent(value)} ({per_cent(low)} to {per_cent(high)})"


def violation_mix(groups: Mapping[SeriesStyle, Sequence[EpisodeView]]) -> Figure | None:
    """Return the share of a series' answers that violate each kind of constraint; None if none."""
    shares = {look: _violation_shares(group) for look, group in groups.items()}
    kinds = {kind for share in shares.values() for kind in share}
    if not kinds:
        return None
    columns = [k for k in KINDS if k in kinds] + sorted(kinds - set(KINDS))
    caption = (
        "Per cent of all graded answers with at least one violation of the kind; an answer can have"
        " several. All cells and levels together."
    )
    return matrix_figure("What is violated", caption, shares, columns)


def _violation_shares(episodes: Iterable[EpisodeView]) -> dict[str, float]:
    answers = [_kinds(e.record.grade) for e in episodes if e.record.grade]
    counts = Counter(kind for kinds in answers for kind in kinds)
    return {kind: count / len(answers) for kind, count in counts.items()}


def _kinds(grade: Grade) -> set[str]:
    return {violation["kind"] for violation in grade.violations}


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
    """Return the answer's Gantt chart beside the reference's."""
    frame = _frame(episode.instance.payload)
    value = (episode.outcome.answers[0].value or {}) if episode.outcome else {}
    starts, grade = value.get("starts"), episode.record.grade
    pictures = []
    if isinstance(starts, dict):
        pictures.append(_gantt("Answer", frame, starts, grade.violations if grade else ()))
    reference = episode.instance.reference
    if reference.answer is not None:
        title = reference_title(reference)
        pictures.append(_gantt(title, frame, reference.answer["starts"], ()))
    return Detail(tuple(pictures))


def _frame(project: Project) -> InstanceFrame:
    windows = {w.task: (w.release, w.deadline) for w in project.windows}
    return InstanceFrame(
        unit="time units",
        names=tuple(t.id for t in project.tasks),
        sizes=tuple(t.duration for t in project.tasks),
        windows=tuple(windows.get(t.id) for t in project.tasks) if windows else (),
        loads=_loads(project),
        end=project.horizon,
    )


def _loads(project: Project) -> tuple[Load, ...]:
    down = merged_downtimes(project)
    return tuple(
        Load(
            r.id,
            r.capacity,
            tuple(t.demands.get(r.id, 0) for t in project.tasks),
            down=tuple(down[r.id]),
        )
        for r in project.resources
    )


def _gantt(
    title: str, frame: InstanceFrame, starts: Mapping[str, Any], wrong: Sequence[Fields]
) -> Timeline:
    limit = int(FAR * max(frame.end or 0, sum(frame.sizes)))
    bars = _bars(frame, starts, limit)
    ends = [s + d for s, d in zip(bars, frame.sizes, strict=True) if s is not None]
    missing = bars.count(None)
    notes = [f"makespan {max(ends)}"] if ends else []
    notes += [f"{missing} of {len(bars)} tasks have no start that can be drawn"] * bool(missing)
    return Timeline(
        title,
        ", ".join(notes),
        frame,
        starts=bars,
        mark=max(ends, default=None),
        **_marks(frame, wrong, 2 * limit),
    )


def _bars(frame: InstanceFrame, starts: Mapping[str, Any], limit: int) -> tuple[int | None, ...]:
    """Return the start of each row's bar; None where it is no time from 0 to the limit."""
    values = [starts.get(name) for name in frame.names]
    return tuple(s if type(s) is int and 0 <= s <= limit else None for s in values)


def _marks(frame: InstanceFrame, wrong: Sequence[Fields], limit: int) -> Fields:
    """Return where violations are drawn: at rows, between two, or at a resource."""
    row = {name: k for k, name in enumerate(frame.names)}
    load = {each.name: k for k, each in enumerate(frame.loads)}
    bad, links, over = list[Any](), list[Any](), list[Any]()
    for number, violation in enumerate(wrong):
        kind = violation["kind"]
        if kind in PAIRS:
            first, second = (row[violation[end]] for end in PAIRS[kind])
            links.append((first, second, number))
        elif kind in ("resource", "downtime"):
            end = min(violation["end"], limit)
            start = min(violation["start"], end)
            over.append((load[violation["resource"]], start, end, number))
        elif kind in ("window", "horizon"):
            bad.append((row[violation["task"]], number))
    return {"bad": tuple(bad), "links": tuple(links), "over": tuple(over)}


def words(violation: Fields) -> str:
    """Return a violation as a sentence."""
    v: dict[str, Any] = {"amount": 0, "task": "", **violation}
    kind = str(violation["kind"])
    if kind == "window":
        kind = f"window {'release' if v.get('bound') == 'release' else 'deadline'}"
    return SENTENCES[kind].format(**v)


DRAWINGS = Drawings(figures, detail, words)
