"""What a server refuses every time is noticed after three calls, and what mends it is told."""

from pathlib import Path

import msgspec
import pytest

from harness.calls.rejections import ALIKE, REMEDIES, advice, rejected
from harness.cli.wording import OPTIONS
from harness.models.base import ProviderFailure, Sampling
from tests.harness.helpers import answered, board, instances, makespan, rows, zeros
from tests.loopback import Fault, Json, Loopback, says

CHAT = "Unsupported parameter: 'max_tokens' is not supported with this model."


LIMITED = ("--max-output-tokens", "9")


def refused(detail: object) -> Fault:
    """A 422 as FastAPI gives it."""
    return Fault(422, msgspec.json.encode({"detail": detail}).decode())


REFUSALS: list[tuple[str, Fault, list[str], str]] = [
    (
        "max_tokens",
        says(400, f"{CHAT} Use 'max_completion_tokens' instead.", "unsupported_parameter"),
        ["--max-output-tokens", "9"],
        "--max-output-tokens-as: give max_completion_tokens",
    ),
    (
        "max_completion_tokens",
        refused([{"loc": ["body", "max_completion_tokens"], "msg": "Extra inputs not permitted"}]),
        ["--max-output-tokens", "9", "--max-output-tokens-as", "max_completion_tokens"],
        "--max-output-tokens-as: give max_tokens",
    ),
    (
        "temperature",
        says(400, "Unsupported value: 'temperature' does not support 0 with this model."),
        ["--temperature", "0"],
        "--temperature: leave it out",
    ),
    (
        "seed",
        refused([{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]),
        ["--model-seed", "3"],
        "--model-seed: leave it out",
    ),
    (
        "response_format",
        says(400, "Invalid parameter: 'response_format' of type 'json_schema' is not supported"),
        ["--structured"],
        "--structured: leave it out",
    ),
    (
        "reasoning_effort",
        says(400, "Unrecognized request argument supplied: reasoning_effort"),
        ["--reasoning-effort", "low"],
        "--reasoning-effort: leave it out",
    ),
    ("stream", says(400, "this model only supports stream mode"), [], "ask another one"),
    (
        "enable_thinking",
        says(400, "parameter.enable_thinking must be set to false for non-streaming calls"),
        [],
        '--extra-body: give {"enable_thinking": false}',
    ),
    (
        "top_k",
        says(400, "property 'top_k' is unsupported"),
        ["--extra-body", '{"top_k": 3}'],
        "--extra-body: leave it out",
    ),
    (
        "output limit",
        says(400, "max_tokens: 99 > 64, which is the maximum allowed number of output tokens"),
        ["--max-output-tokens", "99"],
        "--max-output-tokens: give less",
    ),
]


@pytest.mark.parametrize(
    ("fault", "words", "mend"), [each[1:] for each in REFUSALS], ids=[each[0] for each in REFUSALS]
)
def test_a_run_stops_and_says_what_mends_it(
    tmp_path: Path, fault: Fault, words: list[str], mend: str
) -> None:
    file, out = instances(tmp_path / "i.jsonl", 30), tmp_path / "run"
    with Loopback(lambda *_: fault) as server:
        how = ("--model", "openai/m", "--base-url", server.url, "--max-connections", "2")
        done = makespan("run", file, *how, *words, "--out", out)
        assert len(server.requests) <= ALIKE + 2  # those that were in flight
    assert done.returncode == 2
    line = done.stderr.strip().splitlines()[-1]
    assert "openai/m: rejected: 3 calls were refused alike" in line
    assert f"{mend}" in line
    assert "another run, in a folder of its own" in line
    assert "resume" not in done.stderr
    assert "`" not in line
    [row] = board(out)
    assert row["errors"] == row["n"]
    assert row["score"]["value"] is None
    assert row["retried"] == 0


@pytest.mark.parametrize(
    "fault",
    [
        says(400, "registry.example/gemma:latest does not support tools"),
        says(400, '"auto" tool choice requires --enable-auto-tool-choice to be set'),
        says(404, "No endpoints found that support tool use."),
    ],
)
def test_tools_that_a_server_does_not_take_can_be_asked_for_in_text(
    tmp_path: Path, fault: Fault
) -> None:
    with Loopback(lambda *_: fault) as server:
        how = ("--model", "openai/m", "--base-url", server.url, "--max-connections", "1")
        done = makespan(
            "run", "tools", "--level", "1", "--limit", "9", *how, "--out", tmp_path / "x"
        )
        assert len(server.requests) <= ALIKE + 1
    assert done.returncode == 2
    assert "--agent: give text-tools" in done.stderr


@pytest.mark.heavy
def test_the_other_name_of_the_limit_mends_it(tmp_path: Path) -> None:
    file = instances(tmp_path / "i.jsonl", 4)

    def answer(number: int, body: Json) -> str | Fault:
        return REFUSALS[0][1] if "max_tokens" in body else zeros(number, body)

    with Loopback(answer) as server:
        how = ("run", file, "--model", "openai/m", "--base-url", server.url, *LIMITED)
        assert makespan(*how, "--out", tmp_path / "a").returncode == 2
        new = ("--max-output-tokens-as", "max_completion_tokens")
        mended = makespan(*how, *new, "--out", tmp_path / "b")
        refused_folder = makespan(*how, *new, "--out", tmp_path / "a")
        assert server.requests[-1].body["max_completion_tokens"] == 9
    assert mended.returncode == 0, mended.stderr
    assert refused_folder.returncode == 2
    assert "max_tokens_as" in refused_folder.stderr
    assert board(tmp_path / "b")[0]["errors"] == 0


def test_numbers_and_names_of_requests_do_not_make_refusals_differ(tmp_path: Path) -> None:
    file = instances(tmp_path / "i.jsonl", 20)

    def answer(number: int, _body: Json) -> Fault:
        return says(400, f"cannot take it (request id: 2026{number}ab{number}, {number} tokens)")

    with Loopback(answer) as server:
        how = ("--model", "openai/m", "--base-url", server.url, "--max-connections", "1")
        done = makespan("run", file, *how, "--out", tmp_path / "run")
        assert len(server.requests) <= ALIKE + 1
    assert done.returncode == 2


def test_an_answer_between_them_shows_that_not_all_is_refused(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 24), tmp_path / "run"

    def answer(number: int, body: Json) -> str | Fault:
        return zeros(number, body) if number % 3 == 0 else says(400, "this one not")

    with Loopback(answer) as server:
        how = ("--model", "openai/m", "--base-url", server.url, "--max-connections", "1")
        done = makespan("run", file, *how, "--out", out)
        assert len(server.requests) == 24
    assert done.returncode == 1
    assert len(answered(out)) == 8
    assert "16 episodes ended in errors: makespan resume" in done.stderr
    assert board(out)[0]["retried"] == 0


def test_refusals_that_differ_are_not_one(tmp_path: Path) -> None:
    file, words = (
        instances(tmp_path / "i.jsonl", 9),
        iter(["one", "two", "three", "four", "five"] * 2),
    )
    with Loopback(lambda *_: says(400, f"not {next(words)}")) as server:
        how = ("--model", "openai/m", "--base-url", server.url, "--max-connections", "1")
        done = makespan("run", file, *how, "--out", tmp_path / "run")
        assert len(server.requests) == 9
    assert done.returncode == 1


def test_one_model_that_is_refused_leaves_the_others_alone(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 12), tmp_path / "run"

    def answer(number: int, body: Json) -> str | Fault:
        bad = body["model"] == "old"
        return says(400, "no 'seed' here") if bad else zeros(number, body)

    with Loopback(answer) as server:
        models = ("--model", "openai/old", "--model", "openai/new", "--base-url", server.url)
        done = makespan("run", file, *models, "--model-seed", "1", "--out", out)
    assert done.returncode == 2
    assert "openai/old: rejected" in done.stderr
    assert "openai/new" not in done.stderr
    assert len(answered(out)) == 12


def test_a_limit_of_output_above_the_context_is_no_zero(tmp_path: Path) -> None:
    """Where only some prompts leave too little room, the others are answered."""
    file, out = instances(tmp_path / "i.jsonl", 8), tmp_path / "run"
    says_why = (
        "'max_tokens' is too large: 8000. This model's maximum context length is 4096 tokens and"
        " your request has 310 input tokens (8000 > 4096 - 310)."
    )

    def answer(number: int, body: Json) -> str | Fault:
        return zeros(number, body) if number % 2 else says(400, says_why)

    with Loopback(answer) as server:
        how = ("--model", "openai/m", "--base-url", server.url, "--max-connections", "1")
        done = makespan("run", file, *how, "--max-output-tokens", "8000", "--out", out)
    assert done.returncode == 1
    [row] = board(out)
    assert (row["n"], row["errors"], row["unparsable"]) == (8, 4, 0)
    kinds = rows(out, "select distinct json_extract(record, '$.problem.kind') from records")
    assert ("output limit",) in kinds


def test_the_remedies_name_parameters_that_the_command_line_knows() -> None:
    assert {remedy.parameter for remedy in REMEDIES} - {""} <= set(OPTIONS)


@pytest.mark.parametrize(
    "said",
    [
        "the input exceeds what we take",  # no seed in it
        "upstream connect error",
        "messages.1.content: Field required",
        "the stool is broken",
    ],
)
def test_a_refusal_without_a_parameter_has_no_remedy(said: str) -> None:
    failure = ProviderFailure("bad request", f"400 from http://h/v1: {said}", status=400)
    assert advice(failure, Sampling(temperature=0.0, seed=1)) is None
    assert str(rejected(failure, Sampling())).endswith(said)


def test_a_servers_own_backquotes_are_no_parameters() -> None:
    failure = ProviderFailure("bad request", "400: `seed` is not known", status=400)
    assert "'seed' is not known; `sampling.seed`: " in str(rejected(failure, Sampling()))
