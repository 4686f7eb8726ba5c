"""A comparison of two models as text for a terminal."""

from collections.abc import Iterator, Sequence

from graders.statistics import rule_of_three
from harness.board.compare import Disagreement, FamilyComparison, ModelComparison
from harness.board.text import cell_text
from harness.formatting import number, table, with_interval

FEWEST_FLIPPED = 6  # trials whose signs can make p less than 0.05
SHOWN = 20  # instances that differ, of each match


def print_versus(found: ModelComparison, limit: int | None) -> None:
    """Print the differences, where they are, and what was left out."""
    print(f"A: {found.a}\nB: {found.b}\n")
    print(table("A - B, paired by instance", _differences(found.matches)))
    for note in _tests(found.matches):
        print(note)
    for match in found.matches:
        lines = [_instance(apart) for apart in match.apart[: limit or SHOWN]]
        if lines:
            title = f"{_name(match)}: {len(lines)} of {len(match.apart)} instances that differ"
            print(table(title, [["instance", "level", "A", "B", "A is", "B is"], *lines]))
        for note in _notes(match):
            print(f"{_name(match)}: {note}")


def _tests(matches: Sequence[FamilyComparison]) -> Iterator[str]:
    """What the p-values are of, where that is not what the intervals are of."""
    names = [_name(m) for m in matches if m.test == "sign flips"]
    if names:
        yield (
            f"p in {', '.join(names)}: sign flips, against equal distributions of both scores on"
            " every instance. The interval is of the mean alone, so the two may disagree."
        )


def _name(match: FamilyComparison) -> str:
    return f"{match.family} {cell_text(match.cell)}".strip()


def _differences(matches: Sequence[FamilyComparison]) -> list[list[str]]:
    head = [
        "family",
        "pairs",
        "A",
        "B",
        "A - B (95 % interval)",
        "p",
        "p (Holm)",
        "A better",
        "equal",
        "B better",
        "could resolve",
    ]
    return [
        head,
        *(
            [
                _name(m),
                str(m.pairs),
                number(m.a, 3),
                number(m.b, 3),
                with_interval(m.difference, 3),
                _p(m.p),
                _p(m.p_holm),
                str(m.wins),
                str(m.ties),
                str(m.losses),
                number(m.resolves, 3),
            ]
            for m in matches
        ),
    ]


def _instance(apart: Disagreement) -> list[str]:
    verdicts = (
        ", ".join(v if len(many) == 1 else f"{n} {v}" for v, n in many.items())
        for many in (apart.verdicts_a, apart.verdicts_b)
    )
    return [apart.instance, str(apart.level), number(apart.a, 3), number(apart.b, 3), *verdicts]


def _notes(match: FamilyComparison) -> Iterator[str]:
    if match.trials < match.pairs:
        yield (
            f"pairs of one seed and index count as one trial ({match.trials} for"
            f" {match.pairs} pairs)"
        )
    if match.pairs and not match.test:
        yield f"no interval, p or resolution: {match.difference.note}"
    elif match.test == "sign flips" and match.trials < FEWEST_FLIPPED:
        yield (
            f"{match.trials} trials cannot make p less than {2 ** (1 - match.trials):.3f}:"
            f" at least {FEWEST_FLIPPED} are needed to find a difference"
        )
    elif match.difference.note:
        yield match.difference.note
    if match.left_out:
        yield f"{match.left_out} instances left out: one of the two has only errors on them"
    if match.unshared:
        yield f"{match.unshared} instances are not compared: only one of the two has answered them"
    if match.lost:
        yield f"the difference says nothing of level {', '.join(map(str, match.lost))}"
    if match.pairs and not match.apart:
        most = 100 * rule_of_three(match.trials)
        yield f"no difference on {match.pairs} instances: at most {most:.1f} % of all differ"


def _p(value: float | None) -> str:
    return "below 0.001" if value is not None and value < 0.001 else number(value, 3)
