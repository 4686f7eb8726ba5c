"""A scripted model of known skill in `calendar`: it learns from what a memory shows it alone.

It knows what every learner of the family knows: a role's common sense, and which principles an
event triggers. What the user decided it reads from the prompt alone, in past rounds and in notes
of its own. So it shows what a memory keeps and passes on, not how well a model writes.

A belief is a normal law of each principle's weight, independent, at first about the role's. A round
moves it by Laplace's approximation of a conditional logit (McFadden 1974). Laws of rounds apart add
up in their natural parameters, so that notes can be merged.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import exp
from typing import Any

from memory.facts import OPERATIONS
from memory.hub import MOST as STRATEGIES
from tasks.calendar import Year

PRECISION = 0.5  # of a weight about the role's: the generator's standard deviation is 1.4
STEPS = 3  # of Newton's method a round
WORDS = 3  # that a plan searches for
_ROUND = re.compile(r"^(?:\[\d+\] )?Round (\d+)\. (?=\w+day \d{4}-)", re.MULTILINE)
_QUESTION = re.compile(r"^Round (\d+)\. These \d+ events clash:", re.MULTILINE)
_ACCEPTED = re.compile(r"^Accepted: (E\d+)$", re.MULTILINE)
_NOTE = re.compile(r"Rounds ([\d,-]+): ")
_BELIEF = re.compile(r" \[[+-]\d+\.\d\d/\d+\.\d\d\]$")  # of a principle
_TARGET = re.compile(r"about \d+ to (\d+) of them")
_ENTRY = re.compile(r"^\[(\d+)\] ", re.MULTILINE)


@dataclass
class Belief:
    """What is believed of the weights after some rounds.

    Attributes:
        mean: of each principle's weight.
        gain: the precision that the rounds have added to that at first.
        rounds: by number.
    """

    mean: list[float]
    gain: list[float]
    rounds: set[int]

    @classmethod
    def first(cls, year: Year) -> "Belief":
        """Common sense."""
        prior = [principle.prior for principle in year.truth.principles]
        return cls(prior, [0.0] * len(prior), set())

    def worth(self, features: Sequence[int]) -> float:
        """Of an event by the principles that it triggers."""
        return sum(self.mean[i] for i in features)

    def learn(self, number: int, clash: Sequence[Sequence[int]], choice: int) -> None:
        """Take in a round: for each event what it triggers, and which was accepted."""
        before, seen = list(self.mean), sorted({i for features in clash for i in features})
        spread: dict[int, float] = {}
        for _ in range(STEPS):
            powers = [exp(self.worth(features)) for features in clash]
            total = sum(powers)
            for i in seen:
                share = sum(p for p, f in zip(powers, clash, strict=True) if i in f) / total
                spread[i] = share * (1 - share)
                known = PRECISION + self.gain[i]
                slope = (i in clash[choice]) - share - known * (self.mean[i] - before[i])
                self.mean[i] += max(-1.0, min(1.0, slope / (known + spread[i])))
        for i in seen:
            self.gain[i] += spread[i]
        self.rounds.add(number)

    def merge(self, other: "Belief", prior: Sequence[float]) -> None:
        """Take in what is believed after other rounds."""
        for i, first in enumerate(prior):
            moved = (PRECISION + other.gain[i]) * other.mean[i] - PRECISION * first
            total = PRECISION + self.gain[i] + other.gain[i]
            self.mean[i] = ((PRECISION + self.gain[i]) * self.mean[i] + moved) / total
            self.gain[i] += other.gain[i]
        self.rounds |= other.rounds


def spans(numbers: Iterable[int]) -> str:
    """Numbers in short: `1-4,7`."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(f"{a}-{b}" if b > a else f"{a}" for a, b in parts)


def numbers_in(text: str) -> set[int]:
    """The numbers that `spans` wrote."""
    ends = [[*map(int, part.split("-"))] for part in text.split(",") if part]
    return {number for part in ends for number in range(part[0], part[-1] + 1)}


