"""A comparison of two models as text for a terminal."""

from collections.abc import Iterator, Sequence

from graders.statistics import rule_of_three
from harness.board.compare import Disagreement, FamilyComparison, ModelComparison
from harness.board.text import cell_text
from harness.formatting import number, with_interval
from harness.screen import UNIT, Screen, Table, TableColumn

FEWEST_FLIPPED = 6  # trials whose signs can make p less than 0.05
SHOWN = 20  # instances that differ, of each match


def print_comparison(
    comparison: ModelComparison, limit: int | None, screen: Screen | None = None
) -> None:
    """Print the differences, the instances on which they are, and what was left out.

    Args:
        comparison: the two models.
        limit: the most instances of each family and cell; None is `SHOWN`.
        screen: where; None is standard output with as many columns as fit.
    """
    screen = screen or Screen()
    differences = _differences(comparison.matches)
    instances = {_name(m): _instances(m, limit or SHOWN) for m in comparison.matches}
    screen.require([differences, *instances.values()])
    screen.say(f"A: {comparison.a}", f"B: {comparison.b}", "")
    screen.print(differences)
    if comparison.families:
        screen.say(f"only families {', '.join(comparison.families)}: p (Holm) is over these")
    screen.say(*_test_notes(comparison.matches))
    for match in comparison.matches:
        if match.apart:
            screen.print(instances[_name(match)])
        screen.say(*(f"{_name(match)}: {note}" for note in _notes(match)))
    screen.end()


def _test_notes(matches: Sequence[FamilyComparison]) -> Iterator[str]:
    """Yield what the p-values are of, where that is not what the intervals are of."""
    names = [_name(m) for m in matches if m.test == "sign flips"]
    if names:
        yield (
            f"p in {', '.join(names)}: sign flips, against equal distributions of both scores on"
            " every instance. The interval is of the mean alone, so the two may disagree."
        )


def _name(match: FamilyComparison) -> str:
    return f"{match.family} {cell_text(match.cell)}".strip()


def _differences(matches: Sequence[FamilyComparison]) -> Table:
    columns = [
        TableColumn("family", rank=0, folds=True),
        TableColumn("pairs", rank=0),
        TableColumn("A", rank=3),
        TableColumn("B", rank=3),
        TableColumn(f"A - B {UNIT}", rank=0),
        TableColumn("p", rank=2),
        TableColumn("p (Holm)", rank=1),
        TableColumn("A better", rank=4, zeros_count=True),
        TableColumn("equal", rank=5, zeros_count=True),
        TableColumn("B better", rank=4, zeros_count=True),
        TableColumn("could resolve", rank=6),
    ]
    return Table("A - B, paired by instance", columns, [*map(_difference, matches)])


def _difference(match: FamilyComparison) -> list[str]:
    return [
        _name(match),
        str(match.pairs),
        number(match.a, 3),
        number(match.b, 3),
        with_interval(match.difference, 3),
        _p(match.p),
        _p(match.p_holm),
        str(match.wins),
        str(match.ties),
        str(match.losses),
        number(match.resolves, 3),
    ]


def _instances(match: FamilyComparison, limit: int) -> Table:
    """Return the first instances on which the two differ."""
    lines = [_instance(apart) for apart in match.apart[:limit]]
    title = f"{_name(match)}: {len(lines)} of {len(match.apart)} instances that differ"
    columns = [
        TableColumn("instance", rank=0, folds=True),
        TableColumn("level", rank=2),
        TableColumn("A", rank=0),
        TableColumn("B", rank=0),
        TableColumn("A is", rank=1),
        TableColumn("B is", rank=1),
    ]
    return Table(title, columns, lines)


def _instance(apart: Disagreement) -> list[str]:
    verdicts = (
        ", ".join(v if len(counts) == 1 else f"{n} {v}" for v, n in counts.items())
        for counts in (apart.verdicts_a, apart.verdicts_b)
    )
    return [apart.instance, str(apart.level), number(apart.a, 3), number(apart.b, 3), *verdicts]


def _notes(match: FamilyComparison) -> Iterator[str]:
    if match.trials < match.pairs:
        yield (
            f"pairs of one seed and index count as one trial ({match.trials} for"
            f" {match.pairs} pairs)"
        )
    yield from _limits_of_the_test(match)
    yield from _gaps(match)
    if match.pairs and not match.apart:
        most = 100 * rule_of_three(match.trials)
        yield f"no difference on {match.pairs} instances: at most {most:.1f} % of all differ"


def _limits_of_the_test(match: FamilyComparison) -> Iterator[str]:
    """Yield why there is no interval or p, or how small p can become at all."""
    if match.pairs and not match.test:
        yield f"no interval, p or resolution: {match.difference.note}"
    elif match.test == "sign flips" and match.trials < FEWEST_FLIPPED:
        yield (
            f"{match.trials} trials cannot make p less than {2 ** (1 - match.trials):.3f}:"
            f" at least {FEWEST_FLIPPED} are needed to find a difference"
        )
    elif match.difference.note:
        yield match.difference.note


def _gaps(match: FamilyComparison) -> Iterator[str]:
    """Yield what the comparison does not cover."""
    if match.left_out:
        yield f"{match.left_out} instances left out: one of the two has only errors on them"
    if match.unshared:
        yield f"{match.unshared} instances are not compared: only one of the two has answered them"
    if match.lost:
        yield f"the difference says nothing of level {', '.join(map(str, match.lost))}"


def _p(value: float | None) -> str:
    return "below 0.001" if value is not None and value < 0.001 else number(value, 3)
