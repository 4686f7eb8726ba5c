"""Tasks that come and go on hosts of one size: the payload, the answer's schema, the world.

Every task lies on one host from its coming to its end. A host is in use while a task lies on it,
and what counts is for how long hosts are in use, all together. An answer gives each task the number
of a host. Intervals are half-open: who ends when another comes makes room for it.
"""

from collections.abc import Mapping
from typing import Any

from tasks.base import Fields, Instance, Noun, Outcome, Parsed, Program, short
from tasks.checks import check_unique
from tasks.one_shot import ask_once, parsed_answer
from tasks.prompts import Prompts
from tasks.schemas import AnswerForm, mapping_schema, object_schema
from tasks.spelling import GIVEN, Mends, ids_of, respelt

VERSION = 1
TEMPLATES = ("placement/plain.j2",)
KEY = "hosts"  # of the answer object
LONGEST = 10**9  # of a time in s


class PlacedTask(Noun, frozen=True):
    """A task that lies on a host.

    Attributes:
        id: unique.
        at: when it comes, in s.
        time: how many s it stays, which shows only when it ends.
        cpu, memory: what it takes of its host all that time.
        guess: of `time`, or None.
    """

    id: str
    at: int
    time: int
    cpu: int
    memory: int
    guess: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.at <= LONGEST:
            raise ValueError(f"task {self.id}: it comes at {self.at}, not from 0 to {LONGEST} s")
        if not 1 <= self.time <= LONGEST:
            raise ValueError(f"task {self.id}: it stays {self.time}, not from 1 to {LONGEST} s")
        if min(self.cpu, self.memory) < 0 or not self.cpu + self.memory:
            raise ValueError(f"task {self.id}: it takes {self.cpu} cpu and {self.memory} memory")
        if self.guess is not None and self.guess < 1:
            raise ValueError(f"task {self.id}: guess {self.guess} is below 1")

    @property
    def end(self) -> int:
        """Return when it ends, in s."""
        return self.at + self.time


class Fleet(Noun, frozen=True):
    """Hosts of one size, as many as are wanted, and the tasks in the order of their coming."""

    cpu: int
    memory: int
    tasks: tuple[PlacedTask, ...]

    def __post_init__(self) -> None:
        if not self.tasks:
            raise ValueError("tasks: there must be at least one")
        check_unique("tasks: id", (task.id for task in self.tasks))
        if any(a.at > b.at for a, b in zip(self.tasks, self.tasks[1:], strict=False)):
            raise ValueError("tasks: they are not in the order of their coming")
        for task in self.tasks:
            if task.cpu > self.cpu or task.memory > self.memory:
                raise ValueError(
                    f"task {task.id}: {task.cpu} cpu and {task.memory} memory have no room on a"
                    f" host of {self.cpu} and {self.memory}"
                )


Payload = Fleet


def answer_schema(fleet: Fleet) -> Fields:
    """Return the JSON schema of an answer: the number of a host for every task."""
    number: Fields = {"type": "integer"}
    return object_schema({KEY: object_schema({task.id: number for task in fleet.tasks})})


def answers(fleet: Fleet | None) -> dict[str, AnswerForm]:
    """Return the form of an answer to a fleet by its name; None is any fleet."""
    if fleet is not None:
        return {"Placing": AnswerForm(answer_schema(fleet))}
    return {"Placing": AnswerForm(object_schema({KEY: mapping_schema({"type": "integer"})}))}


def world(instance: Instance[Fleet], prompts: Prompts) -> Program[Outcome]:
    """Show the tasks once, with the times that they stay, and take a host for each."""
    fleet = instance.payload
    messages = prompts.messages("placement/plain.j2", fleet=fleet)
    schema = answer_schema(fleet)
    outcome = yield from ask_once(instance, messages, key=KEY, schema=schema)
    return spelled(fleet, outcome)


def spelled(fleet: Fleet, outcome: Outcome) -> Outcome:
    """Return an outcome whose task ids and numbers of hosts are read by the rule of spelling.

    A task whose host is given under two spellings has none: the answer is doubtful.
    """
    [parsed] = outcome.answers
    hosts = (parsed.value or {}).get(KEY)
    if parsed.how == GIVEN or not isinstance(hosts, dict):
        return outcome
    ids, mends = ids_of(tuple(task.id for task in fleet.tasks)), Mends()
    if ids.have(hosts) and all(type(number) is int for number in hosts.values()):
        return outcome
    rows: Fields = {}
    for name, number in hosts.items():
        task = mends.id_of(name, ids)
        if task in rows:
            problem = f"the host of {short(repr(task))} is given twice"
            return Outcome((Parsed(problem=problem, mended=parsed.mended),))
        rows[task] = mends.number_of(number) if task in ids else number
    return Outcome((respelt(parsed, {**(parsed.value or {}), KEY: rows}, mends.lines()),))


def read(answer: Fields | None, text: str) -> Outcome:
    """Return the outcome of an answer from a file (see `parsed_answer`)."""
    return Outcome((parsed_answer(answer, text, KEY),))


def host_seconds(fleet: Fleet, hosts: Mapping[str, Any]) -> int:
    """Return for how long hosts are in use, all together, in s.

    Args:
        fleet: with its tasks.
        hosts: the number of a host for each task id.
    """
    until: dict[int, int] = {}
    total = 0
    for task in fleet.tasks:
        number = hosts[task.id]
        begin = max(task.at, until.get(number, 0))
        total += max(0, task.end - begin)
        until[number] = max(task.end, until.get(number, 0))
    return total
