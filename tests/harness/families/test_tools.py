"""Tool tasks end to end: providers' own calls and text, regrade, files of answers, timelines."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.report.timeline_text import drawing
from harness.store.journal import read_outcome
from harness.suites.instances import encode
from tasks.base import Called, Outcome, Parsed, ToolCall, ToolResult
from tests.factories.errands import gold, solved
from tests.harness.helpers import board, makespan, rows
from tests.loopback import Json, Loopback


def turn(number: int, values: list[str]) -> list[tuple[str, Json]]:
    """What a good agent calls in a turn of the small task, by what it has heard."""
    if number == 0:
        return [("find", {"p0": "Ann Lee"}), ("find", {"p0": "Bo Dahl"})]
    if number == 1:
        return [("boss", {"p0": values[0]}), ("fire", {"p0": values[1]})]
    return [("pair", {"p0": values[1], "p1": values[2]})] if number == 2 else []


def openai(body: Json) -> Any:
    """The agent as a chat completion with tool calls."""
    told = [json.loads(m["content"]) for m in body["messages"] if m["role"] == "tool"]
    number = sum(m["role"] == "assistant" for m in body["messages"])
    values = [next(iter(one.values())) for one in told]
    assert len({t["function"]["name"] for t in body["tools"]}) == 5
    calls = [
        {
            "id": f"c{number}{k}",
            "type": "function",
            "function": {"name": name, "arguments": json.dumps(arguments)},
        }
        for k, (name, arguments) in enumerate(turn(number, values))
    ]
    said = {"role": "assistant", "content": None if calls else answer(values)}
    choice = {
        "index": 0,
        "message": said | ({"tool_calls": calls} if calls else {}),
        "finish_reason": "tool_calls" if calls else "stop",
    }
    usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [choice],
        "usage": usage,
    }


def anthropic(body: Json) -> Any:
    """The agent as an anthropic message with blocks."""
    told = [
        block
        for m in body["messages"]
        if m["role"] == "user" and isinstance(m["content"], list)
        for block in m["content"]
        if block["type"] == "tool_result"
    ]
    number = sum(m["role"] == "assistant" for m in body["messages"])
    values = [next(iter(json.loads(block["content"]).values())) for block in told]
    assert [tool["input_schema"]["type"] for tool in body["tools"]] == ["object"] * 5
    blocks: list[Json] = [
        {"type": "tool_use", "id": f"c{number}{k}", "name": name, "input": arguments}
        for k, (name, arguments) in enumerate(turn(number, values))
    ]
    stop = "tool_use" if blocks else "end_turn"
    blocks = blocks or [{"type": "text", "text": answer(values)}]
    return {
        "id": "1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": blocks,
        "stop_reason": stop,
        "usage": {"input_tokens": 10, "output_tokens": 2},
    }


def text(body: Json) -> Any:
    """The agent as one that only writes text."""
    assert "tools" not in body
    heard = [m["content"] for m in body["messages"] if m["content"].startswith("Results of")]
    lines = [line.partition(". ")[2] for part in heard for line in part.splitlines()[1:]]
    values = [next(iter(json.loads(line).values())) for line in lines]
    number = sum(m["role"] == "assistant" for m in body["messages"])
    calls = [{"tool": name, "arguments": a} for name, a in turn(number, values)]
    return "I call: " + json.dumps({"calls": calls}) if calls else answer(values)


def answer(values: list[str]) -> str:
    return json.dumps({"answer": {"pair": values[-1]}})


def saved(path: Path, *instances: Any) -> Path:
    path.write_bytes(b"".join(encode(one) + b"\n" for one in instances))
    return path


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("speak", "words"),
    [
        (openai, ["--model", "openai/m"]),
        (anthropic, ["--model", "anthropic/m"]),
        (text, ["--model", "openai/m", "--agent", "text-tools"]),
    ],
    ids=["openai", "anthropic", "text-tools"],
)
def test_a_models_calls_reach_the_tools_and_come_back(
    speak: Callable[[Json], Any], words: list[str], tmp_path: Path
) -> None:
    file, out = saved(tmp_path / "i.jsonl", solved()), tmp_path / "run"
    with Loopback(lambda _, body: speak(body)) as server:
        url = server.url if "openai/m" in words else server.root
        done = makespan("run", file, *words, "--base-url", url, "--out", out)
        assert len(server.requests) == 4
    assert done.returncode == 0, done.stderr
    [row] = board(out)
    assert row["score"]["value"] == pytest.approx(24 / 27)
    assert row["metrics"]["turns"]["value"] == 3
    assert row["metrics"]["dependency"]["value"] == 0
    assert row["tokens"] > 0
    assert makespan("regrade", out).stdout == "changed 0 of 1\n"
    assert [path for (path,) in rows(out, "select path from attempts order by path")] == [
        "turn-001",
        "turn-002",
        "turn-003",
        "turn-004",
    ]  # tools are in no journal


def test_a_run_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    file, out = saved(tmp_path / "i.jsonl", solved()), tmp_path / "run"
    how = ["run", file, "--model", "openai/m", "--out", out, "--max-attempts", "1"]

    def breaking(number: int, body: Json) -> Any:
        return openai(body) if number != 3 else {"error": {"message": "down"}}

    with Loopback(breaking) as server:
        assert makespan(*how, "--base-url", server.url).returncode == 1
        assert len(server.requests) == 3
        again = makespan("resume", out)
        assert again.returncode == 0, again.stderr
        assert len(server.requests) == 5  # two turns from the journal, their calls made again
    [row] = board(out)
    assert row["score"]["value"] == pytest.approx(24 / 27)


@pytest.mark.parametrize("track", ["reactive", "plan"])
def test_every_policy_on_the_command_line(track: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = makespan(
        "run", "tools", "--level", "5", "--limit", "3", "-T", f"track={track}", "--out", out
    )
    assert done.returncode == 0, done.stderr
    scores = {row["model"]: row["score"]["value"] for row in board(out)}
    assert len(scores) == 7
    assert scores["policy/optimal"] == 1.0
    assert scores["policy/do-nothing"] == 0.0
    assert makespan("regrade", out).stdout == "changed 0 of 21\n"
    assert "ratio barrier" in done.stdout


def test_solved_answers_are_gold_and_files_are_graded(tmp_path: Path) -> None:
    made = [solved(), solved("plan")]
    made = [
        type(one)(f"x{k}", *[getattr(one, f) for f in one.__struct_fields__[1:]])
        for k, one in enumerate(made)
    ]
    file = saved(tmp_path / "i.jsonl", *made)
    lines = makespan("solve", file).stdout.splitlines()
    assert [json.loads(line)["objective"] for line in lines] == [24, 17]
    answers = tmp_path / "a.jsonl"
    found = [json.loads(line) for line in lines]
    written = [json.dumps({"id": one["id"], "answer": one["answer"]}) for one in found]
    answers.write_text("\n".join(written))
    graded = [json.loads(x) for x in makespan("grade", file, answers).stdout.splitlines()]
    assert [one["score"] for one in graded] == [1.0, 1.0]
    answers.write_text('{"id": "x0", "text": "none"}\n{"id": "x1", "answer": {"calls": []}}')
    graded = [json.loads(x) for x in makespan("grade", file, answers).stdout.splitlines()]
    assert [one["verdict"] for one in graded] == ["unparsable", "unparsable"]  # no answer in it
    empty: dict[str, Any] = {"calls": [], "answer": {}}
    answers.write_text('{"id": "x0", "text": "none"}\n' + json.dumps({"id": "x1", "answer": empty}))
    graded = [json.loads(x) for x in makespan("grade", file, answers).stdout.splitlines()]
    assert [one["verdict"] for one in graded] == ["unparsable", "infeasible"]


# Timelines -----------------------------------------------------------------------------------


def test_a_timeline_shows_calls_beside_the_optimal_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    file, out = saved(tmp_path / "i.jsonl", solved()), str(tmp_path / "run")
    models = ["--model", "policy/all-ready", "--model", "policy/do-nothing"]
    assert main(["run", str(file), *models, "--out", out]) == 0
    capsys.readouterr()
    assert main(["timeline", out, "--id", "x"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("x, reactive: = needed")
    assert "policy/all-ready: time 27, 100 % complete, score 0.889" in shown
    assert "policy/do-nothing: time 0, 0 % complete, score 0.000" in shown
    assert "reference, the barrier optimum: barrier 24 (optimal); free 17 (optimal)" in shown
    bars = [line for line in shown if "|" in line]
    assert len(bars) == 10
    assert all(len(line) <= 80 for line in bars)
    first = bars[0]
    assert first.startswith("  1 find ann lee")
    assert first.endswith("| 2-5")
    assert first.partition("|")[2].lstrip().startswith("==")
    assert main(["timeline", out, "--id", "x", "--model", "policy/all-ready"]) == 0
    assert "do-nothing" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--id", "y"], "has no instance 'y'"),
        (["--id", "x", "--model", "policy/edd"], "has no model 'policy/edd': policy/all-ready"),
    ],
)
def test_a_timeline_of_what_is_not_there(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = saved(tmp_path / "i.jsonl", solved()), str(tmp_path / "run")
    assert main(["run", str(file), "--model", "policy/all-ready", "--out", out]) == 0
    assert main(["timeline", out, *words]) == 2
    assert message in capsys.readouterr().err
    assert main(["timeline", out, "--id", "x", "--epoch", "3"]) == 1
    assert "no episode 3 of x is finished" in capsys.readouterr().out


def test_a_timeline_is_of_tool_tasks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "run")
    how = ["--level", "3", "--limit", "1", "--model", "policy/edd", "--out", out]
    assert main(["run", "tardiness", *how]) == 0
    [name] = [json.loads(x)["id"] for x in Path(out, "instances.jsonl").read_text().splitlines()]
    assert main(["timeline", out, "--id", name]) == 2
    assert "which has no tools" in capsys.readouterr().err
    assert read_outcome(Path(out), "nobody") is None


def test_a_timeline_has_no_control_characters_of_a_model() -> None:
    call = ToolCall("", "find\x1b[2J", '{"p0": "a\\r\\u001b[31mb"}')
    made = (Called(1, call, ToolResult("error", "refused", 2, 3)),)
    outcome = Outcome((Parsed(value={"answer": {}, "problems": []}),), made)
    shown = list(drawing(solved(), {"m": outcome}, 80))
    assert any("find [2J a  [31mb" in line for line in shown)
    assert all(line.isprintable() for line in shown)


def test_gold_is_a_script_that_a_timeline_can_show() -> None:
    assert set(gold(solved())) == {"turns", "answer", "optima"}
    assert set(gold(solved("plan"))) == {"calls", "answer", "optima"}
