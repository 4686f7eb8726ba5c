"""Years of clashes on the page: the error by round, with and without memory, every decision."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import mean

from graders.calendar import learning_gain
from graders.calendar_learners import Scores, logit_scores, prior_scores, wrong_rounds
from graders.statistics import Estimate, mean_of
from harness.board.board import Row
from harness.report.base import Detail, EpisodeView, Figure, Looks, SeriesStyle, Strip
from harness.report.charts import by_series, per_cent
from harness.report.memory import memory_figures
from harness.report.svg import Axis, Plot, PlotLine, Ticks, share_axis
from tasks.base import Fields
from tasks.calendar import Year, accepted

BLOCKS = 12  # of rounds, at the most: an error of one round says little
FEWEST = 4  # rounds in a block
LEARNERS: dict[str, Callable[[Year], Sequence[Scores]]] = {
    "policy/role-prior": prior_scores,
    "policy/logit-all": logit_scores,
}


def figures(rows: Sequence[Row], episodes: Sequence[EpisodeView], looks: Looks) -> Iterator[Figure]:
    """Error by round for each cell, and how much the memories held."""
    for cell in {str(row.cell): row.cell for row in rows}.values():
        inside = [
            e for e in episodes if all(e.record.settings.get(k) == v for k, v in cell.items())
        ]
        if any(e.record.grade for e in inside):
            yield error_by_round(inside, cell, looks)
    yield from memory_figures(episodes, looks)


def error_by_round(episodes: Sequence[EpisodeView], cell: Fields, looks: Looks) -> Figure:
    """The error in blocks of rounds, the mean over users with an interval by user."""
    groups = by_series(episodes, looks)
    years = {e.instance.id: e.instance.payload for group in groups.values() for e in group}
    rounds = max(len(year.rounds) for year in years.values())
    blocks = _blocks(rounds)
    lines = [_line(look, map(_wrong, group), blocks) for look, group in groups.items()]
    for number, (name, scores) in enumerate(LEARNERS.items()):
        if name not in looks:
            look = SeriesStyle(-1 - number, name, "floor", f"g{number}", "2 3")
            lines.append(
                _line(look, ((i, wrong_rounds(y, scores(y))) for i, y in years.items()), blocks)
            )
    where = ", ".join(f"{k} {v}" for k, v in cell.items())
    title = "Error by round" + (f" ({where})" if where else "")
    ticks = [((a + b) / 2 + 0.5, f"{a + 1}-{b}") for a, b in blocks]
    every = -(-len(ticks) // 6)
    axis = Axis("round", 0.5, rounds + 0.5, ticks[::every])
    plot = Plot(
        title,
        axis,
        share_axis("wrong decisions"),
        lines,
        _chance(years.values()),
        _turns(years.values()),
    )
    caption = (
        f"Share of rounds whose decision is not the user's, in blocks of rounds; the mean of"
        f" {len(years)} users"
        + (
            " with a 95 % interval by user"
            if any(line.bands for line in lines)
            else ", too few for an interval"
        )
        + ". Replies that cannot be used are wrong. "
        + " ".join([*_gains(groups.values())])
    )
    return Figure(title, caption.strip(), plot.draw(), plot.table(ticks, per_cent))


def _blocks(rounds: int) -> list[tuple[int, int]]:
    size = max(FEWEST, -(-rounds // BLOCKS))
    starts = range(0, max(1, rounds - size // 2), size)
    return [(a, b) for a, b in zip(starts, [*starts[1:], rounds], strict=True)]


def _wrong(episode: EpisodeView) -> tuple[str, list[bool]]:
    """A user and which rounds are wrong; those that an answer leaves out are."""
    year: Year = episode.instance.payload
    answers = episode.outcome.answers if episode.outcome else ()
    choices = [accepted(p, one) for one, p in zip(year.rounds, answers, strict=False)]
    choices += [None] * (len(year.rounds) - len(choices))
    truth = [judgement.decision for judgement in year.truth.judgements]
    return episode.instance.id, [a != b for a, b in zip(choices, truth, strict=True)]


def _line(
    look: SeriesStyle, users: Iterable[tuple[str, list[bool]]], blocks: Sequence[tuple[int, int]]
) -> PlotLine:
    by_user: dict[str, list[list[bool]]] = {}
    for user, wrong in users:
        by_user.setdefault(user, []).append(wrong)
    points, bands = [], []
    for a, b in blocks:
        found = [
            mean(mean(w[a:b]) for w in ws if w[a:b])
            for ws in by_user.values()
            if any(w[a:b] for w in ws)
        ]
        one: Estimate = mean_of(found)
        x = (a + b) / 2 + 0.5
        if one.value is not None:
            points.append((x, one.value))
        if one.low is not None and one.high is not None:
            bands.append((x, one.low, one.high))
    return PlotLine(look, points, bands, dots=True)


def _chance(years: Iterable[Year]) -> Ticks:
    """The error of a blind choice, where all clashes are of one size."""
    sizes = {len(one.events) for year in years for one in year.rounds}
    return [(1 - 1 / min(sizes), "chance")] if len(sizes) == 1 else []


def _turns(years: Iterable[Year]) -> Ticks:
    """When the weights change, where they do so for all at once."""
    turns = {tuple(era.start for era in year.truth.eras[1:]) for year in years}
    return [(turn - 0.5, "drift") for turn in min(turns)] if len(turns) == 1 else []


def _gains(groups: Iterable[Sequence[EpisodeView]]) -> Iterator[str]:
    """What each memory gains over none, paired by user."""
    series = {(g[0].record.model, g[0].record.memory): g for g in groups}
    for (model, memory), group in series.items():
        plain = series.get((model, "none"))
        if memory == "none" or plain is None:
            continue
        gain = learning_gain([e.record for e in group], [e.record for e in plain])
        if gain.value is None:
            continue
        ends = "" if gain.low is None else f" ({gain.low:.3f} to {gain.high:.3f})"
        yield f"With {memory} the error of {model} is lower by {gain.value:.3f}{ends}."


# One answer ----------------------------------------------------------------------------------


def detail(episode: EpisodeView) -> Detail:
    """The year as a strip, beside what the learners decide, and a line for each decision."""
    year: Year = episode.instance.payload
    answers = episode.outcome.answers if episode.outcome else ()
    cells, lines = "", []
    for one, judgement, parsed in zip(year.rounds, year.truth.judgements, answers, strict=False):
        choice = accepted(parsed, one)
        right = choice == judgement.decision
        cells += "x" if choice is None else "1" if right else "0"
        said = "no decision that can be used" if choice is None else f"accepted {choice}"
        truth = "as the user did" if right else f"the user accepted {judgement.decision}"
        lines.append(f"{one.date}: {said}, {truth}")
    cells += "x" * (len(year.rounds) - len(cells))
    others = [
        "".join("01"[not wrong] for wrong in wrong_rounds(year, scores(year)))
        for scores in LEARNERS.values()
    ]
    counts = {c: cells.count(c) for c in "10x"}
    note = f"{counts['1']} right, {counts['0']} wrong, {counts['x']} not usable"
    strip = Strip("Decisions", note, ("this answer", "role prior", "logit"), (cells, *others))
    return Detail((strip,), tuple(lines))


def words(violation: Fields) -> str:
    """A violation as a sentence."""
    v = {"round": "?", "value": None, **violation}
    return {
        "unparsable": "Round {round}: no answer could be read: {reason}.",
        "missing": "Round {round}: there is no answer.",
        "not_offered": "Round {round}: accepts {value}, which is no one event on offer.",
        "two": "Round {round}: accepts a list, {value}, where one event is wanted.",
        "ranking": "Round {round}: the ranking {value} does not have all events once each.",
        "surplus": "There are {amount} answers after the last round.",
    }[str(violation["kind"])].format(**v)
