"""What the tests of the providers share: an ask, and ways to get its reply or failure."""

import asyncio

import pytest

from harness.models.base import Model, ProviderFailure, Sampling
from harness.models.build import Server, build_model
from tasks.base import Ask, Message, Reply
from tests.loopback import Loopback

PLAIN = Sampling()
ASK = Ask("answer", (Message("system", "You plan."), Message("user", "When?")))


def model_at(server: Loopback, provider: str, sampling: Sampling = PLAIN) -> Model:
    """A model of the server, reached as a compatible server is: without a key."""
    base_url = server.root if provider.startswith("anthropic") else server.url
    return build_model(f"{provider}/test", sampling, Server(base_url, None, 10))


def reply_of(model: Model, ask: Ask = ASK) -> Reply:
    """The reply to one ask, in an event loop of its own."""

    async def once() -> Reply:
        try:
            return await model.reply(ask)
        finally:
            await model.close()

    return asyncio.run(once())


def failure_of(model: Model, ask: Ask = ASK) -> ProviderFailure:
    """The failure that one ask ends in."""
    with pytest.raises(ProviderFailure) as caught:
        reply_of(model, ask)
    return caught.value
