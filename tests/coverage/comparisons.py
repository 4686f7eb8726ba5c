"""How often comparisons and ranks err, and what they find.

The scores are of the project's own rules on fresh seeds of the suite `tardiness`, and of hostile
shapes whose truth is exact.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import erfc, exp, sqrt
from random import Random
from statistics import NormalDist, fmean
from typing import Any, Literal

import numpy

from generators.tardiness import generate
from graders.comparisons import LEVEL, PairedComparison, Scores, paired, ranks
from graders.exact import dispatch
from graders.statistics import skill
from graders.tardiness import yardsticks
from harness.suites.suite import load
from tests.coverage.rows import Row, Size, tallied

SIZES = (5, 10, 20, 40, 200)
FIRST = 1000  # seed of the pool; the board's own seeds begin with 0
Draw = Callable[[numpy.random.Generator, int], Any]  # (instances, 2) scores of n a stratum


@dataclass(frozen=True)
class Shape:
    """Two models whose scores are drawn.

    Attributes:
        draw: the scores of n trials in each stratum, one stratum after another.
        strata: how many.
        binary: whether they are 0 or 1.
        shared: whether the k-th instance of every stratum is of one trial.
        truth: the true difference.
        alike: whether both are of one distribution, given the instance.
    """

    name: str
    draw: Draw
    strata: int = 1
    binary: bool = False
    shared: bool = False
    truth: float = 0.0
    alike: bool = True

    def compared(self, rng: numpy.random.Generator, n: int) -> PairedComparison:
        """The comparison of one board."""
        names = clusters(self.strata, n, self.shared)
        return paired(Scores(self.draw(rng, n), names, [self.binary] * 2))


def clusters(strata: int, n: int, shared: bool) -> list[list[str]]:
    """The names of n clusters in each stratum."""
    return [[str(k) if shared else f"{h}/{k}" for k in range(n)] for h in range(strata)]


def generator(name: str) -> numpy.random.Generator:
    """A generator of random numbers, seeded by a name."""
    return numpy.random.Generator(numpy.random.PCG64(Random(name).getrandbits(64)))


def lost(rng: numpy.random.Generator, shape: tuple[int, ...], share: float, size: float) -> Any:
    """Skills of which a share loses a lognormal amount with this median."""
    losses = rng.lognormal(numpy.log(size), 1.2, shape)
    return 1 - numpy.where(rng.random(shape) < share, losses, 0.0)


RAMP = numpy.array([1, 0.95, 0.7, 0.4, 0.15, 0.02])


def answered(rng: numpy.random.Generator, chances: Any, n: int, tied: float = 0.0) -> Any:
    """Right and wrong answers at each level, (levels x n, models).

    `tied` is the correlation of what is behind a model's answers to one index at all levels.
    """
    ends = [[NormalDist().inv_cdf(min(1 - 1e-9, max(1e-9, x))) for x in level] for level in chances]
    shape = (n, chances.shape[1])
    index, own = rng.normal(0, 1, shape), rng.normal(0, 1, (len(chances), *shape))
    hidden = sqrt(tied) * index + sqrt(1 - tied) * own
    return (hidden < numpy.array(ends)[:, None, :]).reshape(-1, shape[1]).astype(float)


def ramp(rng: numpy.random.Generator, n: int, lower: float = 0.0, tied: float = 0.0) -> Any:
    """A ramp of levels whose second model is lower by `lower` on average."""
    other = RAMP * (1 - lower / RAMP.mean())
    return answered(rng, numpy.stack([RAMP, numpy.maximum(other, 0)], axis=1), n, tied)


def nested(rng: numpy.random.Generator, n: int) -> Any:
    """Skills at 5 levels that lose at all of them or at none, as where levels share their jobs."""
    whole = lost(rng, (1, n, 2), 0.2, 0.1)
    return (1 - (1 - whole) * rng.random((5, n, 2))).reshape(-1, 2)


def unlike(rng: numpy.random.Generator, n: int) -> Any:
    """The same mean: one model loses often and little, the other seldom and much."""
    sides = lost(rng, (n,), 0.5, 0.02), lost(rng, (n,), 0.05, 0.2)
    return numpy.stack(sides, axis=1)


def coins(chance: float) -> Draw:
    """Right and wrong answers of two equal models."""
    return lambda rng, n: answered(rng, numpy.array([[chance, chance]]), n)


def better(rng: numpy.random.Generator, n: int) -> Any:
    """One model loses in 10 % of its answers, the other in 25 %."""
    return numpy.stack([lost(rng, (n,), 0.1, 0.1), lost(rng, (n,), 0.25, 0.1)], axis=1)


SHAPES = (
    Shape("normal", lambda rng, n: rng.normal(0.5, 0.1, (n, 2))),
    Shape("skill, 20 % lose", lambda rng, n: lost(rng, (n, 2), 0.2, 0.1)),
    Shape("skill, 5 strata", lambda rng, n: lost(rng, (5 * n, 2), 0.2, 0.1), strata=5),
    Shape("skill, 5 nested levels", nested, strata=5, shared=True),
    Shape("binary .5", coins(0.5), binary=True),
    Shape("binary .9", coins(0.9), binary=True),
    Shape("binary .98", coins(0.98), binary=True),
    Shape("binary, 6 levels", ramp, strata=6, binary=True),
    Shape(
        "binary, 6 levels of one index",
        lambda rng, n: ramp(rng, n, tied=0.5),
        strata=6,
        binary=True,
        shared=True,
    ),
    Shape("skill, 10 % lose and 25 %", better, truth=0.015 * exp(0.72), alike=False),
    Shape("skill, same mean, unlike shapes", unlike, alike=False),
)


def shapes(size: Size) -> Iterator[Row]:
    """Size of the p-values, and coverage of the intervals."""
    for shape in SHAPES:
        for n in SIZES:
            rng, boards = generator(f"{shape.name}/{n}"), size.boards
            made = [shape.compared(rng, n) for _ in range(boards)]
            yield _coverage("compare", shape.name, n, made, shape.truth)
            if shape.truth == 0:
                what = "p < .05, equal models" if shape.alike else "p < .05, equal means"
                yield _error("compare", what, shape.name, n, share(made), boards)
            else:
                yield _power("compare", "power", shape.name, n, share(made), boards)


def resolutions(size: Size) -> Iterator[Row]:
    """How often the difference is found that comparisons of equal models say they resolve."""
    shifted: list[tuple[Shape, Callable[[float], Draw]]] = [
        (SHAPES[0], lambda d: lambda rng, n: rng.normal([0.5 + d, 0.5], 0.1, (n, 2))),
        (SHAPES[5], lambda d: lambda rng, n: answered(rng, numpy.array([[0.9, 0.9 - d]]), n)),
        (SHAPES[6], lambda d: lambda rng, n: answered(rng, numpy.array([[0.98, 0.98 - d]]), n)),
        (SHAPES[7], lambda d: lambda rng, n: ramp(rng, n, d)),
        (SHAPES[8], lambda d: lambda rng, n: ramp(rng, n, d, 0.5)),
    ]
    for shape, moved in shifted:
        for n in SIZES:
            rng, boards = generator(f"resolves/{shape.name}/{n}"), size.boards
            told = [shape.compared(rng, n).resolves for _ in range(boards)]
            stated = [x for x in told if x is not None]
            if not stated:  # 5 trials cannot have p < .05 by their signs
                continue
            draw = moved(min(fmean(stated), 0.9))
            made = [
                paired(
                    Scores(
                        draw(rng, n), clusters(shape.strata, n, shape.shared), [shape.binary] * 2
                    )
                )
                for _ in range(boards)
            ]
            yield _power("resolves", "power at `resolves`", shape.name, n, share(made), boards, 0.8)


def rankings(size: Size) -> Iterator[Row]:
    """How often equal models are told apart in a ranking."""
    for models in (2, 5, 10, 20):
        for n in (10, 40):
            for name, binary, strata in (
                ("binary, 6 levels of one index", True, 6),
                ("skill, 20 % lose", False, 1),
            ):
                rng, names = generator(f"{name}/{models}/{n}"), clusters(strata, n, shared=True)
                boards = size.boards if models < 20 else size.boards // 2
                wrong = 0
                for _ in range(boards):
                    drawn = equals(rng, n, models, binary=binary)
                    found = ranks(Scores(drawn, names, [binary] * models)).intervals
                    wrong += any(interval != (1, models) for interval in found)
                scenario = f"{models} equal models, {name}"
                yield _error("ranks", "any two told apart", scenario, n, wrong / boards, boards)


def equals(rng: numpy.random.Generator, n: int, models: int, *, binary: bool) -> Any:
    """Scores of models that are all alike, (instances, models)."""
    if binary:
        return answered(rng, numpy.repeat(RAMP[:, None], models, axis=1), n, 0.5)
    return lost(rng, (n, models), 0.2, 0.1)


# The rules on the suite of record ------------------------------------------------------------


def slipping(p: Sequence[int], d: Sequence[int]) -> list[int]:
    """The rule MDD, in 10 % of the answers with two jobs exchanged."""
    rng = Random(f"slip/{sum(p)}/{sum(d)}")
    order = list(dispatch.mdd(p, d))
    if rng.random() < 0.1:
        a, b = rng.randrange(len(order)), rng.randrange(len(order))
        order[a], order[b] = order[b], order[a]
    return order


RULES: dict[str, dispatch.Rule] = {
    "mdd": dispatch.mdd,
    "mdd with slips": slipping,
    "mddc": dispatch.mddc,
    "mddc-augmented": dispatch.augmented_mddc,
    "mdd-insertion": dispatch.mdd_insertion,
}
PAIRS = (
    ("mdd", "mdd with slips"),
    ("mdd-insertion", "mddc-augmented"),
    ("mdd", "mddc"),
    ("mdd-insertion", "mdd"),
    ("mddc-augmented", "mddc"),
)


def pool(seeds: int) -> dict[str, Any]:
    """The skill of every rule on fresh seeds of the suite: (seeds, levels, indices)."""
    entries = load("tardiness").entry
    found = {name: numpy.empty((seeds, len(entries), entries[0].count or 0)) for name in RULES}
    for seed in range(seeds):
        for k, entry in enumerate(entries):
            for index in range(entry.count or 0):
                made = generate(entry.level, FIRST + seed, index, entry.settings)
                jobs, known = made.payload.jobs, made.reference
                p, d = [job.p for job in jobs], [job.d for job in jobs]
                base = known.bound if known.objective is None else known.objective
                chance, _ = yardsticks(made.payload)
                for name, rule in RULES.items():
                    late = dispatch.total_tardiness(rule(p, d), p, d)
                    found[name][seed, k, index] = skill(late, base or 0, chance)
    return found


def rules(size: Size) -> Iterator[Row]:
    """What is found of two rules on the suite, formerly and now; boards draw each index's seed."""
    skills = pool(max(2, size.seeds // 10))
    seeds, levels, count = skills["mdd"].shape
    names = clusters(levels, count, shared=False)
    one = [[name for stratum in names for name in stratum]]  # the headline has no strata
    for a, b in PAIRS:
        rng, made, before = generator(f"{a}/{b}"), list[PairedComparison](), list[float]()
        for _ in range(size.boards):
            drawn = rng.integers(0, seeds, (levels, count))
            place = numpy.arange(levels)[:, None], numpy.arange(count)[None]
            sides = [skills[x][drawn, *place].ravel() for x in (a, b)]
            made.append(paired(Scores(numpy.stack(sides, axis=1), one, [False] * 2)))
            before.append(former(sides[0] - sides[1]))
        truth, scenario = float((skills[a] - skills[b]).mean()), f"{a} - {b}"
        boards, formerly = len(made), fmean(p < LEVEL for p in before)
        yield _coverage("rules", scenario, levels * count, made, truth)
        yield _power("rules", "power before", scenario, levels * count, formerly, boards)
        yield _power("rules", "power", scenario, levels * count, share(made), boards)


def former(differences: Any) -> float:
    """The p-value of the adjusted Wald test with added pairs as large as any difference seen."""
    largest, n = float(abs(differences).max()) or 1.0, len(differences) + 2
    centre = differences.sum() / n
    spread = ((differences**2).sum() + 2 * largest**2) / n - centre**2
    return erfc(abs(centre) / sqrt(spread / n) / sqrt(2))


# Rows ----------------------------------------------------------------------------------------


def share(made: Sequence[PairedComparison]) -> float:
    """How many have a p-value below .05."""
    return fmean(x.p is not None and x.p < LEVEL for x in made)


def _coverage(
    part: str, scenario: str, n: int, made: Sequence[PairedComparison], truth: float
) -> Row:
    tally = tallied(truth, [x.difference for x in made])
    return tally.row(part, "interval", scenario, n)


def _error(part: str, what: str, scenario: str, n: int, real: float, boards: int) -> Row:
    return Row(
        part,
        what,
        scenario,
        n=n,
        nominal=LEVEL,
        real=round(real, 4),
        boards=boards,
        half_width=None,
        goal="error",
    )


def _power(
    part: str,
    what: str,
    scenario: str,
    n: int,
    real: float,
    boards: int,
    nominal: float | None = None,
) -> Row:
    goal: Literal["figure", "power"] = "figure" if nominal is None else "power"
    return Row(
        part,
        what,
        scenario,
        n=n,
        nominal=nominal,
        real=round(real, 4),
        boards=boards,
        half_width=None,
        goal=goal,
    )


PARTS = {"compare": shapes, "resolves": resolutions, "ranks": rankings, "rules": rules}
