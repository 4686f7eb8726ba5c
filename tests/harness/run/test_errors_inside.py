"""Errors under status 200, and of one prompt alone: each does what it would do by its status."""

import subprocess
from pathlib import Path

import pytest

from tests.harness.helpers import board, instances, makespan, rows, zeros
from tests.loopback import Answer, Fault, Json, Loopback, chat_completion, says


def run(root: Path, count: int, answer: Answer, *more: object) -> subprocess.CompletedProcess[str]:
    """A run of some instances against a server; its folder is `run`."""
    file = instances(root / "i.jsonl", count)
    with Loopback(answer) as server:
        how = ("--model", "openai/m", "--base-url", server.url, "--max-connections", "1")
        return makespan("run", file, *how, "--out", root / "run", *more)


def inside(code: int) -> Fault:
    """An error object under status 200."""
    return Fault(200, f'{{"error": {{"code": {code}, "message": "sorry"}}}}')


def faults(root: Path) -> list[str]:
    return [fault for (fault,) in rows(root / "run", "select fault from attempts") if fault]


@pytest.mark.heavy
def test_a_rate_limit_inside_slows_down(tmp_path: Path) -> None:
    def answer(number: int, body: Json) -> str | Fault:
        return inside(429) if number == 1 else zeros(number, body)

    done = run(tmp_path, 3, answer)
    assert done.returncode == 0, done.stderr
    assert rows(tmp_path / "run", "select max(complaints) from pace") == [(1,)]
    assert [fault.partition(":")[0] for fault in faults(tmp_path)] == ["rate limit"]
    assert board(tmp_path / "run")[0]["retried"] == 1


@pytest.mark.parametrize(("code", "kind"), [(401, "authentication"), (402, "no credit")])
def test_a_key_that_is_refused_inside_stops_the_model(tmp_path: Path, code: int, kind: str) -> None:
    done = run(tmp_path, 9, lambda *_: inside(code))
    assert done.returncode == 2
    assert f"openai/m: {kind}: the body says sorry ({code})" in done.stderr
    assert len(faults(tmp_path)) == 1


@pytest.mark.heavy
@pytest.mark.parametrize("finish", ["error", "stop"])
def test_an_error_beside_the_message_is_tried_again(tmp_path: Path, finish: str) -> None:
    def answer(number: int, body: Json) -> str | Json:
        if number > 1:
            return zeros(number, body)
        made = chat_completion("half an ans", body)
        error = {"code": 502, "message": "Provider returned error"}
        made["choices"][0] |= {"finish_reason": finish, "error": error}
        return made

    done = run(tmp_path, 2, answer)
    assert done.returncode == 0, done.stderr
    assert board(tmp_path / "run")[0]["unparsable"] == 0
    assert faults(tmp_path) == ["server: the body says Provider returned error (502)"]


@pytest.mark.parametrize(
    "fault",
    [
        says(403, 'm requires moderation on Azure. Your input was flagged for "violence".'),
        says(400, "Content Exists Risk"),
        says(400, "Input data may contain inappropriate content.", "data_inspection_failed"),
    ],
)
def test_a_flagged_prompt_is_refused_alone_and_the_model_goes_on(
    tmp_path: Path, fault: Fault
) -> None:
    done = run(tmp_path, 4, lambda n, body: fault if n == 2 else zeros(n, body))
    assert done.returncode == 0, done.stderr
    [row] = board(tmp_path / "run")
    assert (row["n"], row["errors"], row["unparsable"]) == (4, 0, 1)
    assert "openai/m: 1 of 4 replies were refusals" in done.stdout


def test_an_empty_reply_without_usage_is_tried_again(tmp_path: Path) -> None:
    def answer(number: int, body: Json) -> str | Json:
        made = chat_completion("", body)
        del made["usage"]
        return made if number == 1 else zeros(number, body)

    done = run(tmp_path, 2, answer)
    assert done.returncode == 0, done.stderr
    assert [fault.partition(":")[0] for fault in faults(tmp_path)] == ["empty reply"]


def test_an_address_without_the_path_is_told_as_one(tmp_path: Path) -> None:
    done = run(tmp_path, 3, lambda *_: Fault(404, "404 page not found\n"))
    assert done.returncode == 2
    assert "openai/m: wrong address: 404 from" in done.stderr
    assert "is the base URL right? Most end in /v1" in done.stderr
    assert "no such model" not in done.stderr


def test_a_model_that_is_not_there_stops_whatever_the_status(tmp_path: Path) -> None:
    done = run(tmp_path, 9, lambda *_: says(400, "no m here", "model_not_found"))
    assert done.returncode == 2
    assert "openai/m: no such model: 400 from" in done.stderr
    assert len(faults(tmp_path)) == 1
