"""What memories are worth to a learner, and what they take: `python -m tests.memory_table 40`.

A year of so many users at level 5, seed 0, with the scripted learner (`tests/factories/learner.py`)
under each memory. Settings of the years may follow, and memories instead of the usual ones:
`python -m tests.memory_table 40 density=4 history temporal-tree:gate=true`. Users are played in
as many processes as there are processors. Tokens are in the declared unit, characters / 4.
Intervals are at 95 % over users, of gains over users in pairs.
"""

import os
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from statistics import fmean

from generators.calendar import generate
from graders.statistics import Estimate, mean_of
from harness.agents.base import Direct
from harness.families.registry import family
from harness.run.episode import episode
from harness.run.placebo import other_rounds
from memory.base import read_memory
from memory.context import Context
from memory.notebook import ROUND
from memory.text import tokens
from tasks.base import Ask, Instance, Ledger, Outside, Reply, Scalar
from tasks.calendar import Year
from tasks.play import play
from tasks.prompts import installed
from tests.factories.learner import Learner

ROWS = (
    "none",
    "placebo",
    "history",
    "summary",
    "facts",
    "strategy-hub",
    "temporal-tree",
    "temporal-tree:planner=true,gate=true",
    "sleep-time:history",
    "sleep-time:history,placebo=true",
)
LEDGERS: tuple[Ledger, ...] = ("test", "recall", "sleep")


@dataclass
class Row:
    """What came of the years under one memory.

    Attributes:
        aers: the average error rate of each user.
        read: tokens that the memory added to the questions of each user.
        calls: of the model, by ledger, over users.
        spent: tokens of the model, in and out, by ledger, over users.
        notes: that were ever written, by kind, over users.
    """

    memory: str
    aers: list[float] = field(default_factory=list)
    read: list[int] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    spent: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)

    def gain(self, other: "Row") -> Estimate:
        """How much less error there is than under another memory, in pairs of a user."""
        return mean_of([b - a for a, b in zip(self.aers, other.aers, strict=True)])

    def add(self, other: "Row") -> None:
        """Take in further users under the memory."""
        self.aers += other.aers
        self.read += other.read
        self.calls += other.calls
        self.spent += other.spent
        self.notes += other.notes


@dataclass(frozen=True)
class Plan:
    """Which years are played under which memories."""

    users: int
    settings: dict[str, Scalar]
    memories: Sequence[str]

    def year(self, index: int) -> Instance[Year]:
        """The year of a user."""
        return generate(5, 0, index, self.settings, reference=False)

    def play(self, index: int) -> list[Row]:
        """One user's year under each memory."""
        run = [self.year(index)]
        if any(read_memory(memory)[0].needs_other for memory in self.memories):
            run.insert(0, self.year(index - 1 if index else 1))
        return [lived(memory, run) for memory in self.memories]


def lived(memory: str, run: Sequence[Instance[Year]]) -> Row:
    """The year of the last user of a run under a memory."""
    calendar, prompts, result, year = family("calendar"), installed(), Row(memory), run[-1]
    learner = Learner([year.payload])
    kind, settings = read_memory(memory)
    others = other_rounds(year, run, prompts) if kind.needs_other else None
    store = kind.new(Context(prompts, others), settings)

    def perform(effect: Outside) -> Reply | None:
        if not isinstance(effect, Ask):
            return None
        text = "\n".join(message.content for message in effect.messages)
        reply = learner.answer(text)
        result.calls[effect.ledger] += 1
        result.spent[effect.ledger] += tokens(text) + tokens(reply)
        return Reply(reply)

    outcome = play(episode(calendar.world(year, prompts), Direct(), store), perform)
    result.aers.append(calendar.grade(year, outcome).metrics["aer"])
    state = store.state()
    result.read.append(state.read)
    result.notes.update(entry.kind for entry in state.entries if entry.kind != ROUND)
    return result


def table(plan: Plan, workers: int) -> list[Row]:
    """A row for each memory."""
    rows = [Row(memory) for memory in plan.memories]
    with ProcessPoolExecutor(workers) as pool:
        for result in pool.map(plan.play, range(plan.users)):
            for row, part in zip(rows, result, strict=True):
                row.add(part)
    return rows


def text(estimate: Estimate) -> str:
    """A mean with its interval."""
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"


def line(result: Row, rows: Sequence[Row]) -> str:
    """A row of the table; a gain is over the row of that memory, where there is one."""
    users, cells = len(result.aers), [f"`{result.memory}`", text(mean_of(result.aers))]
    for name in ("none", "history"):
        other = next((each for each in rows if each.memory == name), None)
        is_other = other is not None and name != result.memory
        cells.append(text(result.gain(other)) if other and is_other else "-")
    cells.append(f"{sum(result.calls.values()) / users:.0f}")
    cells.append(f"{fmean(result.read) / 1000:.0f}")
    cells += [f"{result.spent[ledger] / users / 1000:.0f}" for ledger in LEDGERS]
    notes = ", ".join(f"{n / users:.1f} {kind}" for kind, n in sorted(result.notes.items()))
    return " | ".join([*cells, notes])


def bill(plain: Row, gated: Row) -> str:
    """What a gate saves, what it costs, and at which price of its model that is even."""
    read = 1 - sum(gated.read) / sum(plain.read)
    saved, users = plain.spent["test"] - gated.spent["test"], len(plain.aers)
    cost = gated.spent["recall"]
    return (
        f"{gated.memory}: {read:.1%} fewer recalled tokens than {plain.memory}; it saves"
        f" {saved / users / 1000:.0f}k test tokens a user and costs {cost / users / 1000:.0f}k of"
        f" recall, even at {saved / cost:.2f} of the price; gain {text(gated.gain(plain))}"
    )


def main(words: Sequence[str], workers: int | None = None) -> None:
    """Print the table."""
    pairs = [word.partition("=") for word in words[1:] if "=" in word and ":" not in word]
    memories = [word for word in words[1:] if "=" not in word or ":" in word]
    plan = Plan(int(words[0]), {key: value for key, _, value in pairs}, memories or ROWS)
    rows = table(plan, workers or os.cpu_count() or 1)
    print("memory | AER | gain over none | over history | calls | recalled, k |", end=" ")
    print(*LEDGERS, "notes a user", sep=" | ")
    for each in rows:
        print(line(each, rows))
    plain = next((each for each in rows if each.memory == "temporal-tree"), None)
    for each in rows:
        if plain and each.calls["recall"]:
            print(bill(plain, each))


if __name__ == "__main__":
    main(sys.argv[1:])
