"""The episodes of a run that have a grade are counted once: a later frame reads only the others."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from heapq import nlargest

from harness.calls.prices import applying, load
from harness.costs import Price, cost_of
from harness.families.family import BoardColumn
from harness.families.registry import family
from harness.store import queries
from harness.store.folder import Folder
from harness.store.journal import prices_within
from harness.watch.frame import SLOWEST, ModelProgress, Slow, Unusable, plus
from harness.watch.run import EpisodeWork, count_under_way, model_of, rounds_of

BLOCK = 50_000  # episodes that are read together
Range = tuple[int, int]  # numbers of episodes, both ends included


@dataclass
class OpenWork:
    """What was read of the episodes that have no grade.

    Attributes:
        errors: by number the model, and the name of the error in which the episode ended.
        costs: by number the cost of its replies.
        work: what was done of each.
    """

    errors: dict[int, tuple[str, str]] = field(default_factory=dict)
    costs: dict[int, float | None] = field(default_factory=dict)
    work: list[EpisodeWork] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)


@dataclass
class SettledWork:
    """What was read of the episodes that have a grade, which stay as they are.

    Attributes:
        models: done, answers, costs, by model.
        faults: failed attempts by name.
        slowest: those that took longest.
        shares: sum and number of the shares of answers that could not be used, by column and model.
        last: the highest number of an episode that was read.
        open: the numbers, no higher, of those that had no grade.
    """

    models: dict[str, ModelProgress] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    slowest: list[EpisodeWork] = field(default_factory=list)
    shares: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict)
    last: int = 0
    open: set[int] = field(default_factory=set)

    def of(self, model: str) -> ModelProgress:
        """Return what is done of a model."""
        return self.models.setdefault(model, ModelProgress(model, 0))

    def read(
        self, db: sqlite3.Connection, folder: Folder, columns: Iterable[BoardColumn]
    ) -> OpenWork:
        """Take in the episodes that were graded since; return what is done of those without.

        Args:
            db: the journal.
            folder: of the run.
            columns: those of shares of answers that could not be used.
        """
        others, prices = OpenWork(), applying(folder.manifest, load(None))
        (newest,) = db.execute(queries.LAST_EPISODE).fetchone()
        for part in [*_ranges(self.open), *_blocks(self.last + 1, newest or 0)]:
            graded = self._ended(db, part, others)
            costs = self._costs(db, part, graded, others, prices)
            self._worked(db, part, graded, others, costs)
            self._measured(db, part, graded, columns)
            for number, name in db.execute(queries.FAULTS_WITHIN, part):
                (self.faults if number in graded else others.faults)[name] += 1
            self.open.update(number for (number,) in db.execute(queries.NUMBERS_WITHIN, part))
            self.open -= graded
        self.last = newest or 0
        return others

    def _ended(self, db: sqlite3.Connection, part: Range, others: OpenWork) -> set[int]:
        """Count the episodes that have a grade, and return their numbers."""
        graded = set()
        for number, key, _, problem in db.execute(queries.PROBLEMS, part):
            if problem is None:
                graded.add(number)
                self.of(model_of(key)).done += 1
            else:
                kind, boundary = json.loads(problem)
                others.errors[number] = model_of(key), kind or boundary
        return graded

    def _costs(
        self,
        db: sqlite3.Connection,
        part: Range,
        graded: set[int],
        others: OpenWork,
        prices: Mapping[str, Price],
    ) -> dict[int, float | None]:
        """Add the costs of replies; return those of the episodes that have a grade."""
        costs: dict[int, float | None] = {}
        for number, key, reply in prices_within(db, *part):
            model = model_of(key)
            cost = cost_of(reply, prices.get(model))
            if number in graded:
                costs[number] = plus(costs.get(number, 0.0), cost)
                self.of(model).cost = plus(self.of(model).cost, cost)
            else:
                others.costs[number] = plus(others.costs.get(number, 0.0), cost)
        return costs

    def _worked(
        self,
        db: sqlite3.Connection,
        part: Range,
        graded: set[int],
        others: OpenWork,
        costs: Mapping[int, float | None],
    ) -> None:
        """Count the answers of episodes that have a grade; the work of others is put aside."""

        def counted() -> Iterator[EpisodeWork]:
            for each in map(EpisodeWork._make, db.execute(queries.WORK, part)):
                if each.number not in graded:
                    others.work.append(each)
                    continue
                progress = self.of(model_of(each.key))
                progress.answers += each.answers
                progress.paid = plus(progress.paid, costs.get(each.number, 0.0))
                yield each

        longest = nlargest(SLOWEST, counted(), key=_rank)
        self.slowest = nlargest(SLOWEST, [*self.slowest, *longest], key=_rank)

    def _measured(
        self, db: sqlite3.Connection, part: Range, graded: set[int], columns: Iterable[BoardColumn]
    ) -> None:
        for column in columns:
            place = f'$.grade.metrics."{column.name}"'
            for number, key, _, share in db.execute(queries.MEASURED, (place, *part)):
                if share is not None and number in graded:
                    contestant = column.name, model_of(key)
                    total, count = self.shares.get(contestant, (0.0, 0))
                    self.shares[contestant] = total + share, count + 1

    def unusable(self, columns: Iterable[BoardColumn]) -> tuple[Unusable, ...]:
        """Return for each model the mean shares of answers that could not be used, where not 0."""
        return tuple(
            Unusable(model, total / count, column.unusable)
            for column in columns
            for (name, model), (total, count) in self.shares.items()
            if name == column.name and total
        )


def unusable_columns(families: Iterable[str]) -> list[BoardColumn]:
    """Return the columns of families that are shares of answers that could not be used."""
    return [c for name in sorted(set(families)) for c in family(name).columns if c.unusable]


def count_open(
    others: OpenWork, models: Mapping[str, ModelProgress], folder: Folder
) -> dict[str, int]:
    """Add the episodes without a grade to the counts of models; return the errors by name.

    Args:
        others: what was read of them.
        models: their counts are changed.
        folder: of the run.
    """
    for model, _ in others.errors.values():
        models[model].errors += 1
    for each in others.work:
        progress = models[model_of(each.key)]
        cost = others.costs.get(each.number, 0.0)
        progress.cost = plus(progress.cost, cost)
        if each.number in others.errors:
            progress.answers += each.answers
            progress.paid = plus(progress.paid, cost)
    for progress in models.values():
        progress.episodes = progress.done + progress.errors
    under_way = [each for each in others.work if each.number not in others.errors]
    rounds = dict(rounds_of(folder)) if under_way else {}
    count_under_way(under_way, models, others.costs, rounds)
    return dict(Counter(name for _, name in others.errors.values()))


def slowest_of(settled: SettledWork, others: OpenWork) -> tuple[Slow, ...]:
    """Return the episodes that took longest, those under way among them."""
    longest = nlargest(SLOWEST, [*settled.slowest, *others.work], key=_rank)
    unended = {each.number for each in others.work} - others.errors.keys()
    return tuple(each.slow(under_way=each.number in unended) for each in longest)


def _rank(work: EpisodeWork) -> tuple[float, int]:
    return work.rank


def _ranges(numbers: Iterable[int]) -> list[Range]:
    """Return numbers as ranges, in rising order."""
    ranges: list[Range] = []
    for number in sorted(numbers):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = ranges[-1][0], number
        else:
            ranges.append((number, number))
    return ranges


def _blocks(first: int, last: int) -> Iterator[Range]:
    """Yield the numbers from first to last in parts of `BLOCK`."""
    for start in range(first, last + 1, BLOCK):
        yield start, min(last, start + BLOCK - 1)
