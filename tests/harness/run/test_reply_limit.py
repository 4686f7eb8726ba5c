"""A reply has one limit at all providers, which is written down; older folders keep theirs."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.models.base import REPLY_LIMIT, Sampling
from harness.run.reply_limit import with_limit
from tests.harness.helpers import board, makespan, zeros
from tests.loopback import Json, Loopback
from tests.old_folders import ADDRESS, MODEL, move, unpack
from tests.scripted import answer

WORDS = ("rcpsp", "--level", 4, "--limit", 1)
FIELDS = {
    "openai": "max_tokens",
    "openai-responses": "max_output_tokens",
    "anthropic": "max_tokens",
}


def sampling_of(folder: Path) -> Any:
    """What a manifest says of it."""
    return json.loads((folder / "manifest.json").read_text())["configuration"]["sampling"]


def any_answer(number: int, body: Json) -> str:
    return zeros(number, {"messages": True} | body)


@pytest.mark.parametrize("provider", FIELDS)
@pytest.mark.parametrize("more", [(), ("--max-output-tokens", 700)])
def test_every_provider_is_asked_with_the_limit_that_the_row_says(
    provider: str, more: tuple[object, ...], tmp_path: Path
) -> None:
    with Loopback(any_answer) as server:
        address = server.root if provider == "anthropic" else server.url
        words = (*WORDS, "--model", f"{provider}/m", "--base-url", address, *more)
        done = makespan("run", *words, "--out", tmp_path / "run")
        assert done.returncode == 0, done.stderr
        limit = 700 if more else REPLY_LIMIT
        assert [r.body[FIELDS[provider]] for r in server.requests] == [limit]
    assert sampling_of(tmp_path / "run") == {"max_tokens": limit}
    assert board(tmp_path / "run")[0]["setup"]["max_tokens"] == limit


def test_a_limit_in_the_body_of_ones_own_is_not_joined_by_another() -> None:
    for name in ("max_tokens", "max_completion_tokens", "max_output_tokens"):
        sampling = Sampling(extra={name: 5})
        assert with_limit(sampling) == sampling
    assert with_limit(Sampling(max_tokens=3)).max_tokens == 3
    assert with_limit(Sampling(extra={"top_k": 5})).max_tokens == REPLY_LIMIT


@pytest.mark.parametrize("command", ["run", "resume"])
def test_a_folder_that_began_without_a_limit_goes_on_without(command: str, tmp_path: Path) -> None:
    folder = unpack("standard-stopped", tmp_path)
    assert sampling_of(folder) == {}
    with Loopback(answer) as server:
        move(folder, ADDRESS, server.url)
        again = ("run", "standard", "--limit", 4, "--model", "policy/sgs-lft", "--model", MODEL)
        where = ("--base-url", server.url, "--out", folder)
        done = makespan(*((*again, *where) if command == "run" else ("resume", folder)))
        assert done.returncode == 0, done.stderr
        assert len(server.requests) > 0
        assert not any("max_tokens" in request.body for request in server.requests)
    assert sampling_of(folder) == {}
