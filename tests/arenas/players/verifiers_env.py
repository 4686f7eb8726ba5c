"""The classic environment of verifiers: its own rollouts and rubrics, a model over HTTP."""

import asyncio
import json
import os
from collections.abc import Iterator

from datasets import Dataset
from verifiers.legacy.types import ClientConfig

from harness.suites import instances
from makespan.arenas.verifiers_env import environment
from makespan.episodes import chat, start
from tests.arenas.played import Played, Recorded, corpus, report
from tests.arenas.script import Script, serving


def _row(recorded: Recorded) -> dict[str, object]:
    instance, recording = recorded
    info = {
        "instance": instances.encode(instance).decode(),
        "agent": recording.agent,
        "memory": recording.memory,
    }
    ask = start(instance, memory=recording.memory, agent=recording.agent).ask
    return {"prompt": chat(ask), "answer": "", "info": json.dumps(info)}


def played(rows: list[Recorded], url: str) -> Iterator[Played]:
    """Evaluate all recordings, one after another."""
    os.environ["MAKESPAN_KEY"] = "none"
    client = ClientConfig(
        client_type="openai_chat_completions", api_base_url=url, api_key_var="MAKESPAN_KEY"
    )
    made = environment(eval_dataset=Dataset.from_list([_row(each) for each in rows]))
    outputs = asyncio.run(
        made.evaluate(
            client=client,
            model="scripted",
            num_examples=-1,
            rollouts_per_example=1,
            max_concurrent=1,
            independent_scoring=True,
        )
    )["outputs"]
    by_example = {output["example_id"]: output for output in outputs}
    for number, (_, recording) in enumerate(rows):
        output = by_example[number]
        if output.get("error"):
            yield Played(recording.name, error=str(output["error"]))
        else:
            yield Played(recording.name, output["score"], output["reward"])


if __name__ == "__main__":
    recorded = corpus()
    script = Script(recorded)
    with serving(script) as address:
        report("verifiers", "verifiers", played(recorded, address), script.asked_otherwise)
