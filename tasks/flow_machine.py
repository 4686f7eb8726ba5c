"""The machine of `flow` and its clock: what runs, what shows, and what a turn comes to.

At one time operations end first, then jobs come, then one question is asked. Nothing is gained by
a decision between events: only the operation under way gets nearer to its end.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from tasks.base import Called, Fields, Outcome, Parsed, Tool, ToolResult, short
from tasks.flow_payload import Flow
from tasks.schemas import object_schema
from tasks.spelling import GIVEN, Mends, ids_of, respelt

KEY = "run"  # of a turn's answer object, and the name of the tool
TRIES = 3  # turns in a row without a decision that end an episode
ARGUMENT = "job"  # of the tool


class Span(NamedTuple):
    """A time in which a job ran without a break: [start, end)."""

    job: str
    start: int
    end: int


@dataclass
class WaitingJob:
    """What may be seen of a job that is there.

    Attributes:
        release: when it came.
        now: what is left of the operation it is at.
        left: how many operations come after that.
        done: the time units that it has had.
        finished: the sizes of its operations that are done.
    """

    release: int
    now: int
    left: int
    done: int = 0
    finished: list[int] = field(default_factory=list)


class OneMachine:
    """An episode under way, always at a question or at its end.

    Attributes:
        flow: the jobs, hidden truth included.
        time: of the clock.
        turn: the number of the question, from 1.
        waiting: the jobs that are there, by id; the ids are sorted.
        completed: when each job that is done was done, in that order.
        spans: what ran when.
        faults: the violation of each turn without a decision.
    """

    def __init__(self, flow: Flow) -> None:
        """Begin an episode, up to its first question."""
        self.flow = flow
        self.time, self.turn = 0, 1
        self.waiting: dict[str, WaitingJob] = {}
        self.completed: dict[str, int] = {}
        self.spans: list[Span] = []
        self.faults: list[Fields] = []
        self._sizes = {job.id: job.operations for job in flow.jobs}
        self._coming = sorted(((job.release, job.id) for job in flow.jobs), reverse=True)
        self._misses = 0
        self._go_on()

    def copy(self) -> "OneMachine":
        """Return the machine as it is now, which shares nothing that changes."""
        other = OneMachine.__new__(OneMachine)
        other.__dict__ |= self.__dict__
        other.waiting = deepcopy(self.waiting)
        other.completed, other.spans = dict(self.completed), list(self.spans)
        other.faults, other._coming = list(self.faults), list(self._coming)
        return other

    @property
    def is_over(self) -> bool:
        """Return whether nothing more is asked."""
        return self._misses == TRIES or not (self.waiting or self._coming)

    @property
    def is_done(self) -> bool:
        """Return whether all jobs are done."""
        return len(self.completed) == len(self.flow.jobs)

    @property
    def total(self) -> int:
        """Return the total flow time of the jobs that are done, in time units."""
        releases = {job.id: job.release for job in self.flow.jobs}
        return sum(end - releases[name] for name, end in self.completed.items())

    def sizes(self, name: str) -> tuple[int, ...]:
        """Return the sizes of all operations of a job: nobody may see them beforehand."""
        return self._sizes[name]

    def rest(self, name: str) -> int:
        """Return what is left of a job in all: nobody may see it beforehand."""
        return sum(self._sizes[name]) - self.waiting[name].done

    def run(self, name: str) -> None:
        """Run a job that is there to the next event, and go on to the next question."""
        self._misses = 0
        self.turn += 1
        self._run(name)
        self._go_on()

    def decide(self, parsed: Parsed) -> None:
        """Do what a turn's answer says; stand idle where it says nothing that can be done."""
        fault = self._fault(parsed)
        if fault is None:
            self.run((parsed.value or {})[KEY])
            return
        self.faults.append({**fault, "turn": self.turn})
        self._misses += 1
        self.turn += 1
        until = self.time + self.flow.pause
        self._move_to(min(until, self._coming[-1][0]) if self._coming else until)

    def _fault(self, parsed: Parsed) -> Fields | None:
        if parsed.value is None:
            return {"kind": "unparsable", "reason": parsed.problem or "no answer"}
        name = parsed.value.get(KEY)
        if not isinstance(name, str):
            return {"kind": "no_decision", "value": short(name)}
        return None if name in self.waiting else {"kind": "unknown_job", "value": short(name)}

    def _go_on(self) -> None:
        """Go on by itself where there is no choice."""
        self._move_to(self.time)
        while len(self.waiting) < 2 and (self.waiting or self._coming):
            if self.waiting:
                self._run(next(iter(self.waiting)))
            else:
                self._move_to(self._coming[-1][0])

    def _run(self, name: str) -> None:
        job = self.waiting[name]
        end = self.time + job.now
        until = min(end, self._coming[-1][0]) if self._coming else end
        self._note(name, until)
        job.done += until - self.time
        job.now = end - until
        if not job.now:
            self._end_operation(name, until)
        self._move_to(until)

    def _note(self, name: str, until: int) -> None:
        last = self.spans[-1] if self.spans else None
        if last is not None and (last.job, last.end) == (name, self.time):
            self.spans[-1] = last._replace(end=until)
        else:
            self.spans.append(Span(name, self.time, until))

    def _end_operation(self, name: str, now: int) -> None:
        job, sizes = self.waiting[name], self._sizes[name]
        job.finished.append(sizes[len(job.finished)])
        if len(job.finished) == len(sizes):
            self.completed[name] = now
            del self.waiting[name]
        else:
            job.now = sizes[len(job.finished)]
            job.left -= 1

    def _move_to(self, time: int) -> None:
        """Set the clock, and let the jobs come that are due."""
        self.time = time
        while self._coming and self._coming[-1][0] <= time:
            release, name = self._coming.pop()
            first, *others = self._sizes[name]
            self.waiting[name] = WaitingJob(release, first, len(others))
            self.waiting = dict(sorted(self.waiting.items()))

    def public(self) -> Fields:
        """Return what an agent may see now, as plain data."""
        tells_count = self.flow.count == "known"
        state: Fields = {
            "time": self.time,
            "jobs": [
                {
                    "id": name,
                    "release": job.release,
                    "finished": list(job.finished),
                    "now": job.now,
                    **({"left": job.left} if tells_count else {}),
                }
                for name, job in self.waiting.items()
            ],
            "done": [
                {"id": name, "operations": list(self._sizes[name]), "completed": end}
                for name, end in self.completed.items()
            ],
        }
        if self.faults and self.faults[-1]["turn"] == self.turn - 1:
            state["fault"] = dict(self.faults[-1])
        return state


