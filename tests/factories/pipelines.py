"""Ten pipelines, and a model that plays each of their parts, well or badly, by the prompt alone."""

import json
import re
from pathlib import Path
from random import Random
from typing import Any

from generators.tardiness import generate
from harness.agents.pipeline import ByPipeline
from harness.agents.pipeline_format import Pipeline
from harness.families.registry import family
from harness.run.episode import episode
from memory.base import read_memory
from memory.context import Context
from tasks.base import Instance, Outcome, Program
from tasks.prompts import installed
from tests.loopback import Json, prompt_of

INSTANCE: Instance[Any] = generate(5, 0, 0, {})
PROMPTS = installed()

TOML = {
    "one": 'layers = [{type = "generator"}]\n',
    "vote": 'layers = [{type = "generator", samples = 5}, {type = "vote", top_k = 1}]\n',
    "checked": 'layers = [{type = "generator", samples = 4}, {type = "checker", top_k = 1}]\n',
    "repaired": 'layers = [{type = "generator", samples = 2}, {type = "repair", rounds = 2},'
    ' {type = "checker", top_k = 1}]\n',
    "two-rooms": "layers = [\n"
    ' [{type = "generator", samples = 2}, {type = "generator", temperature = 0.5}],\n'
    ' [{type = "fuser", samples = 2}, {type = "ranker", top_k = 1}],\n'
    ' {type = "ranker", top_k = 1},\n'
    "]\n",
    "seats": "[seats.judge]\n"
    'model = "openai/judge"\n'
    "temperature = 0.0\n"
    "max_output_tokens = 99\n"
    "[[layers]]\n"
    'type = "generator"\n'
    "samples = 3\n"
    "[[layers]]\n"
    'type = "ranker"\n'
    'seat = "judge"\n'
    "top_k = 1\n",
}


def _archon(sort: str, **fields: object) -> Json:
    """A component as Archon has it, with the keys that it writes everywhere."""
    whole = {"type": sort, "model": "m", "model_type": "OpenAI_API", "temperature": 0.7}
    return whole | {"max_tokens": 512, "samples": 1} | fields


ARCHON: dict[str, Json] = {
    "ranked": {
        "name": "ranked",
        "layers": [
            [_archon("generator", samples=3)],
            [_archon("critic")],
            [_archon("ranker", top_k=2, use_critiques=True)],
            [_archon("fuser", length_contorl=True)],
        ],
    },
    "verified": {
        "layers": [
            {"branches": 1, "models": [_archon("generator", samples=4, top_k=3)]},
            {"models": [_archon("verifier", first_pass=True)]},
        ]
    },
    "tested": {
        "name": "tested",
        "layers": [
            [_archon("unit_test_generator", unit_test_cap=3)],
            [_archon("generator", samples=3)],
            [_archon("unit_test_evaluator", top_k=1)],
        ],
    },
    "evaluated": {
        "layers": [
            _archon("generator", samples=4),
            _archon("unit_test_generator"),
            _archon("unit_test_evaluator", first_k=1, top_k=2),
            _archon("ranker", top_k=1, checkpoint="x"),
        ]
    },
}
NAMES = (*TOML, *ARCHON)


def written(folder: Path, name: str) -> Path:
    """The file of one of the ten in a folder."""
    suffix = "toml" if name in TOML else "json"
    path = folder / f"{name}.{suffix}"
    path.write_text(TOML[name] if name in TOML else json.dumps(ARCHON[name]))
    return path


def program(pipeline: Pipeline) -> Program[Outcome]:
    """An episode of the instance by a pipeline."""
    kind, settings = read_memory("none")
    world = family("tardiness").world(INSTANCE, PROMPTS)
    memory = kind.new(Context(PROMPTS, None), settings)
    return episode(world, ByPipeline(PROMPTS, pipeline), memory)


def role_of(prompt: str) -> str:
    """The part that a prompt gives to a model."""
    for words, role in (
        ("Rank the answers", "ranker"),
        ("Say of each answer", "critic"),
        ("Check step by step", "reasons"),
        ("Judge whether the answer", "verdict"),
        ("things that a right answer", "tests"),
        ("Say of each test", "judge"),
    ):
        if words in prompt:
            return role
    return "answer"


def play(_: int, body: Json) -> str:
    """A reply that hangs on the request alone; every third judge says what cannot be read."""
    text = json.dumps(body["messages"]) + str(body.get("temperature"))
    return reply(prompt_of(body), body["messages"][-1]["content"], Random(text))


def reply(prompt: str, last: str, draw: Random) -> str:
    """A reply to a conversation and its last message, as it is drawn."""
    role = role_of(last)
    if role == "answer":
        return _order(prompt, draw)
    if draw.randrange(3) == 0:
        return "I cannot say."
    answers = {
        "ranker": "[2] > [1]",
        "critic": "\n".join(f"[{k}] fine" for k in range(1, 9)),
        "reasons": "It seems so.",
        "verdict": draw.choice(["[Correct]", "[Incorrect]"]),
        "tests": '["It names every job.", "It names no job twice.", "It is JSON.", "Short."]',
        "judge": draw.choice(["[Passed] [Passed] [Passed]", "[Passed] [Failed]"]),
    }
    return answers[role]


def _order(prompt: str, draw: Random) -> str:
    jobs = list(dict.fromkeys(re.findall(r"^- (J\d+)\b", prompt, re.MULTILINE)))
    draw.shuffle(jobs)
    return json.dumps({"order": jobs[draw.randrange(5) == 0 :]})


TUNE = """
family = "tardiness"
model = "openai/m"
level = 5
tokens = 400
instances = 4
held_out = 5
trials = 4
eta = 2
base_url = "{url}"

[[shapes]]
layers = [{{type = "generator", samples = [1, 2, 8]}}, {{type = "checker", top_k = 1}}]

[[shapes]]
layers = [{{type = "generator", samples = [3]}}, {{type = "ranker", top_k = 1}}]
"""
