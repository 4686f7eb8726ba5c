"""Two turns with tools: every server gets back what it wants, and nothing that it refuses.

Played by the command line against servers on loopback that refuse what the real ones do.
"""

from itertools import product
from pathlib import Path

import pytest
from msgspec.structs import replace

from harness.calls.request import request_parts
from harness.models.turns import refused_state, sent_id, without_state
from tasks.base import Ask, Message, ToolCall
from tests import scripted
from tests.dialects import DIALECTS, LEGACY, LITELLM, NINE, PLAIN, Dialect
from tests.harness.helpers import board, makespan
from tests.loopback import Fault, Json, Loopback, says
from tests.optional import needs

SIZE = ["--level", "3", "--limit", "2", "-T", "depth=1"]


def scores(out: Path, dialect: Dialect, *more: object) -> tuple[Json, Loopback]:
    """The board's row of a run of `tools` against a server of a dialect, and the server."""
    with Loopback(dialect.answer) as server:
        url = server.root if "anthropic" in dialect.provider else server.url
        how = ["--model", f"{dialect.provider}/m", "--base-url", url, "--max-attempts", "1"]
        ended = makespan("run", "tools", *SIZE, *how, "--out", out, *more)
    assert ended.returncode == 0, ended.stderr
    [row] = board(out)
    return row, server


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """The row of a server that wants nothing back."""
    return scores(tmp_path_factory.mktemp("plain") / "run", PLAIN)[0]


def test_the_plain_server_is_answered_well(plain: Json) -> None:
    assert plain["errors"] == plain["unparsable"] == 0
    assert plain["score"]["value"] > 0


@pytest.mark.parametrize("name", DIALECTS)
def test_two_turns_with_a_server_that_wants_its_state_back(
    name: str, tmp_path: Path, plain: Json
) -> None:
    dialect = DIALECTS[name]
    row, _ = scores(tmp_path / "run", dialect)
    assert (row["errors"], row["n"]) == (0, 2)
    assert row["score"] == plain["score"]
    again = makespan("regrade", tmp_path / "run")
    assert "changed 0 of 2" in again.stdout, again.stdout + again.stderr


@needs("litellm")
@pytest.mark.parametrize("name", LITELLM)
def test_two_turns_through_litellm(name: str, tmp_path: Path, plain: Json) -> None:
    row, server = scores(tmp_path / "run", LITELLM[name])
    assert (row["errors"], row["score"]) == (0, plain["score"])
    sent = "".join(str(request.body) for request in server.requests)
    assert "sanitised" not in sent, "litellm wrote a text into the model's turn"


def test_a_legacy_function_call_is_a_call(tmp_path: Path) -> None:
    row, server = scores(tmp_path / "run", LEGACY)
    assert row["errors"] == 0
    assert len(server.requests) == 2 * row["n"], "the calls were taken for an empty answer"


def test_a_server_that_refuses_a_field_is_asked_without_it_from_then_on(tmp_path: Path) -> None:
    dialect = DIALECTS["groq"]
    _, server = scores(tmp_path / "run", dialect, "--max-connections", "1")
    refused = [request for request in server.requests if dialect.fault(request.body)]
    assert len(refused) == 1
    assert len(server.requests) == 2 * 2 + 1


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_calls_in_text_go_back_as_text(field: str, tmp_path: Path) -> None:
    """A server may refuse thoughts in turns without calls, as DeepSeek's first did."""

    def answer(number: int, body: Json) -> str | Json | Fault:
        if any(field in turn or "tool_calls" in turn for turn in body["messages"]):
            return says(400, f"the {field} must not be in the messages")
        whole = scripted.answer(number, body)
        whole["choices"][0]["message"][field] = "Let me think."
        return whole

    with Loopback(answer) as server:
        how = ["--model", "openai/m", "--base-url", server.url, "--agent", "text-tools"]
        ended = makespan("run", "tools", *SIZE, *how, "--out", tmp_path / "run")
    assert ended.returncode == 0, ended.stderr
    assert len(server.requests) > 2
    [row] = board(tmp_path / "run")
    assert row["score"]["value"] > 0


def test_what_goes_back_is_in_no_digest_of_a_request() -> None:
    """Journals from before turns went back whole are replayed with replies that hold blocks."""
    turn = Message("assistant", "", calls=(ToolCall("c1", "find", "{}"),))
    signed = replace(turn, blocks=({"type": "thinking", "signature": "s"},))
    before, now = (request_parts("s", Ask("turn-2", (one,))) for one in (turn, signed))
    assert before == now
    assert before == "settings=s message-0=8b83573ec467", "the digests of old journals"


def test_ids_of_our_own_fit_the_strictest_server() -> None:
    ours = [f"call-{turn}" for turn in range(300)]
    ours += [f"call-{turn}-{number}" for turn, number in product(range(200), repeat=2)]
    sent = [sent_id(name) for name in ours]
    assert all(NINE.fullmatch(name) for name in sent)
    assert len(set(sent)) == len(ours)


@pytest.mark.parametrize("name", ["toolu_01", "call_abc", "call-x", "chatcmpl-tool-1", ""])
def test_ids_of_a_server_go_back_as_they_came(name: str) -> None:
    assert sent_id(name) == name


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        ("property 'reasoning' is unsupported, did you mean 'role'?", {"reasoning"}),
        (
            "body.messages.1.assistant.extra_content: Extra inputs are not permitted",
            {"extra_content"},
        ),
        ("Unexpected keys reasoning, reasoning_details", {"reasoning", "reasoning_details"}),
        ("Unsupported parameter: 'temperature'", set()),
        ("The reasoning in the thinking mode must be passed back to the API", set()),
        ("unknown model", set()),
    ],
)
def test_which_fields_a_refusal_names(message: str, fields: set[str]) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    turn = {"role": "assistant", "content": "", "reasoning": "x", "reasoning_details": [1]}
    turn["tool_calls"] = [call | {"extra_content": {"a": 1}}]
    request = {"model": "m", "temperature": 0, "messages": [turn]}
    assert refused_state(request, message) == fields
    [left] = without_state(request, fields)["messages"]
    assert not fields & (set(left) | set(left["tool_calls"][0]))
    assert left["tool_calls"][0]["function"] == call["function"]