def spelled(flow: Flow, parsed: Parsed) -> Parsed:
    """Return a turn's answer with its job read by the rule of spelling."""
    if parsed.value is None or parsed.how == GIVEN or KEY not in parsed.value:
        return parsed
    mends = Mends()
    name = mends.id_of(parsed.value[KEY], ids_of(tuple(job.id for job in flow.jobs)))
    return respelt(parsed, {**parsed.value, KEY: name}, mends.lines())


# From outside --------------------------------------------------------------------------------


class FlowSimulation:
    """The machine behind one tool: a call runs a job, and its result is the next question."""

    def __init__(self, flow: Flow) -> None:
        """Begin an episode."""
        self.machine = OneMachine(flow)

    def tools(self) -> Sequence[Tool]:
        """Return the one tool."""
        text = "Run one of the jobs that are there until the next event; returns the state then."
        return (Tool(KEY, text, object_schema({ARGUMENT: {"type": "string"}})),)

    def turn(self, calls: Sequence[tuple[str, Fields | None]], /) -> tuple[ToolResult, ...]:
        """Perform calls one after another and return a result for each."""
        return tuple(self._call(name, arguments) for name, arguments in calls)

    def _call(self, name: str, arguments: Fields | None) -> ToolResult:
        machine, start = self.machine, self.machine.time
        if machine.is_over:
            return ToolResult("error: the episode is over", "refused", start, end=start)
        faults = len(machine.faults)
        machine.decide(spelled(machine.flow, decision(name, arguments)))
        status = "ok" if len(machine.faults) == faults else "unknown"
        text = msgspec.json.encode({**machine.public(), "over": machine.is_over}).decode()
        return ToolResult(text, status, start, end=machine.time)


def decision(name: str, arguments: Mapping[str, object] | None) -> Parsed:
    """Return a call as a turn's answer."""
    if name != KEY:
        return Parsed(problem=f"there is no tool {short(name)}: there is {KEY}")
    if arguments is None or ARGUMENT not in arguments:
        return Parsed(problem=f'a call without the argument "{ARGUMENT}"')
    return Parsed(value={KEY: arguments[ARGUMENT]}, how="whole")


def submitted(
    flow: Flow, world: FlowSimulation, calls: Sequence[Called], answer: Fields
) -> Outcome:
    """Return the outcome of an episode that an agent outside played with calls of its own.

    Args:
        flow: the jobs.
        world: the simulation that the calls were made in.
        calls: those made so far; one made after the end is no turn.
        answer: nothing that counts.
    """
    del world, answer
    turns = [called.call for called in calls if called.result.status != "refused"]
    return Outcome(tuple(spelled(flow, _decision(c.name, c.arguments)) for c in turns))


def _decision(name: str, text: str) -> Parsed:
    arguments = msgspec.json.decode(text)
    return decision(name, arguments if isinstance(arguments, dict) else None)
