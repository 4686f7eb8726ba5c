"""The samples as a task of inspect-ai; run by its own Python."""

import json
from pathlib import Path

import openai
from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import get_model
from inspect_ai.scorer import exact
from inspect_ai.solver import generate


@task  # type: ignore[misc, untyped-decorator, unused-ignore]
def trivial(prompts: str, answer: str, url: str | None = None) -> Task:
    """One sample a prompt; with a URL its model has the SDK's aiohttp transport, which takes less.

    No command line can ask for that, and no `inspect eval-retry` knows of it.
    """
    lines = map(json.loads, Path(prompts).read_text().splitlines())
    samples = [Sample(id=line["id"], input=line["prompt"], target=answer) for line in lines]
    model = None
    if url:
        client = openai.DefaultAioHttpClient()
        model = get_model("openai-api/loopback/m", base_url=url, http_client=client)
    return Task(dataset=MemoryDataset(samples), solver=generate(), scorer=exact(), model=model)
