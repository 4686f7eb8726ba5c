"""The memory `conversation`: one growing talk, whose beginning never changes."""

from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

import makespan
from harness.cli import main
from tasks.base import Message, Reply
from tests.depth import examples
from tests.loopback import Loopback


def talk(
    replies: list[Reply], *, seed: int = 0, settings: dict[str, object] | None = None
) -> list[tuple[Message, ...]]:
    """Play a year in which the replies come in turn, and return what each round asked."""
    fields = {"rounds": 6, "history": 0, "drift": 1} | (settings or {})
    [year] = makespan.generate("calendar", 2, seed=seed, settings=fields)  # type: ignore[arg-type]
    episode, prompts = makespan.start(year, memory="conversation"), []
    while not episode.done:
        prompts.append(episode.ask.messages)
        episode.reply(replies[len(prompts) % len(replies)])
    return prompts


@examples(30)
@given(
    st.lists(st.text(max_size=30).map(Reply), min_size=1, max_size=6),
    st.integers(0, 5),
    st.sampled_from(["full", "binary", "text", "none"]),
)
def test_each_prompt_begins_with_the_one_before_and_its_reply(
    replies: list[Reply], seed: int, feedback: str
) -> None:
    prompts = talk(replies, seed=seed, settings={"feedback": feedback})
    for number, (before, after) in enumerate(pairwise(prompts), 1):
        assert after[: len(before)] == before
        assert after[len(before)] == Message("assistant", replies[number % len(replies)].text)
        roles = [message.role for message in after if message.role != "system"]
        assert roles == ["user", "assistant"] * number + ["user"]  # strict servers want them so


def test_feedback_stands_before_the_next_question_once() -> None:
    prompts = talk([Reply('{"accept": "E1"}')])
    last = prompts[-1]
    assert last[-1].content.startswith("Accepted: E")
    assert sum("Accepted: E" in message.content for message in last) == len(prompts) - 1
    assert "Round 6. These" in last[-1].content
    assert "Accepted" not in last[1].content


def test_what_the_world_newly_says_of_itself_is_said_once() -> None:
    """A new manager in the chart is told in the turn in which it is new."""
    for seed in range(40):
        prompts = talk([Reply("no")], seed=seed, settings={"rounds": 40})
        systems = [message for message in prompts[-1] if message.role == "system"]
        charts = [m for m in prompts[-1] if "Everybody and whom they report to" in m.content]
        assert len(systems) == 1
        if len(charts) > 1:
            assert charts[1].role == "user"
            return
    raise AssertionError("no year has a new manager")


def test_thinking_that_a_provider_wants_back_is_in_the_talk() -> None:
    block = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
    prompts = talk([Reply("no", blocks=(block,))])
    assert prompts[1][2].blocks == (block,)


def test_a_run_replays_it(tmp_path: Path) -> None:
    out = str(tmp_path / "run")
    words = ["run", "calendar", "--level", "2", "-T", "rounds=4", "--limit", "1", "--out", out]
    with Loopback(lambda *_: '{"accept": "E1"}') as server:
        words += ["--model", "openai/m", "--base-url", server.url, "--memory", "conversation"]
        assert main(words) == 0
        bodies = [received.body["messages"] for received in server.requests]
    for before, after in pairwise(bodies):
        assert after[: len(before)] == before
    assert main(["regrade", out]) == 0
    [episode] = makespan.load(out).episodes()
    assert len(episode.calls) == 4
