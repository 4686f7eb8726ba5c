"""How far a run goes: budgets, errors, a provider that is down; all kept, said, resumable."""

import json
import string
import subprocess
from pathlib import Path

import pytest

from harness.calls.budget import Budget, Spent
from harness.calls.prices import read_price
from harness.costs import Price, cost_of
from tasks.base import InputError, Reply, Usage
from tests.harness.helpers import answered, board, instances, makespan, rows, zeros
from tests.loopback import FAULTS, Answer, Fault, Json, Loopback, says


def run(file: Path, out: Path, server: Loopback, *more: object) -> subprocess.CompletedProcess[str]:
    return makespan(
        "run",
        file,
        "--model",
        "openai/m",
        "--base-url",
        server.url,
        "--out",
        out,
        "--max-connections",
        "4",
        "--attempt-timeout",
        "5",
        *more,
    )


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("budget", "asked"),
    [
        (["--budget-tokens", "170"], range(10, 15)),
        (["--budget-cost", "0.01", "--price", "openai/m=50,100"], range(10, 15)),  # .0011 a call
        (["--budget-time", "0.5"], range(4, 40)),
    ],
)
def test_a_budget_stops_the_run_and_a_larger_one_goes_on(
    tmp_path: Path, budget: list[str], asked: range
) -> None:
    file, out = instances(tmp_path / "i.jsonl", 40), tmp_path / "run"
    with Loopback(zeros, delay=0.1) as server:
        done = run(file, out, server, *budget)
        assert done.returncode == 1
        assert f"stopped: budget: {budget[0]} {budget[1]} is reached" in done.stderr
        assert "episodes are left: makespan resume" in done.stderr
        assert len(server.requests) in asked
        kept = len(answered(out))
        assert kept == len(server.requests) == board(out)[0]["n"]
        if budget[0] != "--budget-time":  # a budget is the folder's: what was spent stays spent
            again = makespan("resume", out, *budget[:2])
            assert again.returncode == 1
            assert len(server.requests) == kept
        assert makespan("resume", out).returncode == 0
        assert len(server.requests) == 40
    cost = board(out)[0]["cost"]
    assert cost == (pytest.approx(40 * 0.0011) if budget[0] == "--budget-cost" else None)


def test_a_budget_that_cannot_be_kept_is_refused_not_ignored(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 30), tmp_path / "run"
    with Loopback(zeros) as server:
        done = run(file, out, server, "--budget-cost", "1")
        assert done.returncode == 2
        assert "--budget-cost cannot be kept: the price of openai/m is unknown" in done.stderr
        assert "give --price openai/m=INPUT,OUTPUT" in done.stderr
        assert server.requests == []
        assert not out.exists()


def test_an_episode_has_a_budget_of_its_own(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with Loopback(lambda *_: "{}") as server:
        how = ["calendar", "--level", "2", "-T", "rounds=6", "--limit", "2"]
        done = makespan(
            "run",
            *how,
            "--model",
            "openai/m",
            "--base-url",
            server.url,
            "--out",
            out,
            "--budget-episode-tokens",
            "40",
        )
        assert done.returncode == 1, done.stderr
        assert len(server.requests) == 6  # 3 x 17 tokens each
        problems = rows(out, "select json_extract(record, '$.problem.kind') from records")
        assert problems == [("episode budget",)] * 2
        assert "--budget-episode-tokens 40 is reached: 51 spent" in done.stdout
        assert makespan("resume", out).returncode == 0
        assert len(server.requests) == 12


@pytest.mark.parametrize(("most", "errors"), [("0", 1), ("5", 6), ("0.1", 5)])
def test_too_many_errors_stop_the_run(tmp_path: Path, most: str, errors: int) -> None:
    file, out = instances(tmp_path / "i.jsonl", 40), tmp_path / "run"

    def refuse(number: int, _body: Json) -> Fault:  # each differently: alike ones stop the model
        return says(400, f"cannot do {string.ascii_letters[number]}")

    with Loopback(refuse, delay=0.02) as server:
        done = run(file, out, server, "--fail-on-error", most)
    assert done.returncode == 1
    assert f"ended in errors: --fail-on-error {most}" in done.stderr
    assert errors <= len(rows(out, "select * from records")) <= errors + 8  # begun already
    assert len(rows(out, "select * from attempts")) == len(server.requests) <= errors + 8


@pytest.mark.heavy
def test_a_provider_that_goes_down_is_one_line_and_everything_is_kept(tmp_path: Path) -> None:
    file, out, up = instances(tmp_path / "i.jsonl", 60), tmp_path / "run", True

    def answer(number: int, body: Json) -> str | Fault:
        return zeros(number, body) if (up and number <= 20) or not up else FAULTS["overloaded"]

    with Loopback(answer) as server:
        done = run(file, out, server, "--max-attempts", "2")
        assert done.returncode == 1
        told = [line for line in done.stderr.splitlines() if "stopped:" in line]
        assert len(told) == 1
        assert "openai/m: 3 calls given up, no answer between them" in told[0]
        assert len(answered(out)) == 20
        assert len(server.requests) < 40
        up = False
        assert makespan("resume", out).returncode == 0
    assert board(out)[0]["n"] == 60


@pytest.mark.heavy
def test_one_poisoned_request_does_not_take_the_provider_for_down(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 12), tmp_path / "run"
    first: list[Json] = []

    def answer(number: int, body: Json) -> str | Fault:
        first.append(body)
        return FAULTS["truncated"] if body == first[0] else zeros(number, body)

    with Loopback(answer) as server:
        done = run(file, out, server, "--max-attempts", "3")
    assert done.returncode == 1
    [row] = board(out)
    assert (row["n"], row["errors"], row["retried"]) == (12, 1, 1)
    assert "1 of 12 episodes took more than one attempt" in done.stdout


@pytest.mark.heavy
def test_a_model_that_is_slowed_down_does_not_slow_the_others(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 30), tmp_path / "run"
    order: list[str] = []

    def answer(number: int, body: Json) -> str | Fault:
        order.append(body["model"])
        slow = body["model"] == "m" and order.count("m") <= 4
        return says(429, "slow down", Retry_After="1") if slow else zeros(number, body)

    with Loopback(answer, delay=0.01) as server:
        done = run(file, out, server, "--model", "openai/fast")
    assert done.returncode == 0, done.stderr
    last_fast = max(k for k, name in enumerate(order) if name == "fast")
    assert order[: last_fast + 1].count("m") <= 4
    assert order.count("m") == 34
    [state] = rows(out, "select max(complaints), min(allowed) from pace where model = 'openai/m'")
    assert state == (4, 2)


@pytest.mark.heavy
def test_requests_a_minute(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 12), tmp_path / "run"
    with Loopback(zeros) as server:
        done = run(file, out, server, "--rpm", "7", "--budget-time", "2")
    assert done.returncode == 1
    assert len(server.requests) == 7


@pytest.mark.heavy
def test_tokens_a_minute_that_the_prompt_does_not_show(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 20), tmp_path / "run"

    def thinks(number: int, body: Json) -> Json:
        message = {"role": "assistant", "content": zeros(number, body)}
        return {
            "id": "1",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 500, "completion_tokens": 9500, "total_tokens": 10_000},
        }

    with Loopback(thinks, delay=0.05) as server:
        done = run(file, out, server, "--tpm", "60000", "--budget-time", "3")
    assert done.returncode == 1
    assert len(server.requests) == 6


