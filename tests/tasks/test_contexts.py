"""The world of many questions on one project: what is told, what is asked, what is read."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from tasks.base import Ask, Instance, Outcome, Outside, Reference, Reply, Tell
from tasks.contexts import (
    KINDS,
    TEMPLATES,
    ContextQuestion,
    ProjectContext,
    ProjectStep,
    in_order,
    read,
    words,
    world,
)
from tasks.play import play
from tasks.prompts import installed
from tests.factories.contexts import context

GOLDEN = Path(__file__).parent / "golden" / "contexts.txt"
STEPS = (ProjectStep("S1", 3), ProjectStep("S2", 1, ("S1",)))
ASKED = (ContextQuestion("slack", "S1"),)


def played(
    instance: Instance[ProjectContext], reply: str = '{"answer": 4}'
) -> tuple[list[Ask | Tell], Outcome]:
    effects: list[Ask | Tell] = []

    def perform(effect: Outside) -> Reply | None:
        assert isinstance(effect, Ask | Tell)
        effects.append(effect)
        return Reply(reply) if isinstance(effect, Ask) else None

    return effects, play(world(instance, installed()), perform)


def test_the_project_is_told_first_and_nothing_between_the_questions() -> None:
    effects, outcome = played(context(questions=3))
    assert [effect.path for effect in effects] == [
        "context",
        *(f"question-{k:02d}/{part}" for k in (1, 2, 3) for part in ("answer", "feedback")),
    ]
    first, *others = [effect for effect in effects if isinstance(effect, Tell)]
    assert set(first.facts) == {"context", "examples", "history"}
    assert all(other.facts == {} for other in others)
    assert [parsed.value for parsed in outcome.answers] == [{"answer": 4}] * 3


def test_the_project_stands_with_each_question_or_is_told_once() -> None:
    for shown in ("always", "once"):
        effects, _ = played(context(questions=3, shown=shown))
        told = effects[0]
        assert isinstance(told, Tell)
        asks = [effect for effect in effects if isinstance(effect, Ask)]
        project = told.facts["context"]
        assert all((project in a.messages[0].content) == (shown == "always") for a in asks)
        assert told.facts.get("text") == (project if shown == "once" else None)
        assert told.facts["history"] == (1 if shown == "once" else 0)


def test_no_prompt_tells_an_answer_or_who_is_asked_what_later() -> None:
    one = context(questions=7, foretold=2)
    hidden = replace(one, reference=Reference("none"), id="x", index=9, seed=None, settings={})
    for effect, other in zip(played(one)[0], played(hidden)[0], strict=True):
        if isinstance(effect, Ask):
            assert isinstance(other, Ask)
            assert effect.messages == other.messages
            assert effect.problem is None
    told = played(one)[0][0]
    assert isinstance(told, Tell)
    assert len(told.facts["examples"]) == 2
    later = [words(q, installed()) for q in one.payload.questions]
    assert not set(later) & set(told.facts["examples"])


def test_prompts_are_as_they_were() -> None:
    one = context(questions=1, shown="once").payload
    every = [ContextQuestion(k, "S3", 1 if k == "delay" else None) for k in KINDS]
    every.append(ContextQuestion("delay", "S3", 4))
    texts = [words(question, installed()) for question in every]
    for shown in ("always", "once"):
        payload = replace(one, questions=tuple(every[:2]), shown=shown)
        instance: Instance[ProjectContext] = Instance("i", "contexts", 1, None, 0, {}, 1, payload)
        for effect in played(instance)[0][:3]:
            if isinstance(effect, Tell):
                texts.append(effect.facts.get("text", ""))
            else:
                texts += [message.content for message in effect.messages]
    text = "\n\n".join(texts) + "\n"
    if not GOLDEN.exists():
        GOLDEN.write_text(text, "utf-8")
    assert text == GOLDEN.read_text("utf-8")


def test_every_template_is_used() -> None:
    assert set(TEMPLATES) == set(installed().names("contexts"))


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: ProjectStep("S1", 0), "0 days, at least 1"),
        (lambda: ProjectStep("S1", 1, ("S2", "S2")), "needs a step twice"),
        (lambda: ContextQuestion("delay", "S1"), "delay with longer = None"),
        (lambda: ContextQuestion("slack", "S1", 2), "slack with longer = 2"),
        (lambda: ContextQuestion("delay", "S1", 0), "a delay of 0 days"),
        (lambda: ProjectContext(STEPS, ()), "without a question"),
        (lambda: ProjectContext(STEPS, ASKED * 2), "asked twice"),
        (lambda: ProjectContext(STEPS * 2, ASKED), "the same name"),
        (lambda: ProjectContext(STEPS[1:], ASKED), "needs 'S1', which is not there"),
        (lambda: ProjectContext(STEPS[:1], (ContextQuestion("slack", "S2"),)), "no step 'S2'"),
        (
            lambda: ProjectContext((ProjectStep("S1", 1, ("S2",)), STEPS[1]), ASKED),
            "wait for each other",
        ),
    ],
)
def test_a_wrong_context_cannot_be_built(make: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        make()


def test_steps_are_put_behind_what_they_need() -> None:
    assert in_order(STEPS[::-1]) == list(STEPS)


@pytest.mark.parametrize("shown", ["always", "once"])
def test_a_context_survives_json(shown: str) -> None:
    payload = context(questions=7, shown=shown).payload
    text = msgspec.json.encode(payload)
    assert msgspec.json.decode(text, type=ProjectContext) == payload


def test_answers_of_a_file_are_read_in_their_order() -> None:
    assert [p.value for p in read({"answers": [1, "2"]}, "").answers] == [
        {"answer": 1},
        {"answer": "2"},
    ]
    assert [p.value for p in read(None, 'So: {"answers": [1, 2]}').answers] == [
        {"answer": 1},
        {"answer": 2},
    ]
    [none] = read({"answers": 3}, "").answers
    assert none.problem == '"answers" is not a list'
