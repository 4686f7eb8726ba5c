"""Replies of real servers on the real command line: read, kept, counted, and never a silent 0."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import scripted
from tests.harness.helpers import board, instances, makespan, rows
from tests.loopback import FAULTS, Answer, Fault, Json, Loopback, message, prompt_of, response
from tests.optional import needs

KEY = "sk-verysecret-0123456789"


def run(
    out: Path, answer: Answer, *more: object, count: int = 4, provider: str = "openai", **env: str
) -> tuple[int, str, Loopback]:
    """Run a model on small projects against a server; the status, what was said, the server."""
    file = instances(out.parent / "i.jsonl", count)
    with Loopback(answer) as server:
        url = server.root if provider == "anthropic" else server.url
        how = ["--model", f"{provider}/m", "--base-url", url, "--max-connections", "1"]
        done = makespan("run", file, *how, "--out", out, *more, **env)
    return done.returncode, done.stderr, server


# Odd fields ---------------------------------------------------------------------------------


def chat(text: str, **fields: Any) -> Json:
    """A chat completion without usage; fields stand in its message, or over its own."""
    whole = {"choices": [{"message": {"content": text} | fields.pop("message", {})}]}
    return whole | fields


def fault_of(body: bytes) -> Fault:
    """A good answer whose body is written by hand."""
    return Fault(200, body)


def part(text: str, **fields: Any) -> Json:
    return {"type": "text", "text": text} | fields


EMPTY = {"type": "text", "text": None}
ODD: dict[str, list[Callable[[str, Json], Any]]] = {
    "openai": [
        lambda text, _: chat(
            "", message={"content": [{"type": "thinking", "thinking": "hm"}, part(text)]}
        ),
        lambda text, _: chat(text, model=None, usage=[], id=7),
        lambda text, _: chat(text, usage={"prompt_tokens": 12.0, "completion_tokens": "5"}),
        lambda text, _: chat(text, usage={"prompt_tokens": 1, "prompt_tokens_details": None}),
        lambda text, _: {"choices": [{"text": text, "finish_reason": None}]},
        lambda text, _: chat(text, message={"reasoning": {"effort": "none"}, "tool_calls": []}),
        lambda text, _: fault_of(b": PROCESSING\n\n" + json.dumps(chat(text)).encode()),
        lambda text, _: fault_of(json.dumps(chat(text, logprobs=float("nan"))).encode()),
    ],
    "anthropic": [
        lambda text, body: message("", body) | {"content": text},
        lambda text, body: message("", body) | {"content": [part(text), EMPTY]},
        lambda text, body: message(text, body) | {"usage": {"input_tokens": "12"}, "model": None},
        lambda text, body: message("", body) | {"content": [{"text": text}]},
    ],
    "openai-responses": [
        lambda text, body: response("", body) | {"output": [{"type": "message", "content": text}]},
        lambda text, body: (
            response(text, body) | {"usage": [], "model": 4, "error": {"code": None}}
        ),
        lambda text, body: response(text, body) | {"usage": {"input_tokens_details": None}},
        lambda text, body: (
            response("", body) | {"output": [{"content": [part(text, type="output_text"), EMPTY]}]}
        ),
    ],
}


@pytest.mark.parametrize("provider", ODD)
def test_good_replies_with_odd_fields_are_answers(provider: str, tmp_path: Path) -> None:
    shapes = ODD[provider]

    def answer(number: int, body: Json) -> Any:
        return shapes[(number - 1) % len(shapes)](scripted.text_of(prompt_of(body)), body)

    status, said, server = run(tmp_path / "run", answer, count=len(shapes), provider=provider)
    assert status == 0, said
    [row] = board(tmp_path / "run")
    assert (row["n"], row["errors"], row["unparsable"]) == (len(shapes), 0, 0)
    assert row["score"]["value"] == 1.0
    assert len(server.requests) == len(shapes), "a good reply was thrown away"
    assert row["tokens"] is None, "what some replies do not tell is unknown"


# What cannot be read ------------------------------------------------------------------------


def unreadable(_: int, body: Json) -> Json:
    """A reply that was paid for, and says it in a way that nobody can read."""
    usage = {"prompt_tokens": 12, "completion_tokens": 5}
    return chat("", message={"content": 12, "echo": KEY}, usage=usage, model=body["model"])


def test_a_reply_that_cannot_be_read_is_paid_for_twice_at_most(tmp_path: Path) -> None:
    env = {"MY_SERVERS_KEY": KEY}
    how = ["--api-key-env", "MY_SERVERS_KEY"]
    status, _, server = run(tmp_path / "run", unreadable, *how, count=1, **env)
    assert (status, len(server.requests)) == (1, 2)
    [row] = board(tmp_path / "run")
    assert (row["n"], row["errors"]) == (1, 1)
    faults = [fault for (fault,) in rows(tmp_path / "run", "select fault from attempts")]
    assert len(faults) == 2
    for fault in faults:
        line, thrown_away = fault.split("\n")
        assert line.startswith("malformed body: the content is 12, no text (12 tokens in, 5 tokens")
        kept = json.loads(thrown_away)
        assert json.loads(kept["body"])["choices"][0]["message"] == {"content": 12, "echo": "***"}
        assert kept["usage"] == {"input": 12, "output": 5}
    told = makespan("watch", tmp_path / "run", "--once").stdout
    assert "malformed body" in told


@pytest.mark.heavy
def test_what_is_no_reply_at_all_is_tried_again(tmp_path: Path) -> None:
    def answer(number: int, body: Json) -> str | Fault:
        return FAULTS["html"] if number <= 3 else scripted.text_of(prompt_of(body))

    status, said, server = run(tmp_path / "run", answer, count=1)
    assert (status, len(server.requests)) == (0, 4), said


def test_a_long_body_is_kept_in_part(tmp_path: Path) -> None:
    long = chat("", message={"content": 12, "note": "x" * 300_000})
    run(tmp_path / "run", lambda *_: long, count=1)
    [fault] = rows(tmp_path / "run", "select fault from attempts where attempt = 1")[0]
    assert 100_000 < len(fault) < 110_000


@pytest.mark.heavy
def test_thrown_away_tokens_count_in_the_budget_of_a_run(tmp_path: Path) -> None:
    """Also when it is resumed: what is spent is in the folder."""

    def answer(number: int, body: Json) -> str | Json:
        return unreadable(number, body) if number % 2 else scripted.text_of(prompt_of(body))

    file = instances(tmp_path / "i.jsonl", 4)
    asked, said = [], []
    with Loopback(answer) as server:
        how = ["--model", "openai/m", "--base-url", server.url, "--max-connections", "1"]
        for budget in (60, 68, 80):
            words = ["--out", tmp_path / "run", "--budget-tokens", budget]
            done = makespan("run", file, *how, *words)
            assert done.returncode == 1, done.stderr
            asked.append(len(server.requests))
            said.append(done.stderr)
    assert asked == [4, 4, 5], "17 tokens each"
    assert "68 spent" in said[1]


def test_thrown_away_tokens_count_in_the_budget_of_an_episode(tmp_path: Path) -> None:
    def answer(number: int, body: Json) -> str | Json:
        return unreadable(number, body) if number == 1 else scripted.answer(number, body)

    with Loopback(answer) as server:
        how = ["--model", "openai/m", "--base-url", server.url, "--budget-episode-tokens", 18]
        size = ["--level", 3, "-T", "depth=1", "--limit", 1]
        done = makespan("run", "tools", *size, *how, "--out", tmp_path / "run")
    assert done.returncode == 1
    assert len(server.requests) == 2, done.stderr
    [problem] = board(tmp_path / "run")[0]["problems"]
    assert "episode budget" in str(problem)


@pytest.mark.heavy
@needs("litellm")
def test_tokens_that_litellm_does_not_tell_are_unknown(tmp_path: Path) -> None:
    def answer(_: int, body: Json) -> Json:
        whole = scripted.answer(_, body)
        del whole["usage"]
        return whole

    status, said, _ = run(tmp_path / "run", answer, count=2, provider="litellm/openai")
    assert status == 0, said
    [row] = board(tmp_path / "run")
    assert (row["tokens"], row["cost"], row["score"]["value"]) == (None, None, 1.0)


# Reasoning ----------------------------------------------------------------------------------


THOUGHT = "First T01, I think.\n\nThen the others."


def thinking(text: str, body: Json, provider: str) -> Json:
    """A body that says a text after a thought."""
    if provider == "anthropic":
        thought = {"type": "thinking", "thinking": THOUGHT, "signature": "s"}
        return message("", body) | {"content": [thought, part(text)]}
    if provider == "openai-responses":
        summary = [{"type": "summary_text", "text": THOUGHT}]
        whole = response(text, body)
        return whole | {"output": [{"type": "reasoning", "summary": summary}, *whole["output"]]}
    return chat(text, message={"reasoning_content": THOUGHT}, model="m")


@pytest.mark.parametrize("provider", ["openai", "anthropic", "openai-responses"])
def test_thoughts_are_kept_beside_the_reply(provider: str, tmp_path: Path) -> None:
    out = tmp_path / "run"

    def answer(_: int, body: Json) -> Json:
        return thinking(scripted.text_of(prompt_of(body)), body, provider)

    status, said, _ = run(out, answer, count=2, provider=provider)
    assert status == 0, said
    replies = [json.loads(text) for (text,) in rows(out, "select reply from attempts")]
    assert [reply["reasoning"] for reply in replies] == [THOUGHT] * 2
    assert not any("First" in reply["text"] for reply in replies)
    assert board(out)[0]["score"]["value"] == 1.0
    assert "changed 0 of 2" in makespan("regrade", out).stdout
    for form in ("eee", "inspect"):
        assert makespan("export", out, "--format", form, "--out", tmp_path / form).returncode == 0
    [samples] = (tmp_path / "eee").rglob("*_samples.jsonl")
    traces = [json.loads(line)["output"] for line in samples.read_text().splitlines()]
    assert [trace["reasoning_trace"] for trace in traces] == [[THOUGHT]] * 2
    assert [trace["raw"] for trace in traces] == [[reply["text"]] for reply in replies]
    [log] = [json.loads(path.read_text()) for path in (tmp_path / "inspect").iterdir()]
    for sample in log["samples"]:
        thought, text = sample["messages"][-1]["content"]
        assert thought == {"type": "reasoning", "reasoning": THOUGHT}
        assert text["text"].startswith('{"starts"')
        assert sample["output"]["choices"][0]["message"]["content"] == [thought, text]


@pytest.mark.parametrize("place", ["reasoning_content", "reasoning", "<think>", "thinking part"])
def test_an_answer_that_stands_in_thoughts_only_is_none_and_it_is_told(
    place: str, tmp_path: Path
) -> None:
    def answer(_: int, body: Json) -> Json:
        text = scripted.text_of(prompt_of(body))
        if place == "<think>":
            return chat(f"<think>So {text}</think>\n\nAs I said.")
        if place == "thinking part":
            return chat("", message={"content": [{"type": "thinking", "thinking": text}]})
        return chat("As I said.", message={place: text})

    out = tmp_path / "run"
    run(out, answer, count=2)
    [row] = board(out)
    assert (row["n"], row["unparsable"], row["errors"]) == (2, 2, 0)
    outcomes = [json.loads(text) for (text,) in rows(out, "select outcome from records")]
    for outcome in outcomes:
        [parsed] = outcome["answers"]
        assert parsed["problem"].endswith("; the answer stands in the reasoning only")
    assert "changed 0 of 2" in makespan("regrade", out).stdout


@pytest.mark.parametrize(
    "prose",
    [
        "I closed my thoughts with </think> before that.",
        "(The tag `</think>` is not needed.)",
        "\n\nA note: the literal </think>, as asked.",
    ],
)
def test_a_tag_in_prose_after_the_answer_takes_nothing_away(prose: str, tmp_path: Path) -> None:
    def answer(_: int, body: Json) -> str:
        return f"{scripted.text_of(prompt_of(body))} {prose}"

    run(tmp_path / "run", answer, count=2)
    [row] = board(tmp_path / "run")
    assert (row["unparsable"], row["score"]["value"]) == (0, 1.0)
