"""The program of a pipeline, driven without a run: any order in time, any judge, any layers."""

import asyncio
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.agents.pipeline import TEMPLATES, ByPipeline
from harness.agents.pipeline_file import read_pipeline
from harness.agents.pipeline_format import (
    FIRST,
    SETTINGS,
    Component,
    Pipeline,
    require_order,
)
from harness.calls.checks import checked
from harness.calls.drive import drive
from harness.calls.request import request_parts
from harness.families.registry import family
from tasks.base import Ask, InputError, Outcome, Outside, Program, Reply
from tasks.means import Check, Note
from tasks.play import play
from tests.depth import examples
from tests.factories.pipelines import INSTANCE, NAMES, PROMPTS, program, reply, written


class Answers:
    """What answers an episode: by the path and what is asked, sooner or later."""

    def __init__(self, words: str, late: Random | None = None) -> None:
        self.words, self.late = words, late
        self.requests: dict[str, str] = {}
        self.replies: dict[str, Reply] = {}
        self.order: list[str] = []
        self.checks = 0
        self.notes: Counter[str] = Counter()

    async def perform(self, effect: Outside) -> Any:
        """The answer, after a while."""
        if self.late is not None and isinstance(effect, Ask):
            await asyncio.sleep(self.late.random() / 500)
        return self.at_once(effect)

    def at_once(self, effect: Outside) -> Any:
        """The answer; nothing but replies, checks and notes may be wanted."""
        if isinstance(effect, Ask):
            self.requests[effect.path] = request_parts(effect.seat, effect)
            self.order.append(effect.path)
            self.replies[effect.path] = Reply(self.text(effect))
            return self.replies[effect.path]
        if isinstance(effect, Check):
            self.checks += 1
            return checked(INSTANCE, PROMPTS, effect.reply)
        assert isinstance(effect, Note)
        self.notes[effect.kind] += 1
        return None

    def text(self, ask: Ask) -> str:
        """Return what a model says: its part, or the words that are always said."""
        if self.words:
            return self.words
        prompt = "\n".join(message.content for message in ask.messages)
        return reply(prompt, ask.messages[-1].content, Random(ask.path))


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_replies_in_time_changes_nothing(name: str, tmp_path: Path) -> None:
    pipeline = read_pipeline(written(tmp_path, name)).pipeline
    plain = Answers("")
    outcome = play(program(pipeline), plain.at_once)
    orders = [plain.order]
    for seed in range(3):
        late = Answers("", Random(seed))
        assert asyncio.run(drive(program(pipeline), late.perform)) == outcome
        assert late.requests == plain.requests
        assert late.replies == plain.replies
        assert (late.checks, late.notes) == (plain.checks, plain.notes)
        orders.append(late.order)
    if max(layer[0].samples for layer in pipeline.layers) > 2:
        assert len(set(map(tuple, orders))) > 1  # they did come in another order


def test_the_paths_say_what_each_call_is(tmp_path: Path) -> None:
    answers = Answers("")
    play(program(read_pipeline(written(tmp_path, "verified")).pipeline), answers.at_once)
    assert "answer/layer-1/generator-1/sample-4" in answers.requests
    assert "answer/layer-2/verifier-1/candidate-3/verdict" in answers.requests


COMPONENTS = st.builds(
    Component,
    st.sampled_from(sorted(SETTINGS)),
    samples=st.integers(1, 3),
    top_k=st.none() | st.integers(1, 3),
    first_k=st.none() | st.integers(1, 2),
    use_critiques=st.booleans(),
    length_control=st.booleans(),
    unit_test_cap=st.none() | st.integers(1, 3),
    rounds=st.integers(1, 2),
)
LAYERS = st.lists(st.lists(COMPONENTS, min_size=1, max_size=2).map(tuple), min_size=1, max_size=4)
JUDGES = ("", "I cannot say.", "[1] [2] [3]", "[Correct] [Incorrect]", '{"order": []}', "[]")


@given(LAYERS, st.sampled_from(JUDGES))
@examples(300)
def test_whatever_judges_say_an_answer_comes_within_the_bounds(
    layers: list[tuple[Component, ...]], words: str
) -> None:
    generator = (Component("generator", samples=2),)
    full = tuple(layers) if layers[0][0].type in FIRST else (generator, *layers)
    try:
        require_order(full, "it")
    except InputError:
        full = (generator, (Component("unit_test_generator"),), *layers)
        require_order(full, "it")
    pipeline, answers = Pipeline("any", full), Answers(words)
    outcome = play(program(pipeline), answers.at_once)
    assert len(outcome.answers) == 1
    assert len(answers.requests) <= pipeline.calls
    assert answers.checks <= pipeline.checks