def lines_of(belief: Belief, year: Year) -> list[str]:
    """What is believed of each principle."""
    rows = zip(year.truth.principles, belief.mean, belief.gain, strict=True)
    return [f"{principle.text} [{mean:+.2f}/{gain:.2f}]" for principle, mean, gain in rows]


def note_of(belief: Belief, year: Year) -> str:
    """A note on one line, which `read_note` reads again."""
    return f"Rounds {spans(belief.rounds)}: {' '.join(lines_of(belief, year))}"


def read_note(line: str, year: Year) -> Belief:
    """The belief in a note; of principles that it does not name, common sense."""
    belief = Belief.first(year)
    for i, principle in enumerate(year.truth.principles):
        _, is_named, rest = line.partition(f"{principle.text} [")
        if is_named:
            mean, _, gain = rest.partition("]")[0].partition("/")
            belief.mean[i], belief.gain[i] = float(mean), float(gain)
    match = _NOTE.search(line)
    belief.rounds = numbers_in(match[1]) if match else set()
    return belief


def noted(text: str) -> list[str]:
    """The lines that say what is believed."""
    return [line for line in text.splitlines() if _BELIEF.search(line[-20:])]


class Learner:
    """Answers the prompts of the family and of every memory."""

    def __init__(self, years: Sequence[Year]) -> None:
        self._years: dict[str, Year] = {}
        for year in years:
            user, name = year.organisation.by_id()[year.user], year.organisation.name
            self._years[f"You keep the calendar of {user.name}, {user.title} at {name}."] = year
        assert len(self._years) == len(years), "two users of one name"

    def answer(self, text: str) -> str:
        """The reply to a prompt, of which all messages are in one text."""
        year = next(year for key, year in self._years.items() if key in text)
        asks: dict[str, Any] = {
            "Rewrite the summary": self._summary,
            "Nobody waits for you now": self._block,
            "Call the tool StrategyHub": self._strategies,
            "what is to be changed so that the facts": self._facts,
            "A stretch of time has passed": self._note,
            "A month has passed": self._note,
            "say how much of the past it needs": self._plan,
            "say which earlier rounds and notes": self._gate,
        }
        handle = next((each for mark, each in asks.items() if mark in text), self._decide)
        return json.dumps(handle(year, text))

    def _decide(self, year: Year, text: str) -> dict[str, Any]:
        number, belief = _asked(text), believed(year, text)
        clash = year.truth.judgements[number - 1].triggered
        order = sorted(range(len(clash)), key=lambda k: -belief.worth(clash[k]))
        ids = [year.rounds[number - 1].ids[k] for k in order]
        return {"accept": ids[0], "ranking": ids, "reason": "as far as is known"}

    def _summary(self, year: Year, text: str) -> dict[str, Any]:
        return {"summary": note_of(believed(year, text), year)}

    def _block(self, year: Year, text: str) -> dict[str, Any]:
        return {"new_memory": note_of(believed(year, text), year)}

    def _note(self, year: Year, text: str) -> dict[str, Any]:
        """A profile goes on from the one before it; any other note is on its interval alone."""
        before, _, children = text.partition("What it is to be made from")
        last = noted(before)[-1:] if "A month has passed" in before else []
        return {"note": note_of(believed(year, "\n".join([*last, children])), year)}

    def _strategies(self, year: Year, text: str) -> dict[str, Any]:
        """The ten principles of which most has been learned."""
        belief = believed(year, text)
        rows = sorted(zip(belief.gain, lines_of(belief, year), strict=True), reverse=True)
        return {"action": "update", "strategies": [line for _, line in rows[:STRATEGIES]]}

    def _facts(self, year: Year, text: str) -> dict[str, Any]:
        """A fact a principle; of those that have changed at most eight, the most changed first."""
        before, after = _facts_in(year, text), believed(year, text)
        changes = [abs(a - b) for a, b in zip(after.mean, before.mean, strict=True)]
        lines = lines_of(after, year)
        order = sorted(range(len(lines)), key=lambda i: -changes[i])
        operations = []
        for i in order[:OPERATIONS]:
            match = re.search(
                rf"^\[(\d+)\] {re.escape(year.truth.principles[i].text)} ", text, re.M
            )
            if match and lines[i] not in text:
                operations.append({"op": "update", "id": int(match[1]), "text": lines[i]})
            elif not match and changes[i]:
                operations.append({"op": "add", "text": lines[i]})
        return {"operations": operations or [{"op": "nothing"}]}

    def _plan(self, year: Year, text: str) -> dict[str, Any]:
        """Each complexity in a third of the rounds; searched for are the titles' last words."""
        number = _asked(text)
        titles = [event.title for event in year.rounds[number - 1].events]
        words = [title.split()[-1] for title in titles][:WORDS]
        return {"complexity": ("simple", "hybrid", "complex")[number % 3], "keywords": words}

    def _gate(self, year: Year, text: str) -> dict[str, Any]:
        """The notes on most rounds, then the rounds that tell most of what is asked about."""
        question, _, listed = text.partition("There are these, oldest first")
        about = _telling(year, _asked(question))
        rows = []
        for position, (number, entry) in enumerate(_entries(listed)):
            match = _ROUND.match(entry)
            if match:
                rank = (0, len(about & _telling(year, int(match[1]))), position)
            else:
                rank = (1, len(read_note(entry, year).rounds), position)
            rows.append((rank, number))
        target = _TARGET.search(text)
        assert target, text
        return {"keep": [number for _, number in sorted(rows, reverse=True)[: int(target[1])]]}


