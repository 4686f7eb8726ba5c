"""Years of clashes on the page: the error by round, with and without memory, every decision."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from statistics import mean

from graders.calendar import learning_gain
from graders.calendar_learners import Scores, logit_scores, prior_scores, wrong_rounds
from graders.statistics import Estimate, mean_of
from harness.board.board import Row
from harness.report.base import (
    Detail,
    Drawings,
    EpisodeView,
    Figure,
    Looks,
    SeriesStyle,
    Strip,
    in_cell,
    of_cell,
)
from harness.report.charts import by_series, per_cent
from harness.report.memory import memory_figures
from harness.report.svg import Axis, Plot, PlotLine, Ticks, share_axis
from tasks.base import Fields
from tasks.calendar import Year, accepted

BLOCKS = 12  # of rounds, at the most: an error of one round says little
FEWEST = 4  # rounds in a block
SENTENCES = {
    "unparsable": "Round {round}: no answer could be read: {reason}.",
    "missing": "Round {round}: there is no answer.",
    "not_offered": "Round {round}: accepts {value}, which is no one event on offer.",
    "two": "Round {round}: accepts a list, {value}, where one event is wanted.",
    "ranking": "Round {round}: the ranking {value} does not have all events once each.",
    "surplus": "There are {amount} answers after the last round.",
}
Block = tuple[int, int]  # rounds [first, end), counted from 0
LEARNERS: dict[str, Callable[[Year], Sequence[Scores]]] = {
    "policy/role-prior": prior_scores,
    "policy/logit-all": logit_scores,
}


def figures(rows: Sequence[Row], episodes: Sequence[EpisodeView], looks: Looks) -> Iterator[Figure]:
    """Yield the error by round for each cell, and how much the memories held."""
    for cell in {str(row.cell): row.cell for row in rows}.values():
        inside = [e for e in episodes if in_cell(e, cell)]
        if any(e.record.grade for e in inside):
            yield error_by_round(inside, cell, looks)
    yield from memory_figures(episodes, looks)


def error_by_round(episodes: Sequence[EpisodeView], cell: Fields, looks: Looks) -> Figure:
    """Return the error in blocks of rounds, the mean over users with an interval by user.

    The learners that are policies of the family stand beside, also where they were not run.
    """
    groups = by_series(episodes, looks)
    years = {e.instance.id: e.instance.payload for group in groups.values() for e in group}
    rounds = max(len(year.rounds) for year in years.values())
    blocks = _blocks(rounds)
    lines = [_line(look, map(_wrong, group), blocks) for look, group in groups.items()]
    lines += _learner_lines(years, blocks, looks)
    title = of_cell("Error by round", cell)
    ticks = [(_middle(block), f"{block[0] + 1}-{block[1]}") for block in blocks]
    axis = Axis("round", 0.5, rounds + 0.5, ticks=ticks[:: -(-len(ticks) // 6)])
    plot = Plot(
        title,
        axis,
        share_axis("wrong decisions"),
        lines=lines,
        levels=_chance(years.values()),
        moments=_turns(years.values()),
    )
    caption = _caption(len(years), any(line.bands for line in lines), _gains(groups.values()))
    return Figure(title, caption, plot.draw(), table=plot.table(ticks, per_cent))


def _learner_lines(
    years: Mapping[str, Year], blocks: Sequence[Block], looks: Looks
) -> Iterator[PlotLine]:
    """Yield the lines of the learners that are no series of the board."""
    for number, (name, scores) in enumerate(LEARNERS.items()):
        if name not in looks:
            look = SeriesStyle(-1 - number, name, "floor", colour=f"g{number}", dash="2 3")
            users = ((i, wrong_rounds(year, scores(year))) for i, year in years.items())
            yield _line(look, users, blocks)


def _caption(users: int, intervals: bool, gains: Iterable[str]) -> str:
    interval = " with a 95 % interval by user" if intervals else ", too few for an interval"
    caption = (
        "Share of rounds whose decision is not the user's, in blocks of rounds; the mean of"
        f" {users} users{interval}. Replies that cannot be used are wrong. {' '.join(gains)}"
    )
    return caption.strip()


def _blocks(rounds: int) -> list[Block]:
    size = max(FEWEST, -(-rounds // BLOCKS))
    starts = range(0, max(1, rounds - size // 2), size)
    return [(a, b) for a, b in zip(starts, [*starts[1:], rounds], strict=True)]


def _middle(block: Block) -> float:
    """Return the place of a block on the axis, whose rounds are counted from 1."""
    return (block[0] + block[1]) / 2 + 0.5


def _wrong(episode: EpisodeView) -> tuple[str, list[bool]]:
    """Return a user and which rounds are wrong; those that an answer leaves out are."""
    year: Year = episode.instance.payload
    answers = episode.outcome.answers if episode.outcome else ()
    choices = [accepted(answer, clash) for clash, answer in zip(year.rounds, answers, strict=False)]
    choices += [None] * (len(year.rounds) - len(choices))
    truth = [judgement.decision for judgement in year.truth.judgements]
    return episode.instance.id, [a != b for a, b in zip(choices, truth, strict=True)]


def _line(
    look: SeriesStyle, users: Iterable[tuple[str, list[bool]]], blocks: Sequence[Block]
) -> PlotLine:
    by_user: dict[str, list[list[bool]]] = {}
    for user, wrong in users:
        by_user.setdefault(user, []).append(wrong)
    points, bands = [], []
    for block in blocks:
        error, x = _error(by_user.values(), block), _middle(block)
        if error.value is not None:
            points.append((x, error.value))
        if error.low is not None and error.high is not None:
            bands.append((x, error.low, error.high))
    return PlotLine(look, points, bands, dots=True)


def _error(users: Iterable[Sequence[list[bool]]], block: Block) -> Estimate:
    """Return the share of wrong rounds in a block: the mean over users of that over years."""
    inside = [[year[slice(*block)] for year in years] for years in users]
    return mean_of([mean(map(mean, filter(None, years))) for years in inside if any(years)])


def _chance(years: Iterable[Year]) -> Ticks:
    """Return the error of a blind choice, if all clashes are of one size."""
    sizes = {len(clash.events) for year in years for clash in year.rounds}
    return [(1 - 1 / min(sizes), "chance")] if len(sizes) == 1 else []


def _turns(years: Iterable[Year]) -> Ticks:
    """Return when the weights change, if they do so for all at once."""
    turns = {tuple(era.start for era in year.truth.eras[1:]) for year in years}
    return [(turn - 0.5, "drift") for turn in min(turns)] if len(turns) == 1 else []


def _gains(groups: Iterable[Sequence[EpisodeView]]) -> Iterator[str]:
    """Yield what each memory gains over none, paired by user."""
    series = {(g[0].record.model, g[0].record.memory): g for g in groups}
    for (model, memory), group in series.items():
        plain = series.get((model, "none"))
        if memory != "none" and plain is not None:
            gain = learning_gain([e.record for e in group], [e.record for e in plain])
            yield from _gain_sentence(model, memory, gain)


def _gain_sentence(model: str, memory: str, gain: Estimate) -> Iterator[str]:
    if gain.value is not None:
        ends = "" if gain.low is None else f" ({gain.low:.3f} to {gain.high:.3f})"
        yield f"With {memory} the error of {model} is lower by {gain.value:.3f}{ends}."


# One answer ----------------------------------------------------------------------------------


def detail(episode: EpisodeView) -> Detail:
    """Return the year as a strip, beside what the learners decide, and a line for each decision."""
    year: Year = episode.instance.payload
    answers = episode.outcome.answers if episode.outcome else ()
    rounds = list(zip(year.rounds, year.truth.judgements, answers, strict=False))
    choices = [
        (clash.date, accepted(answer, clash), judgement.decision)
        for clash, judgement, answer in rounds
    ]
    cells = "".join(_mark(choice, truth) for _, choice, truth in choices)
    cells += "x" * (len(year.rounds) - len(cells))
    learners = [
        "".join("01"[not wrong] for wrong in wrong_rounds(year, scores(year)))
        for scores in LEARNERS.values()
    ]
    counts = {c: cells.count(c) for c in "10x"}
    note = f"{counts['1']} right, {counts['0']} wrong, {counts['x']} not usable"
    names = ("this answer", "role prior", "logit")
    strip = Strip("Decisions", note, names, cells=(cells, *learners))
    return Detail((strip,), tuple(_sentence(*choice) for choice in choices))


def _mark(choice: str | None, truth: str) -> str:
    """Return `1` for a right choice, `0` for a wrong one, `x` for none that can be used."""
    return "x" if choice is None else "1" if choice == truth else "0"


def _sentence(date: str, choice: str | None, truth: str) -> str:
    decision = "no decision that can be used" if choice is None else f"accepted {choice}"
    verdict = "as the user did" if choice == truth else f"the user accepted {truth}"
    return f"{date}: {decision}, {verdict}"


def words(violation: Fields) -> str:
    """Return a violation as a sentence."""
    v = {"round": "?", "value": None, **violation}
    return SENTENCES[str(violation["kind"])].format(**v)


DRAWINGS = Drawings(figures, detail, words)
