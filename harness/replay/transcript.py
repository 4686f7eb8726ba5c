"""The transcript of a run: every episode with its messages and replies, by replay of the journal.

The journal keeps replies and digests only; prompts, memories and outcomes follow from them.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.calls.recorded import RecordedCall, at_once
from harness.mcp.direct import direct
from harness.run.jobs import EpisodeJob
from harness.run.recorded import RecordedRun
from harness.store.folder import Folder
from harness.store.journal import Journal
from memory.base import is_memory
from memory.context import MemoryState
from tasks.base import Ask, Instance, Message, Outcome, Outside, Parsed, Record, said
from tasks.play import play


@dataclass(frozen=True)
class Episode:
    """A finished episode.

    Attributes:
        record: the newest, as the board reads it.
        calls: in the order in which they were asked.
        outcome: what was parsed of the replies; None where the episode ended in an error.
        memory: what the memory held at the end; empty where the episode ended in an error.
    """

    instance: Instance[Any]
    record: Record
    calls: tuple[RecordedCall, ...]
    outcome: Outcome | None
    memory: MemoryState

    @property
    def parsed(self) -> dict[str, Parsed]:
        """Return what was read of each call of the agent's, by path.

        It is empty where answers are not one a call.
        """
        calls = [call for call in self.calls if not is_memory(call.path)]
        answers = self.outcome.answers if self.outcome else ()
        if len(calls) != len(answers):
            return {}
        return dict(zip((call.path for call in calls), answers, strict=True))


class _Over(Exception):
    """The episode went no further than this call: it ended in an error."""


def episodes(path: Path, keys: Container[str] | None = None) -> Iterator[Episode]:
    """Replay the finished episodes of a run folder: model by model, epoch by epoch.

    Nothing is written and nobody is asked. ReplayFailure if the journal holds other requests.

    Args:
        path: of the folder.
        keys: the names in the journal of those that are replayed; None is all.
    """
    with _recorded(path) as run:
        for job, record in run.finished():
            if keys is None or job.key in keys:
                yield _replay(run, job, record)


def episodes_of(path: Path, records: Mapping[str, Record]) -> Iterator[Episode]:
    """Replay some episodes of a run folder, whose records were read before.

    Args:
        path: of the folder.
        records: the newest of each, by its name in the journal.
    """
    with _recorded(path) as run:
        for job, record in run.finished(records):
            yield _replay(run, job, record)


def episode(path: Path, key: str) -> Episode | None:
    """Replay one episode of a run folder; None where it is not finished.

    Args:
        path: of the folder.
        key: of the episode, as the journal names it.
    """
    with _recorded(path) as run:
        for job, record in run.finished():
            if job.key == key:
                return _replay(run, job, record)
    return None


@contextmanager
def _recorded(path: Path) -> Iterator[RecordedRun]:
    folder = Folder.open(path)
    journal = Journal(path, read_only=True)
    try:
        yield RecordedRun(folder, journal, folder.instances())
    finally:
        journal.close()


def _replay(run: RecordedRun, job: EpisodeJob, record: Record) -> Episode:
    recorded = run.calls(job, direct(job.instance))
    calls: list[RecordedCall] = []

    def perform(effect: Outside) -> Any:
        if not isinstance(effect, Ask):
            return at_once(recorded.perform(effect))
        is_open = effect.path in recorded.unanswered
        reply = None if is_open else at_once(recorded.perform(effect))
        calls.append(
            RecordedCall(
                effect.path, effect.messages, effect.tools, schema=effect.schema, reply=reply
            )
        )
        if reply is None:
            raise _Over
        if record.problem and not recorded.unanswered and len(calls) == recorded.answered:
            raise _Over  # what went wrong comes next, and is told already
        return reply

    outcome, state = None, MemoryState()
    if record.problem is None or recorded.answered or recorded.unanswered:
        memory = run.rollout.memory(job)
        try:
            outcome = play(run.rollout.program(job, memory), perform)
            state = memory.state()
        except _Over:
            pass
    return Episode(job.instance, record, tuple(calls), outcome=outcome, memory=state)


def conversation(calls: Sequence[RecordedCall]) -> tuple[list[Message], list[int]]:
    """Calls as one talk: its messages, and the places of the replies among them.

    A call that begins as the one before it goes on with that talk, as it tells it (a world may have
    named the calls of tools anew); another one begins a talk.
    """
    talk: list[Message] = []
    places: list[int] = []
    before: tuple[Message, ...] = ()
    start = 0
    for call in calls:
        if not before or call.messages[: len(before)] != before or call.messages == before:
            start = len(talk)
        talk[start:] = call.messages
        before = call.messages
        if call.reply:
            places.append(len(talk))
            talk.append(said(call.reply))
    return talk, places
