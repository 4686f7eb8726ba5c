"""Nothing scores 0 that the model did not earn: answered, refused, cut off and failed add up."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from harness.board.replies import end_of
from harness.calls.client import ModelClient
from harness.calls.live import calls_of
from harness.calls.retry import RetryPolicy
from harness.failures import policy_of
from harness.models.base import ProviderFailure
from harness.models.bodies import chat_reply, messages_reply, responses_reply
from harness.models.errors import status_failure
from harness.models.finishes import ENDINGS
from harness.store.journal import Journal
from tasks.base import Ask, Message, Reply
from tests.depth import often
from tests.harness.helpers import instances, makespan
from tests.harness.run.endings import ANSWER, Behaviour, Dialect, End, behaviours, shaped
from tests.loopback import Fault, Json, Loopback
from tests.optional import needs

READERS = {"openai": chat_reply, "openai-responses": responses_reply, "anthropic": messages_reply}
DIALECTS: list[Dialect] = ["openai", "openai-responses"]
DIALECTS += ["anthropic"] * bool(find_spec("anthropic"))
TOO_LONG = "prompt is too long: 9 tokens > 8 maximum"
TOO_MUCH = "max_tokens: 99 > 64, which is the maximum allowed number of output tokens for m"
WRAPPED: list[tuple[End, str, str, int]] = [
    ("answered", "stop", ANSWER, 5),
    ("failed", "error", ANSWER, 5),
    ("answered", "eos", ANSWER, 5),
    ("failed", "insufficient_system_resource", "half", 5),
    ("cut off", "model_length", "half", 5),
    ("empty", "stop", "", 1),
    ("failed", "network_error", "", 0),
    ("refused", "sensitive", "", 1),
    ("answered", "tomorrow", ANSWER, 5),
]
ENDS: dict[str, End] = {"reasoning_only": "empty", "cut_off": "cut off", "too_long": "refused"}


class Server:
    """A model behind a server that does what it is told, read by the project's own readers."""

    name = "openai/m"

    def __init__(self, dialect: Dialect, behaviour: Behaviour) -> None:
        self._read, self._behaviour = READERS[dialect], behaviour

    async def reply(self, _ask: Ask) -> Reply:
        status, body = self._behaviour.status, self._behaviour.body
        if status != 200:
            raise status_failure(status, {}, body, "http://h/v1")
        return self._read(body)

    async def close(self) -> None:
        """Nothing is open."""


async def end_of_call(dialect: Dialect, behaviour: Behaviour, folder: Path, name: str) -> End:
    """How a call ends, by the client's own rules and as the journal has it."""
    journal = Journal(folder)
    client = ModelClient(
        Server(dialect, behaviour), retry=RetryPolicy(2, first_wait=0.0, longest_wait=0.0)
    )
    calls = calls_of(name, {"": "s"}, journal, {"": client})
    failure: ProviderFailure | None = None
    try:
        await calls.perform(Ask("answer", (Message("user", "When?"),)))
    except ProviderFailure as raised:
        failure = raised
    await journal.settled()
    journal.close()
    if failure is not None:
        policy = policy_of(failure)
        assert calls.attempts == (2 if policy.retry else 1)
        return "stopped" if policy.then == "model" else "failed"
    kept = Journal(folder, read_only=True)
    [answered] = kept.answered(name).values()
    kept.close()
    end = end_of(msgspec.json.encode(answered.reply).decode())
    return ENDS.get(end, end)  # type: ignore[arg-type]


@pytest.mark.heavy
@pytest.mark.parametrize("dialect", READERS)
def test_each_call_ends_as_its_server_meant(dialect: Dialect) -> None:
    with TemporaryDirectory() as folder:
        calls = Counter[str]()

        @settings(max_examples=often(1200), deadline=None)
        @given(behaviours(dialect))
        def check(behaviour: Behaviour) -> None:
            calls["n"] += 1
            end = asyncio.run(end_of_call(dialect, behaviour, Path(folder), f"e{calls['n']}"))
            assert end == behaviour.end
            calls[end] += 1

        check()
    assert calls["n"] == sum(calls.values()) - calls["n"]
    seldom = {"refused", "stopped"} if calls["n"] >= 1000 else set[str]()  # where few are tried
    assert {"answered", "cut off", "failed"} | seldom <= set(calls)


