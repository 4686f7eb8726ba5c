"""What it costs to read artefacts instead of being told: `python -m tests.reading`.

Scripted readers see nothing but prompts. Each takes the decisions of past rounds from what its
memory shows, learns which words of an event matter, and answers with the event it likes best. They
differ only in how they read artefacts: `careful` goes by the minutes that name the user, and
`credulous` believes the first line that says where the user goes, rumours included. Further words
are the number of users and of rounds, 20 and 60 if not given, which is what docs/calendar.md has.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from statistics import fmean

from generators.calendar import generate
from graders.calendar import grade
from graders.statistics import Estimate, mean_of
from harness.agents.base import Direct
from harness.families.calendar import FAMILY, POLICIES
from harness.run.episode import episode
from memory.base import MEMORIES
from memory.context import Context
from memory.text import tokens
from tasks.base import Ask, Instance, Message, Outcome, Outside, Parsed, Reply, Scalar, Tell
from tasks.calendar import KEY, RoundStep, Year
from tasks.play import play
from tasks.prompts import installed

EVIDENCE: dict[str, dict[str, Scalar]] = {
    "structured": {},
    "artefacts": {"evidence": "artefacts"},
    "artefacts, 2 rumours": {"evidence": "artefacts", "rumours": 2},
    "indirect": {"evidence": "artefacts", "indirect": True},
    "indirect, 2 rumours": {"evidence": "artefacts", "indirect": True, "rumours": 2},
}
PROMPTS = installed()
EPOCHS = 3  # of the perceptron over past rounds
_USER = re.compile(r"You keep the calendar of (.+?), ")
_ROUND = re.compile(r"^(?=Round \d+\. )", re.MULTILINE)
_EVENT = re.compile(r"^- (E\w+): (.*)\n((?:  .*\n?)*)", re.MULTILINE)
_TOLD = re.compile(r"^Accepted: (E\w+)$", re.MULTILINE)
_LINE = re.compile(
    r"^\[\d{4}-\d\d-\d\d \d\d:\d\d [+-]\d\d:\d\d\] (mail|chat|ticket|minutes), (.*)$", re.MULTILINE
)
_PRESENT = re.compile(r"(?:Present|In the room or on the line): (.*)\.$")
_GUESS = re.compile(r"^My guess|^I bet|^Nobody has told me")
_REFUSAL = re.compile(r"^I cannot|^Declined|I am taken at that time")
Reader = Callable[[str, str], str | None]


def careful(text: str, user: str) -> str | None:
    """The event whose minutes name the user among those present, if there is one such event."""
    ids = {
        event
        for kind, _, event, words in lines_of(text)
        if kind == "minutes" and _is_in(user, words)
    }
    return ids.pop() if len(ids) == 1 else None


def credulous(text: str, user: str) -> str | None:
    """The event of the first line that says the user goes there, whoever says so."""
    for kind, head, event, words in lines_of(text):
        is_reply = kind == "mail" and head.startswith(f"{user} to ") and not _REFUSAL.search(words)
        if is_reply or _GUESS.search(words) or (kind == "minutes" and _is_in(user, words)):
            return event
    return None


def lines_of(text: str) -> Iterator[tuple[str, str, str, str]]:
    """Kind, writer, event by its quoted title, and words of each artefact in a past round."""
    titles = {title.replace('"', "'"): event for event, title, _ in _EVENT.findall(text)}
    for kind, rest in _LINE.findall(text):
        head, _, words = rest.partition(": ")
        yield kind, head, titles[words.split('"')[1]], words


def _is_in(user: str, words: str) -> bool:
    """Whether minutes have somebody among those present."""
    people = _PRESENT.search(words)
    return people is not None and user in people[1].split(", ")


@lru_cache(maxsize=20_000)
def features(title: str, rest: str) -> tuple[str, ...]:
    """The words by which a reader tells events apart, who asks among them."""
    host = re.search(r"asked for by ([^;]+)", rest)
    words = re.findall(r"[a-z]{4,}", f"{title} {rest.splitlines()[-1]}".lower())
    place = "video" if "video call" in rest else "away" if "; at " in rest else "house"
    return tuple(dict.fromkeys([*words, f"by {host[1] if host else ''}", place]))


Clash = dict[str, tuple[str, ...]]


def clash_of(text: str) -> Clash:
    """The features of each event of a round."""
    return {event: features(title, rest) for event, title, rest in _EVENT.findall(text)}


def learned(past: Sequence[tuple[Clash, str]]) -> Mapping[str, float]:
    """The weights of words by an averaged perceptron (Freund & Schapire 1999)."""
    weights: dict[str, float] = {}
    total: dict[str, float] = {}
    for step, (clash, decision) in enumerate([*past] * EPOCHS):
        choice = best(clash, weights)
        if choice != decision:
            for event, sign in ((decision, 1.0), (choice, -1.0)):
                for word in clash[event]:
                    weights[word] = weights.get(word, 0.0) + sign
                    total[word] = total.get(word, 0.0) + sign * (len(past) * EPOCHS - step)
    return total


def best(clash: Clash, weights: Mapping[str, float]) -> str:
    """The event of the largest sum of weights, the first of equals."""
    return max(clash, key=lambda event: sum(weights.get(word, 0.0) for word in clash[event]))


def choice_of(messages: Sequence[Message], reader: Reader) -> str:
    """The event that a scripted reader accepts in a round, by its messages alone."""
    name = _USER.search(messages[0].content)
    assert name is not None
    question, *recalled = [m.content for m in messages if m.role == "user"]
    rounds = _ROUND.split("".join(recalled))[1:]
    read = [read_round(text, name[1], reader) for text in rounds]
    past = [(clash, decision) for clash, decision in read if decision]
    return best(clash_of(question), learned(past))


@lru_cache(maxsize=20_000)
def read_round(text: str, user: str, reader: Reader) -> tuple[Clash, str | None]:
    """The features of a past round's events, and the one that a reader takes for accepted."""
    plain = _TOLD.search(text)
    return clash_of(text), plain[1] if plain else reader(text, user)


