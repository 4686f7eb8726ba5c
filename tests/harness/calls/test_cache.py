"""Replies kept across runs: never another draw's, and none is paid twice."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.calls.cache import Cache, cache_key
from harness.models.base import Sampling
from harness.store.journal import key_of as episode_key
from tasks.base import Ask, Message, Reply, StoreFailure, Tool, Usage
from tests.harness.helpers import board, instances, makespan, rows
from tests.loopback import Json, Loopback

ASK = Ask("answer", (Message("user", "When?"),))


def test_a_reply_comes_back_at_no_cost(tmp_path: Path) -> None:
    cache, other = Cache(tmp_path / "c"), Cache(tmp_path / "c")
    key = cache_key([None, Sampling()], "e", ASK)
    assert cache.find(key) is None
    reply = Reply("hi", usage=Usage(3, 4, 1, 2), seconds=1.5, model="m", cost=0.25)
    cache.keep(key, reply)
    other.keep(key, Reply("later"))
    found = other.find(key)
    assert found == Reply("hi", (), "stop", Usage(3, 4, 1, 2), 1.5, "m", 0.0, from_cache=True)


VARIANTS = st.tuples(
    st.sampled_from([None, "http://a", "http://b"]),
    st.sampled_from([Sampling(), Sampling(temperature=1.0), Sampling(seed=1)]),
    st.sampled_from(["openai/a", "openai/b"]),
    st.integers(0, 2),
    st.sampled_from(["i", "j"]),
    st.sampled_from(["answer", "candidate-1", "candidate-2"]),
    st.sampled_from(["When?", "Where?"]),
    st.sampled_from([(), (Tool("t", "", {}),)]),
    st.sampled_from([None, {"type": "object"}]),
)


def key_of(variant: tuple[Any, ...]) -> bytes:
    url, sampling, model, epoch, instance, path, text, tools, schema = variant
    ask = Ask(path, (Message("user", text),), tools, schema)
    return cache_key([url, sampling], episode_key(model, epoch, instance), ask)


@given(VARIANTS, VARIANTS)
def test_two_requests_share_a_key_only_if_all_is_the_same(
    a: tuple[Any, ...], b: tuple[Any, ...]
) -> None:
    assert (key_of(a) == key_of(b)) == (a == b)


@pytest.mark.heavy
def test_a_second_run_asks_nobody_and_epochs_stay_apart(tmp_path: Path) -> None:
    file, cache = instances(tmp_path / "i.jsonl", 8), tmp_path / "cache"

    def answer(number: int, body: Json) -> str:  # noqa: ARG001
        return f'{{"starts": {{}}, "number": {number}}}'

    with Loopback(answer) as server:

        def run(name: str, *more: object) -> Path:
            done = makespan(
                "run",
                file,
                "--model",
                "openai/m",
                "--base-url",
                server.url,
                "--out",
                tmp_path / name,
                "--cache",
                cache,
                "--price",
                "openai/m=100,100",
                *more,
            )
            assert done.returncode == 0, done.stderr
            return tmp_path / name

        first = run("first", "--epochs", "2")
        assert len(server.requests) == 16
        second = run("second", "--epochs", "2")
        assert len(server.requests) == 16
        query = (
            "select key, path, json_extract(reply, '$.text') from attempts"
            " join episodes on id = episode order by key"
        )
        assert rows(first, query) == rows(second, query)
        assert len({text for _, _, text in rows(first, query)}) == 16
        run("warmer", "--temperature", "1")
        assert len(server.requests) == 24
        run("third", "--epochs", "3", "--budget-tokens", "200")  # what is cached spends nothing
        assert len(server.requests) == 32
    [paid], [free] = board(first), board(second)
    assert (paid["tokens"], free["tokens"]) == (272, 272)
    assert (round(paid["cost"], 9), free["cost"]) == (0.0272, 0)
    marks = "select distinct json_extract(reply, '$.from_cache') from attempts"
    assert (rows(first, marks), rows(second, marks)) == ([(None,)], [(1,)])


def test_a_broken_cache_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "cache.sqlite").write_bytes(b"not a database, not at all" * 100)
    with pytest.raises(StoreFailure, match=r"cannot use the cache .*leave `cache` out"):
        Cache(tmp_path)
