"""Every way a server can fail, over real HTTP with the real SDKs."""

import asyncio
import importlib.util
import socket

import pytest

from harness.models.build import Server, build_model
from tests.harness.models.talk import ASK, PLAIN, failure_of, model_at, reply_of
from tests.loopback import ECHO_KEY, FAULTS, Fault, Loopback, says

KEY = "sk-verysecret-0123456789"
HAVE = ["openai", "openai-responses"] + ["anthropic"] * bool(importlib.util.find_spec("anthropic"))
both = pytest.mark.parametrize("provider", HAVE)

KINDS = {
    "rate limit": "rate limit",
    "server": "server",
    "overloaded": "overloaded",
    "truncated": "malformed body",
    "html": "malformed body",
    "error object": "server",
    "empty": "malformed body",
    "drop": "connection",
    "cut": "connection",
}


@both
@pytest.mark.parametrize("fault", KINDS)
def test_fault(provider: str, fault: str) -> None:
    with Loopback(lambda _number, _body: FAULTS[fault]) as server:
        failure = failure_of(model_at(server, provider))
    assert failure.kind == KINDS[fault]
    assert failure.retry_after == (0.05 if fault == "rate limit" else None)
    assert "\n" not in str(failure)
    assert len(server.requests) == 1, "the SDK tried again by itself"


@both
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (says(400, "temperature is too high"), "bad request"),
        (says(400, "prompt is too long: 9 tokens > 8 maximum"), "context length"),
        (says(400, "too long", "context_length_exceeded"), "context length"),
        (says(401, "who are you?"), "authentication"),
        (says(403, "not you"), "authentication"),
        (says(404, "no model 'test'"), "no such model"),
        (says(408, "slow"), "server"),
        (says(409, "busy"), "server"),
        (says(422, "unprocessable"), "bad request"),
        (says(429, "pay first", "insufficient_quota"), "no credit"),
        (says(503, "later", Retry_After="2"), "server"),
    ],
)
def test_status(provider: str, fault: Fault, kind: str) -> None:
    with Loopback(lambda _number, _body: fault) as server:
        failure = failure_of(model_at(server, provider))
    assert failure.kind == kind
    assert f"{fault.status} from {server.root}" in str(failure)
    assert failure.retry_after == (2.0 if fault.status == 503 else None)
    assert len(server.requests) == 1


@both
def test_a_hang_ends_with_the_callers_patience(provider: str) -> None:
    hanging = True

    async def talk(server: Loopback) -> str:
        nonlocal hanging
        model = model_at(server, provider)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await model.reply(ASK)
        hanging = False
        async with asyncio.timeout(30):
            reply = await model.reply(ASK)
        await model.close()
        return reply.text

    with Loopback(lambda _number, _body: FAULTS["hang"] if hanging else "back") as server:
        assert asyncio.run(talk(server)) == "back"


@both
def test_nobody_listens(provider: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        spec = f"{provider}/test"
        model = build_model(spec, PLAIN, Server(url, None, 1))
        failure = failure_of(model)
    assert failure.kind == "connection"
    assert url in str(failure)
    assert "Connect call failed" in str(failure)


@both
def test_an_echoed_key_goes_no_further(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SERVERS_KEY", KEY)
    with Loopback(lambda _number, _body: ECHO_KEY) as server:
        url = server.root if provider == "anthropic" else server.url
        spec = f"{provider}/test"
        model = build_model(spec, PLAIN, Server(url, "MY_SERVERS_KEY", 1))
        failure = failure_of(model)
    [request] = server.requests
    assert any(KEY in value for value in request.headers.values()), "the key was not even sent"
    assert failure.kind == "authentication"
    assert "provided: ***" in str(failure)
    assert failure.__cause__ is failure.__context__ is None, "an SDK error tells more than we do"


@both
def test_no_key_of_the_user_is_sent_to_another_server(
    provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("API_KEY", "AUTH_TOKEN", "ADMIN_KEY", "ORG_ID", "PROJECT_ID"):
        for owner in ("OPENAI", "ANTHROPIC"):
            monkeypatch.setenv(f"{owner}_{name}", KEY)
    with Loopback(lambda _number, _body: "hi") as server:
        reply_of(model_at(server, provider))
    [request] = server.requests
    assert not any(KEY in value for value in request.headers.values())


@pytest.mark.heavy
@both
@pytest.mark.parametrize("wanted", [7, 150])
def test_as_many_at_once_as_asked(provider: str, wanted: int) -> None:
    async def talk(server: Loopback) -> None:
        url = server.root if provider == "anthropic" else server.url
        model = build_model(f"{provider}/test", PLAIN, Server(url, None, wanted))
        await asyncio.gather(*(model.reply(ASK) for _ in range(wanted + 3)))
        await model.close()

    with Loopback(lambda _number, _body: "hi", delay=0.05, together=wanted) as server:
        asyncio.run(asyncio.wait_for(talk(server), 60))
    assert server.most_at_once == wanted