def served(provider: str, planned: Sequence[Behaviour], root: Path) -> tuple[Counter[End], Json]:
    """The behaviours that a whole run met, and its row of the board; {} if it has none."""
    file, out, met = root / "i.jsonl", root / "run", Counter[End]()
    instances(file, len(planned))

    def answer(number: int, _body: Json) -> Fault:
        met[planned[number - 1].end] += 1
        return planned[number - 1].fault

    with Loopback(answer) as server:
        address = server.root if provider == "anthropic" else server.url
        how = ("--model", f"{provider}/m", "--base-url", address, "--max-connections", "1")
        done = makespan("run", file, *how, "--max-attempts", "1", "--out", out)
        assert done.returncode in (0, 1, 2), done.stderr
        assert len(server.requests) == met.total()
    told = makespan("board", out, "--json")
    assert done.returncode or not told.returncode
    return met, msgspec.json.decode(told.stdout)["rows"][0] if told.stdout else {}


def check_row(met: Counter[End], row: Json, planned: int) -> None:
    """Every call is in one column: nothing is lost, and no failure is a score."""
    graded = met["answered"] + met["empty"] + met["cut off"] + met["refused"]
    assert met.total() <= planned
    if not row:
        assert graded + met["failed"] == 0
        return
    assert row["n"] == graded + met["failed"]
    assert row["errors"] == met["failed"]
    assert row["infeasible"] == met["answered"]
    assert row["unparsable"] == met["empty"] + met["cut off"] + met["refused"]
    assert row["retried"] == 0
    odd = row.get("replies", {"of": graded})
    assert odd["of"] == graded
    assert odd.get("empty", 0) == met["empty"]
    assert odd.get("cut_off", 0) == met["cut off"]
    assert odd.get("refused", 0) + odd.get("too_long", 0) == met["refused"]


@pytest.mark.heavy
@pytest.mark.parametrize("provider", DIALECTS)
def test_a_whole_run_adds_up(provider: Dialect) -> None:
    words = msgspec.json.encode(shaped(provider, ENDINGS["answered"][0], ANSWER, None))
    answered = Behaviour("answered", 200, words)

    @settings(max_examples=often(36), deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @example([answered, answered, Behaviour("stopped", 401, b"\xff"), answered])
    @given(st.lists(behaviours(provider), min_size=4, max_size=8))
    def check(planned: list[Behaviour]) -> None:
        with TemporaryDirectory() as folder:
            met, row = served(provider, planned, Path(folder))
            check_row(met, row, len(planned))

    check()


@pytest.mark.heavy
@needs("litellm")
def test_a_run_through_litellm_adds_up(tmp_path: Path) -> None:
    """Which has words of its own for endings and errors, and hides some."""
    gone = {"error": {"message": "upstream broke", "code": 502}}
    planned = [
        Behaviour(end, 200, msgspec.json.encode(shaped("openai", finish, text, (12, tokens))))
        for end, finish, text, tokens in WRAPPED
    ]
    planned += [
        Behaviour("failed", 200, msgspec.json.encode(gone)),
        Behaviour("refused", 400, msgspec.json.encode({"error": {"message": TOO_LONG}})),
        Behaviour("failed", 400, msgspec.json.encode({"error": {"message": TOO_MUCH}})),
        Behaviour("answered", 200, planned[0].body),
        Behaviour("refused", 400, b'{"error": {"message": "no", "code": "content_filter"}}'),
        Behaviour("failed", 503, b"<html>busy</html>"),
    ]
    met, row = served("litellm/openai", planned, tmp_path)
    assert met.total() == len(planned)
    check_row(met, row, len(planned))
