"""A branch is what the world itself would have answered, and nothing of a grade."""

import json
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from generators.tools import generate
from harness.calls.imagination import Imagination
from harness.families.tools import FAMILY
from makespan.episodes import Episode
from tasks.base import Ask, Failure, Instance, Outcome, Reply, Scalar, ToolCall
from tasks.imagination import BranchStep, Imagine, Imagined, later
from tasks.tools import View
from tasks.tools_payload import Errand, Hidden, canonical
from tests.depth import examples
from tests.factories.callers import Careless
from tests.factories.gold import instance_of
from tests.factories.stage import PROMPTS

SETTINGS: tuple[dict[str, Scalar], ...] = (
    {},
    {"failures": 0.4},
    {"select": 4, "distractors": 4},
    {"track": "plan"},
)
CASES = [generate(3, 0, index, each) for index, each in enumerate(SETTINGS)]


def wild(instance: Instance[Errand], seed: str) -> list[Reply]:
    """Replies that work, at times; others are calls of nothing, and no answers."""
    model, rng, replies = Careless(instance, seed), Random(seed), list[Reply]()
    episode = Episode(instance)
    while not episode.done:
        stage = episode.ask.path
        reply = model(episode.ask) if stage.startswith("turn") else at_once(instance, stage)
        if rng.random() < 0.2:
            calls = (ToolCall("c", "no_such_tool", "{"), *reply.calls[:1])
            reply = rng.choice([Reply("", calls), Reply("no"), Reply('{"answer": []}')])
        replies.append(reply)
        episode.reply(reply)
    return replies


def at_once(instance: Instance[Errand], stage: str) -> Reply:
    """The pick of tools, or the plan, of one who knows what is needed."""
    view = View(instance, tuple(Hidden(instance.payload).steps()), stage)
    return Reply(json.dumps(FAMILY.policies["all-ready"].answer(view)))


def ended(instance: Instance[Errand], outcome: Outcome) -> Imagined:
    """The end of an episode, told from its outcome alone."""
    ends = [call.result.end for call in outcome.calls]
    codes = [json.loads(c.result.text) for c in outcome.calls if c.result.status == "ok"]
    known = {code for each in codes for code in each.values()}
    value = (outcome.answers[0].value or {}).get("answer")
    answers = value if isinstance(value, dict) else {}
    whole = all(canonical(str(answers.get(key))) in known for key in instance.payload.keys)
    return Imagined(ended=True, answered=whole and bool(answers), time=max(ends, default=0))


@pytest.mark.heavy
@given(st.sampled_from(CASES), st.integers(0, 10**6))
@examples(200)
def test_a_branch_asks_what_the_episode_asks_and_ends_as_it_ends(
    instance: Instance[Errand], seed: int
) -> None:
    imagination, episode = Imagination(instance, PROMPTS), Episode(instance)
    ask, replies, time = episode.ask, tuple[Reply, ...](), 0
    for reply in wild(instance, str(seed)):
        replies = (*replies, reply)
        imagined = imagination.imagined(Imagine("p", replies))
        episode.reply(reply)
        time += imagined.took
        assert imagined.time == time
        assert msgspec.json.decode(msgspec.json.encode(imagined), type=Imagined) == imagined
        if not episode.done:
            ask = imagined.after(ask)
            assert (ask.messages, ask.tools) == (episode.ask.messages, episode.ask.tools)
    assert replace(imagined, took=0) == ended(instance, episode.outcome)


def test_the_reference_shapes_nothing_that_is_told() -> None:
    instance = CASES[0]
    other = replace(instance, reference=replace(instance.reference, answer={"turns": []}))
    for seed in ("a", "b"):
        replies = tuple(wild(instance, seed))
        effect = Imagine("p", replies)
        one, two = (Imagination(each, PROMPTS).imagined(effect) for each in (instance, other))
        assert one == two


def test_a_branch_that_is_over_cannot_go_on() -> None:
    over = Imagine("turn-001/x", (Reply("no"), Reply("no")))
    with pytest.raises(Failure, match="turn-001/x: the branch ended before its last reply"):
        Imagination(CASES[0], PROMPTS).imagined(over)


def test_a_family_that_declares_no_branches_has_none() -> None:
    with pytest.raises(Failure, match="flow has no branches: that is not among the `means`"):
        Imagination(instance_of("flow"), PROMPTS).imagined(Imagine("p", (Reply("no"),)))


def test_a_policy_sees_the_step_to_which_the_replies_lead() -> None:
    instance = CASES[0]
    replies = wild(instance, "1")[:1]
    imagination = Imagination(instance, PROMPTS)
    ask = Ask("turn-001/try-2/turn-2", (), view=BranchStep(None, tuple(replies), draw=2))
    step = imagination.resolved(ask).view
    assert step.draw == 2
    assert isinstance(step.view, View)
    assert [call.call for call in step.view.calls] == [*replies[0].calls]
    assert imagination.resolved(replace(ask, view="plain")).view == "plain"


def test_results_of_a_later_call_are_the_same_but_for_their_times() -> None:
    episode = Episode(CASES[0])
    for reply in wild(CASES[0], "1"):
        episode.reply(reply)
    results = [call.result for call in episode.outcome.calls]
    moved = later(results, 40)
    assert results
    assert [(r.start - 40, r.end - 40, r.text) for r in moved] == [
        (r.start, r.end, r.text) for r in results
    ]