def last(layers: tuple[tuple[Component, ...], ...], texts: dict[str, str]) -> str:
    """The text of the answer of a pipeline whose calls are answered by the ends of their paths."""

    def answer(effect: Outside) -> Any:
        if isinstance(effect, Note):
            return None
        if isinstance(effect, Check):
            return checked(INSTANCE, PROMPTS, effect.reply)
        assert isinstance(effect, Ask)
        return Reply(next(text for end, text in texts.items() if effect.path.endswith(end)))

    def ask() -> Program[Outcome]:
        return family("tardiness").world(INSTANCE, PROMPTS)

    step = next(ask())
    assert isinstance(step, Ask)
    return play(ByPipeline(PROMPTS, Pipeline("p", layers)).reply(step), answer).text


ORDERS = {
    k: '{"order": [' + ", ".join(f'"{job}"' for job in jobs) + "]}"
    for k, jobs in enumerate(
        (
            ("J05", "J04", "J03", "J02", "J01"),
            ("J01", "J02", "J03", "J04"),
            ("J01", "J02", "J03", "J04", "J05"),
        )
    )
}


def three(*names: int) -> dict[str, str]:
    return {f"sample-{k}": ORDERS[name] for k, name in enumerate(names, 1)}


GENERATOR = (Component("generator", samples=3),)


def test_a_ranker_puts_the_best_first_and_a_verdict_keeps_what_is_right() -> None:
    ranked = (GENERATOR, (Component("ranker", top_k=1),))
    assert last(ranked, three(0, 1, 2) | {"ranker-1": "[3] > [1]"}) == ORDERS[2]
    assert last(ranked, three(0, 1, 2) | {"ranker-1": "all are fine"}) == ORDERS[0]
    verified = (GENERATOR, (Component("verifier", first_k=1),))
    verdicts = {"candidate-2/verdict": "[Correct]", "verdict": "[Incorrect]", "reasons": "so"}
    assert last(verified, three(0, 1, 2) | verdicts) == ORDERS[1]
    assert last(verified, three(0, 1, 2) | {"/verdict": "[Incorrect]", "reasons": ""}) == ORDERS[0]


def test_tests_rank_by_how_many_are_passed() -> None:
    layers = (
        (Component("unit_test_generator"),),
        GENERATOR,
        (Component("unit_test_evaluator", top_k=1),),
    )
    judges = {
        "unit_test_generator-1": '["a", "b"]',
        "candidate-1": "[Passed] [Failed]",
        "candidate-2": "[Passed] [Passed]",
        "candidate-3": "[Failed] [Failed]",
    }
    assert last(layers, three(0, 1, 2) | judges) == ORDERS[1]


def test_a_vote_counts_answers_and_not_their_spelling() -> None:
    layers = (GENERATOR, (Component("vote", top_k=1),))
    spaced = ORDERS[2].replace(" ", "   ")
    answers = {"sample-1": ORDERS[0], "sample-2": spaced, "sample-3": f"So: {ORDERS[2]}"}
    assert last(layers, answers) == spaced
    answers = {"sample-1": "none", "sample-2": "none", "sample-3": ORDERS[1]}
    assert last(layers, answers) == ORDERS[1]
    assert last(layers, dict.fromkeys(answers, "none")) == "none"


def test_a_checker_takes_what_is_valid_and_a_repair_keeps_the_best() -> None:
    checker = (GENERATOR, (Component("checker", top_k=1),))
    assert last(checker, three(1, 1, 2)) == ORDERS[2]
    one = (Component("generator"),)
    repaired = (one, (Component("repair", rounds=2),))
    answers = {"sample-1": ORDERS[1], "round-1": ORDERS[2], "round-2": ORDERS[1]}
    assert last(repaired, answers) == ORDERS[2]


def test_all_that_it_says_is_among_its_templates() -> None:
    names = {f"pipeline/{name}" for name in ("rank.j2", "fuse.j2", "repair.j2")}
    assert names < set(TEMPLATES) == {n for n in PROMPTS.sources if n.startswith("pipeline/")}