def test_who_stops_for_a_key_is_named_and_the_others_finish(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 12), tmp_path / "run"

    def answer(number: int, body: Json) -> str | Fault:
        codes = {"locked": 401, "gone": 404}
        name = body["model"]
        return says(codes[name], "sorry") if name in codes else zeros(number, body)

    with Loopback(answer) as server:
        done = run(file, out, server, "--model", "openai/locked", "--model", "openai/gone")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "makespan run: openai/gone: no such model: 404 from" in done.stderr
    assert "; openai/locked: authentication: 401 from" in done.stderr
    assert board(out)[0]["n"] == 12


def test_a_filter_of_the_provider_is_the_models_failure(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 2), tmp_path / "run"
    refuse: Answer = lambda *_: says(400, "triggered our policy", "content_filter")  # noqa: E731
    with Loopback(refuse) as server:
        assert run(file, out, server).returncode == 0
    [row] = board(out)
    assert (row["errors"], row["unparsable"], row["tokens"]) == (0, 2, 0)


@pytest.mark.heavy
def test_events_are_json_lines_with_names_and_without_keys(tmp_path: Path) -> None:
    file, out, log = instances(tmp_path / "i.jsonl", 6), tmp_path / "run", tmp_path / "log"
    secret = "sk-planted-0123456789abcdef"

    def answer(number: int, body: Json) -> str | Fault:
        return zeros(number, body) if number > 2 else says(500, "your key $KEY")

    with Loopback(answer) as server:
        how = ["run", file, "--model", "openai/m", "--base-url", server.url, "--out", out]
        key = {"MY_KEY": secret}
        done = makespan(*how, "--api-key-env", "MY_KEY", "--log-json", log, **key)
        assert done.returncode == 0, done.stderr
        again = makespan(*how, "--api-key-env", "MY_KEY", "--log-json", "--epochs", "1", **key)
    events = [json.loads(line) for line in log.read_text().splitlines()]
    names = [event["event"] for event in events]
    assert names[0] == "begin"
    assert names[-1] == "end"
    assert names.count("episode") == 6
    failed = [e for e in events if e["event"] == "attempt" and e.get("failure")]
    assert [e["failure"] for e in failed] == ["server", "server"]
    assert all(json.loads(line) for line in again.stderr.splitlines())
    for path in (*out.rglob("*"), log):
        assert path.is_dir() or secret.encode() not in path.read_bytes(), path
    assert secret not in done.stderr + again.stderr + done.stdout


def test_prices() -> None:
    assert read_price("openai/a=b=1,2") == ("openai/a=b", Price(1, 2))
    price = read_price("m=1,2,0.5")[1]
    assert price.of(Usage(3_000_000, 1_000_000, 2_000_000)) == 1 + 2 * 0.5 + 2
    assert price.of(Usage(None, 3)) is None
    assert cost_of(Reply("", cost=0.5), price) == 0.5
    assert cost_of(Reply("", usage=Usage(0, 1_000_000)), price) == 2
    assert cost_of(Reply(""), None) is None
    for wrong in ("m", "m=1", "=1,2", "m=1,2,3,4", "m=a,b", "m=-1,2", "m=nan,1", "m=inf,1"):
        with pytest.raises(InputError, match="`price`"):
            read_price(wrong)


def test_spent() -> None:
    spent = Spent()
    assert spent.over(Budget(), "budget.") is None
    assert spent.over(Budget(1, 1, 1), "budget.") is None
    spent.add(Reply("", usage=Usage(3, 4), seconds=2.0), None)
    assert (spent.tokens, spent.cost, spent.time) == (7, None, 2.0)
    assert spent.over(Budget(tokens=8), "budget.") is None
    assert spent.over(Budget(tokens=7), "budget.") == "`budget.tokens` 7 is reached: 7 spent"
    assert "`budget.cost` cannot be kept" in str(spent.over(Budget(cost=1), "budget."))
