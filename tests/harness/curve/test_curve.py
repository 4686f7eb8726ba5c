"""A ladder of limits with a model of known skill: what it needs is what the curve says."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.factories.contexts import (
    NEEDED,
    SAVED,
    SLEPT,
    Sleeper,
    context,
    project_digest,
    right_answers,
)
from tests.harness.helpers import command, makespan
from tests.loopback import Loopback

CONTEXTS, QUESTIONS = 5, len(NEEDED)
LIMITS = (10, 50, 200)  # the most of the model needs 40 with notes, and 200 without
WORDS = ("contexts", "--level", 1, "-T", f"questions={QUESTIONS}", "--limit", CONTEXTS)


@pytest.fixture(scope="module")
def ladder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Sleeper, str]:
    """What `makespan curve` comes to, who answered, and the tables of the same command again."""
    out = tmp_path_factory.mktemp("ladder") / "out"
    model = Sleeper([context(k) for k in range(CONTEXTS)])
    with Loopback(model) as server:
        limits, way = ",".join(map(str, LIMITS)), ("--model", "openai/skilled")
        words = ("curve", *WORDS, *way, "--base-url", server.url, "--out", out, "--limits", limits)
        done = makespan(*words, "--json", OPENAI_API_KEY="none")
        assert done.returncode == 0, done.stderr
        asked, written = len(server.requests), (out / "curve.json").read_text()
        again = makespan(*words, "--no-placebo", OPENAI_API_KEY="none")
        assert again.returncode == 0, again.stderr
        assert len(server.requests) == asked  # nothing is asked twice
    result = json.loads(done.stdout)
    assert json.loads(written) == result
    return result, model, again.stdout


def point(result: Any, arm: str, limit: int) -> Any:
    """One way at one limit."""
    [each] = [p for p in result["points"] if (p["arm"], p["limit"]) == (arm, limit)]
    return each


def equal(result: Any, arm: str, axis: str) -> list[Any]:
    """What two ways need for equal accuracy."""
    [each] = [e for e in result["equal"] if (e["arm"], e["axis"]) == (arm, axis)]
    at: list[Any] = each["at"]
    return at


@pytest.mark.heavy
def test_accuracy_and_tokens_are_those_of_the_model(ladder: tuple[Any, Sleeper, str]) -> None:
    result, _, _ = ladder
    for arm, saved in (("plain", 1), ("sleep", SAVED), ("placebo", 1)):
        needs = [tokens // saved for tokens in NEEDED]
        for limit in LIMITS:
            each = point(result, arm, limit)
            right = sum(need <= limit for need in needs) / QUESTIONS
            assert each["accuracy"]["value"] == pytest.approx(right)
            spent = sum(min(need, limit) for need in needs) / QUESTIONS
            assert each["test"] == pytest.approx(spent, abs=0.001)
            slept = 0 if arm == "plain" else SLEPT / QUESTIONS
            assert each["sleep"] == pytest.approx(slept)
            assert each["recall"] == 0
            assert each["cost"] == pytest.approx(spent + slept / 10, abs=0.001)
            assert each["all"] > spent + slept + 100  # the project is read each time


@pytest.mark.heavy
def test_equal_accuracy_takes_as_many_times_fewer_tokens_as_the_model_saves(
    ladder: tuple[Any, Sleeper, str],
) -> None:
    result, _, _ = ladder
    accuracies = [each["accuracy"] for each in equal(result, "sleep", "waited")]
    assert accuracies == pytest.approx([1 / 2, 2 / 3, 5 / 6])  # from 1/3 of the first rung to 1
    for each in equal(result, "sleep", "waited"):
        assert each["ratio"]["value"] == pytest.approx(SAVED)
        assert each["ratio"]["low"] == each["ratio"]["high"] == pytest.approx(SAVED)
    for each in equal(result, "placebo", "waited"):
        assert each["ratio"]["value"] == pytest.approx(1)
    for each in equal(result, "placebo", "cost"):
        assert each["ratio"]["value"] < 1  # sleep that helps nothing is paid all the same
    for waited, paid, every in zip(
        *(equal(result, "sleep", axis) for axis in ("waited", "cost", "all")), strict=True
    ):
        assert paid["aided"] == pytest.approx(waited["aided"] + SLEPT / QUESTIONS / 10)
        assert every["ratio"]["value"] < paid["ratio"]["value"] < waited["ratio"]["value"]


@pytest.mark.heavy
def test_a_context_is_slept_on_once_and_by_the_placebo_on_the_neighbour(
    ladder: tuple[Any, Sleeper, str],
) -> None:
    _, model, _ = ladder
    own = [project_digest(next(iter(right_answers(context(k))))) for k in range(CONTEXTS)]
    assert len(model.slept) == 2 * CONTEXTS  # not once a rung
    assert sorted(model.slept[:CONTEXTS]) == sorted(own)
    assert sorted(model.slept[CONTEXTS:]) == sorted([own[1], *own[:-1]])
    assert model.asked == 3 * len(LIMITS) * CONTEXTS * QUESTIONS


@pytest.mark.heavy
def test_the_tables_say_what_was_counted(ladder: tuple[Any, Sleeper, str]) -> None:
    _, _, text = ladder
    assert "equal accuracy, plain and sleep" in text
    assert "placebo" not in text
    assert "5.00 (5.00 to 5.00)" in text
    assert "5 contexts of 3 questions" in text
    assert "10 tokens of sleep count as one that somebody waits for" in " ".join(text.split())


@pytest.mark.heavy
def test_killed_and_said_again_it_asks_only_what_has_no_answer(
    ladder: tuple[Any, Sleeper, str], tmp_path: Path
) -> None:
    result, whole, _ = ladder
    model = Sleeper([context(k) for k in range(CONTEXTS)])
    words = ["curve", *map(str, WORDS), "--model", "openai/skilled", "--out", str(tmp_path / "out")]
    words += ["--limits", ",".join(map(str, LIMITS)), "--max-connections", "1", "--json"]
    asked = len(whole.slept) + whole.asked
    with Loopback(model, delay=0.01) as server:
        words += ["--base-url", server.url]
        process = subprocess.Popen(
            command(*words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        server.wait_for(asked // 2)
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=60)
        done = makespan(*words)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == result
    # one was under way when it was killed, and one may have been answered but not yet written
    assert asked <= len(server.requests) <= asked + 2


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--limits", "64"), "limits 64: a ladder has at least 2"),
        (("--limits", "64,32"), "each larger than the one before"),
        (("--limits", "64,many"), "'many' is not a whole number"),
        (("--price-ratio", "0"), "--price-ratio"),
        (("--memory", "facts"), "memory 'facts': a curve is of `sleep-time`"),
        (("--memory", "sleep-time:facts,placebo=true"), "the placebo stands beside"),
        (("--memory", "sleep-time:nothing"), "unknown memory 'nothing'"),
        (("--max-output-tokens", "9"), "no --max-output-tokens"),
        (("--model", "policy/oracle"), "a curve is of a model"),
        (("--limit", "1"), "a placebo sleeps on another context: a larger --limit"),
    ],
)
def test_wrong_input_is_one_line(tmp_path: Path, words: tuple[str, str], why: str) -> None:
    model = () if "--model" in words else ("--model", "openai/x")
    done = makespan("curve", *WORDS, *model, "--out", tmp_path / "out", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert why in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_family_without_rounds_has_no_curve(tmp_path: Path) -> None:
    done = makespan("curve", "temporal", "--model", "openai/x", "--out", tmp_path / "out")
    assert (done.returncode, done.stdout) == (2, "")
    assert "a curve needs a family with rounds: temporal has none" in done.stderr
