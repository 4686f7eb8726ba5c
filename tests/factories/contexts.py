"""A model of known skill for questions on one context, served over HTTP."""

import re
from collections.abc import Sequence
from hashlib import sha256

import msgspec

from generators.contexts import generate
from harness.families.registry import family
from tasks.base import Ask, Fields, Instance, Outside, Reply
from tasks.contexts import ProjectContext
from tasks.play import play
from tasks.prompts import installed
from tests.loopback import Json, chat_completion

NEEDED = (50, 100, 200)  # tokens for a right answer to the first, second and third question
SAVED = 5  # times fewer of them with a block on the same project
SLEPT = 300  # tokens of a rethinking
_STEPS = re.compile(r"^- S\d+: .*$", re.MULTILINE)
_NUMBER = re.compile(r"^Question (\d+)\. ", re.MULTILINE)
_NOTED = re.compile(r"^worked out: (\w+)$", re.MULTILINE)


def context(
    index: int = 0, level: int = 1, questions: int = 3, **settings: object
) -> Instance[ProjectContext]:
    """A project with its questions."""
    return generate(level, 0, index, {"questions": questions, **settings})  # type: ignore[dict-item]


def right_answers(instance: Instance[ProjectContext]) -> dict[str, str]:
    """By each prompt the right answer, as a policy gives it."""
    oracle, answers = family("contexts").policies["oracle"], dict[str, str]()

    def perform(effect: Outside) -> Reply | None:
        if not isinstance(effect, Ask):
            return None
        answer: Fields = oracle.answer(effect.view)
        answers[effect.messages[0].content] = msgspec.json.encode(answer).decode()
        return Reply(answers[effect.messages[0].content])

    play(family("contexts").world(instance, installed()), perform)
    return answers


def project_digest(text: str) -> str:
    """A name of the project that a text tells."""
    return sha256("\n".join(_STEPS.findall(text)).encode()).hexdigest()[:12]


class Sleeper:
    """Answers right if a reply may be long enough, sooner where its notes are on this project.

    Attributes:
        slept: the projects that it thought over.
        asked: how many questions it was asked.
    """

    def __init__(self, instances: Sequence[Instance[ProjectContext]]) -> None:
        self.answers = {k: v for each in instances for k, v in right_answers(each).items()}
        self.slept: list[str] = []
        self.asked = 0

    def __call__(self, _: int, body: Json) -> Json:
        limit, texts = body["max_tokens"], [turn["content"] for turn in body["messages"]]
        if texts[-1].startswith("Nobody waits"):
            self.slept.append(project_digest(texts[-1]))
            return told(f"worked out: {self.slept[-1]}", min(SLEPT, limit), body)
        self.asked += 1
        number = int(_NUMBER.findall(texts[0])[0])
        needed = NEEDED[(number - 1) % len(NEEDED)]
        noted = _NOTED.findall("\n".join(texts[1:]))
        if noted == [project_digest(texts[0])]:
            needed //= SAVED
        if limit < needed:
            return told("I go through the steps one by one", limit, body, finish="length")
        return told(f"So it is {self.answers[texts[0]]}", needed, body)


def told(text: str, tokens: int, body: Json, finish: str = "stop") -> Json:
    """A chat completion of so many tokens, of a prompt of as many as its letters over four."""
    whole = chat_completion(text, body)
    read = sum(len(turn["content"]) for turn in body["messages"]) // 4
    usage = {"prompt_tokens": read, "completion_tokens": tokens, "total_tokens": read + tokens}
    choice = whole["choices"][0] | {"finish_reason": finish}
    return whole | {"usage": usage, "choices": [choice]}
