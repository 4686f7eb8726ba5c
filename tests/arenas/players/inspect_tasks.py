"""Tasks of inspect-ai: `inspect eval` with its own provider, a model over HTTP."""

import os
from collections.abc import Iterator
from tempfile import TemporaryDirectory
from typing import Any

from inspect_ai import Task
from inspect_ai import eval as evaluate
from inspect_ai.dataset import MemoryDataset, Sample

from makespan.arenas.inspect_tasks import graded, play, sample
from tests.arenas.played import Played, Recorded, corpus, report
from tests.arenas.script import Script, serving


def played(rows: list[Recorded], url: str) -> Iterator[Played]:
    """Evaluate all recordings, one after another."""
    os.environ |= {"LOCAL_BASE_URL": url, "LOCAL_API_KEY": "none"}
    samples = [_sample(number, recorded) for number, recorded in enumerate(rows)]
    task = Task(dataset=MemoryDataset(samples), solver=play(), scorer=graded(), name="parity")
    with TemporaryDirectory() as folder:
        [log] = evaluate(
            task,
            model="openai-api/local/scripted",
            max_samples=1,
            max_connections=1,
            display="none",
            log_dir=folder,
            log_realtime=False,
        )
        assert log.status == "success", log.error
        by_number = {int(each.id): each for each in log.samples}  # read from the file
    for number, (_, recording) in enumerate(rows):
        yield _played(recording.name, by_number[number])


def _sample(number: int, recorded: Recorded) -> Sample:
    instance, recording = recorded
    made = sample(instance, recording.agent, recording.memory)
    made.id = number
    return made


def _played(name: str, found: Any) -> Played:
    if found.error:
        return Played(name, error=found.error.message)
    score = found.scores["graded"]
    fields = score.metadata
    return Played(name, score.value, fields["reward"], verdict=fields["verdict"])


if __name__ == "__main__":
    recorded = corpus()
    script = Script(recorded)
    with serving(script) as address:
        report("inspect-ai", "inspect-ai", played(recorded, address), script.asked_otherwise)