def _asked(text: str) -> int:
    match = _QUESTION.search(text)
    assert match, text
    return int(match[1])


def _entries(text: str) -> list[tuple[int, str]]:
    """The entries that a gate is offered, by id."""
    starts = [match.start() for match in _ENTRY.finditer(text)]
    parts = [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]
    return [(int(part[1 : part.index("]")]), part) for part in parts]


def _telling(year: Year, number: int) -> set[int]:
    """The principles on which a round's events differ."""
    clash = [set(features) for features in year.truth.judgements[number - 1].triggered]
    return {i for features in clash for i in features if not all(i in each for each in clash)}


def _facts_in(year: Year, text: str) -> Belief:
    """The belief that facts or strategies hold: of any round that was, each in its own line."""
    belief = Belief.first(year)
    for line in noted(text):
        if not _NOTE.search(line):
            fact = read_note(line, year)
            for i, gain in enumerate(fact.gain):
                if gain:
                    belief.mean[i], belief.gain[i] = fact.mean[i], gain
    return belief


def believed(year: Year, text: str) -> Belief:
    """What there is to believe from a prompt: each round counts once, however often it is told."""
    belief = _facts_in(year, text)
    prior = [principle.prior for principle in year.truth.principles]
    notes = [read_note(line, year) for line in noted(text) if _NOTE.search(line)]
    for note in sorted(notes, key=lambda note: -len(note.rounds)):
        if not note.rounds & belief.rounds:
            belief.merge(note, prior)
    is_digested = any(belief.gain) and not belief.rounds and "New since then" not in text
    for number, accepted in () if is_digested else _rounds_in(text, year):
        if number not in belief.rounds:
            ids = year.rounds[number - 1].ids
            clash = year.truth.judgements[number - 1].triggered
            belief.learn(number, clash, ids.index(accepted))
    return belief


def _rounds_in(text: str, year: Year) -> list[tuple[int, str]]:
    """The past rounds of this user in a prompt, with what was accepted."""
    rounds = []
    starts = [*_ROUND.finditer(text)]
    for match, end in zip_longest(starts, (after.start() for after in starts[1:])):
        part = text[match.end() : end]
        number, accepted = int(match[1]), _ACCEPTED.search(part)
        is_own = number <= len(year.rounds) and year.rounds[number - 1].events[0].title in part
        if accepted and is_own:
            rounds.append((number, accepted[1]))
    return rounds
