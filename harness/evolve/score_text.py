"""The score of a program as text."""

from collections import Counter
from collections.abc import Iterator

from harness.evolve.looks import LookCount
from harness.evolve.scoring import ProgramScore
from harness.formatting import percent, with_interval
from harness.screen import PIPED, UNIT, Screen, Table, TableColumn

COLUMNS = (
    TableColumn("rule", 0, folds=True),
    TableColumn(f"ratio of sums {UNIT}", 0),
    TableColumn(f"skill {UNIT}", 3),
    TableColumn("win", 1, zeros_count=True),
    TableColumn("tie", 2, zeros_count=True),
    TableColumn("loss", 1, zeros_count=True),
)


def print_score(score: ProgramScore, looks: LookCount | None) -> None:
    """Print a program's score beside the rules', its failures by kind, and earlier looks.

    Args:
        score: of the program.
        looks: at a split of the verdict; None of one that may be looked at freely.
    """
    screen = Screen(way=PIPED)
    screen.say(*_lines(score))
    rules = [
        [
            rule.rule,
            with_interval(rule.ratio, 4),
            with_interval(rule.skill, 4),
            str(rule.win),
            str(rule.tie),
            str(rule.loss),
        ]
        for rule in score.rules
    ]
    title = "published rules there, and the program's wins, ties, losses"
    screen.print(Table(title, COLUMNS, rules))
    screen.end()
    if looks is not None:
        screen.say(looked(looks))


def _lines(score: ProgramScore) -> Iterator[str]:
    gap = percent(score.median_gap)
    valid = "valid" if score.valid else f"NOT valid: {len(score.failures)} of {score.n} failed"
    yield f"{score.domain} {score.split}: {valid}"
    yield (
        f"ratio of sums {with_interval(score.ratio_interval, 4)}, median gap {gap}, skill"
        f" {with_interval(score.skill_interval, 4)}, {score.seconds:.3f} CPU s for {score.n}"
        " instances"
    )
    kinds = Counter((f.kind, f.detail) for f in score.failures)
    for (kind, detail), count in kinds.most_common(10):
        yield f"{count} x {kind}: {detail}"


def looked(looks: LookCount) -> str:
    """Return how often a split was looked at, and what that means."""
    times = "once" if looks.looks == 1 else f"{looks.looks} times"
    programs = "1 program" if looks.programs == 1 else f"{looks.programs} programs"
    return (
        f"{looks.split} was looked at {times} from here, by {programs} ({looks.noted}): a program"
        " that is chosen by it needs other instances for its verdict"
    )
