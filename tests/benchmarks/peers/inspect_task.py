"""The samples as a task of inspect-ai; run by its own Python."""

import json
from pathlib import Path

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import exact
from inspect_ai.solver import generate


@task  # type: ignore[misc, untyped-decorator, unused-ignore]
def trivial(prompts: str, answer: str) -> Task:
    """One sample a prompt."""
    lines = map(json.loads, Path(prompts).read_text().splitlines())
    samples = [Sample(id=line["id"], input=line["prompt"], target=answer) for line in lines]
    return Task(dataset=MemoryDataset(samples), solver=generate(), scorer=exact())
