"""What was said in a run: every episode with its messages and replies, by replay of the journal.

The journal keeps replies and digests only; prompts, memories and outcomes follow from them.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.calls.recorded import RecordedCall
from harness.mcp.direct import direct
from harness.run.jobs import EpisodeJob
from harness.run.loop import Batch
from harness.store.folder import Folder
from harness.store.journal import Journal
from memory.context import MemoryState
from tasks.base import Ask, Instance, Message, Outcome, Record, Reply, said


@dataclass(frozen=True)
class Episode:
    """One finished episode.

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


class _Over(Exception):
    """The episode went no further than this call: it ended in an error."""


def episodes(path: Path) -> Iterator[Episode]:
    """Replay the finished episodes of a run folder: model by model, epoch by epoch.

    Nothing is written and nobody is asked. ReplayFailure if the journal holds other requests.
    """
    folder = Folder.open(path)
    journal = Journal(path, read_only=True)
    try:
        batch = Batch(folder, journal, folder.instances())
        with asyncio.Runner() as runner:
            for job, record in batch.finished():
                yield runner.run(_replay(batch, job, record))
    finally:
        journal.close()


async def _replay(batch: Batch, job: EpisodeJob, record: Record) -> Episode:
    asking = batch.asking(job, None)
    calls: list[RecordedCall] = []

    async def answer(ask: Ask) -> Reply:
        reply = None if ask.path in asking.unanswered else await asking.answer(ask)
        calls.append(RecordedCall(ask.path, ask.messages, ask.tools, ask.schema, reply))
        if reply is None:
            raise _Over
        if record.problem and not asking.unanswered and len(calls) == asking.answered:
            raise _Over  # what went wrong comes next, and is told already
        return reply

    outcome, state = None, MemoryState()
    if record.problem is None or asking.answered or asking.unanswered:
        try:
            outcome, state = await batch.kit.perform(job, answer, direct(job.instance))
        except* _Over:
            pass
    return Episode(job.instance, record, tuple(calls), outcome, state)


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