@lru_cache(maxsize=200)
def year(index: int, rounds: int, evidence: str) -> Instance[Year]:
    """A user's year, the same whatever the evidence."""
    settings = {"rounds": rounds, **EVIDENCE[evidence]}
    return generate(4, 0, index, settings, reference=False)


def tells(instance: Instance[Year]) -> list[Tell]:
    """The feedback of a year."""
    log: list[Tell] = []

    def perform(effect: Outside) -> Reply | None:
        if isinstance(effect, Tell):
            log.append(effect)
        return Reply("none") if isinstance(effect, Ask) else None

    play(FAMILY.world(instance, PROMPTS), perform)
    return log


def error_of_reader(instance: Instance[Year], reader: Reader) -> float:
    """The AER of a scripted reader with the memory `full-history`."""

    def perform(effect: Outside) -> Reply:
        assert isinstance(effect, Ask)
        return Reply('{"accept": "%s"}' % choice_of(effect.messages, reader))  # noqa: UP031

    memory = MEMORIES["full-history"].new(Context(PROMPTS))
    outcome = play(episode(FAMILY.world(instance, PROMPTS), Direct(), memory), perform)
    return grade(instance, outcome).metrics["aer"]


def error_of_policy(instance: Instance[Year], name: str) -> float:
    """The AER of a policy, which reads no feedback."""
    answer = POLICIES[name].answer
    steps = (RoundStep(instance, k) for k in range(1, len(instance.payload.rounds) + 1))
    outcome = Outcome(tuple(Parsed({KEY: answer(step)[KEY]}) for step in steps))
    return grade(instance, outcome).metrics["aer"]


SUBJECTS: dict[str, Callable[[Instance[Year]], float]] = {
    "policy/role-prior": lambda instance: error_of_policy(instance, "role-prior"),
    "policy/logit-all": lambda instance: error_of_policy(instance, "logit-all"),
    "careful reader": lambda instance: error_of_reader(instance, careful),
    "credulous reader": lambda instance: error_of_reader(instance, credulous),
}


def prices(users: int, rounds: int) -> Iterator[tuple[str, str, float, Estimate]]:
    """Subject, evidence, mean AER and how much it is above `structured`, paired by user."""
    for subject, error in SUBJECTS.items():
        errors = {name: [error(year(k, rounds, name)) for k in range(users)] for name in EVIDENCE}
        plain = errors["structured"]
        for name, values in errors.items():
            differences = [a - b for a, b in zip(values, plain, strict=True)]
            yield subject, name, fmean(values), mean_of(differences)


def length(users: int, rounds: int, evidence: str) -> float:
    """Tokens (characters/4, rounded up) of what is told after a round."""
    told = [t for k in range(users) for t in tells(year(k, rounds, evidence))]
    return fmean(tokens(t.facts["feedback"]) for t in told)


def main(users: int = 20, rounds: int = 60) -> None:
    """Print what is told after a round, and the price of reading it."""
    for name in EVIDENCE:
        print(f"{name}: {length(users, rounds, name):.0f} tokens a round")
    for subject, name, error, price in prices(users, rounds):
        interval = f"{price.value:+.3f} ({price.low:+.3f} to {price.high:+.3f})"
        print(f"{subject} | {name} | AER {error:.3f} | price of reading {interval}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
