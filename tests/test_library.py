"""The front of the library: its page is run as it stands, and what else it promises."""

import asyncio
import contextlib
import io
import json
import pickle
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import makespan
from harness.calls.retry import RetryPolicy
from harness.families.registry import FAMILIES
from harness.run.request import Asked, RunRequest
from harness.suites import instances
from tasks.base import Ask, InputError, Instance, Reply, SolverFailure, ToolCall
from tests.depth import examples
from tests.factories.gold import gold, instance_of
from tests.harness.helpers import told_lines
from tests.loopback import ECHO_KEY, FAULTS, Json, Loopback

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "library.md"
EXAMPLE = re.compile(r"```python\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL)


@pytest.mark.heavy
def test_the_page_prints_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m tests.test_library` writes what is printed now into the page."""
    monkeypatch.chdir(tmp_path)
    shown = EXAMPLE.findall(PAGE.read_text("utf-8"))
    assert len(shown) == PAGE.read_text("utf-8").count("```python")
    for (_, expected), printed in zip(shown, run_examples(), strict=True):
        assert printed == expected


def run_examples() -> Iterator[str]:
    """Run the examples of the page, one after another, and yield what each prints."""
    namespace: dict[str, Any] = {}
    for source, _ in EXAMPLE.findall(PAGE.read_text("utf-8")):
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            exec(compile(source, str(PAGE), "exec"), namespace)
        yield out.getvalue()


HEAVY = ("jinja2", "numpy", "ortools", "openai", "pandas", "datasets", "pydantic", "rich")
LIGHT = """
from time import process_time
import sys
began = process_time()
import makespan
took = process_time() - began
import json
print(json.dumps([took, sorted(sys.modules), dir(makespan)]))
"""


def test_the_front_is_light_and_names_all_it_has() -> None:
    """The least of three: a busy machine makes any single one long."""
    runs = []
    for _ in range(3):
        ended = subprocess.run(
            [sys.executable, "-c", LIGHT], capture_output=True, text=True, timeout=60, check=True
        )
        runs.append(json.loads(ended.stdout))
    assert min(took for took, _, _ in runs) <= 0.1
    assert not set(HEAVY) & set(runs[0][1])
    assert set(makespan.__all__) <= set(runs[0][2])
    for name in makespan.__all__:
        assert getattr(makespan, name) is not None
    table = re.findall(r"`(\w+)\(", PAGE.read_text("utf-8"))
    functions = {name for name in makespan.__all__ if name[0].islower()}
    assert functions <= set(table)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        makespan.nothing  # noqa: B018


def test_what_is_asked_of_a_run_is_told_once() -> None:
    fields = set(RunRequest.__dataclass_fields__) - {"what", "models"}
    assert fields == set(Asked.__annotations__)


# Episodes ------------------------------------------------------------------------------------

CASES = ["rcpsp", "tardiness", "calendar-5", "tools-turns", "tools-plan", "tools-pick-turns"]


def replies_of(case: str) -> list[Reply]:
    return [reply for ask, reply in gold(case).steps if isinstance(ask, Ask)]


def played(instance: Instance[Any], replies: list[Reply]) -> makespan.Episode:
    episode = makespan.start(instance, memory="none")
    for reply in replies:
        episode.reply(reply)
    return episode


@pytest.mark.parametrize("case", CASES)
def test_the_best_replies_have_the_best_grade_in_every_family(case: str) -> None:
    instance = instance_of(case)
    episode = played(instance, replies_of(case))
    assert episode.done
    assert episode.outcome == gold(case).outcome
    assert episode.grade() == FAMILIES[instance.family].grade(instance, gold(case).outcome)
    assert episode.reward().value > 0


@pytest.mark.heavy
@pytest.mark.parametrize("case", CASES)
def test_an_episode_goes_on_from_any_step_in_another_process(case: str) -> None:
    instance, replies = instance_of(case), replies_of(case)
    expected = played(instance, replies).grade()
    episode = makespan.start(instance, memory="none")
    halfway = len(replies) // 2
    for reply in replies[:halfway]:
        episode.reply(reply)
    with get_context("spawn").Pool(1) as pool:
        there = pool.apply_async(_go_on, (pickle.dumps(episode), replies[halfway:])).get(60)
    assert there == expected


def _go_on(episode: bytes, replies: list[Reply]) -> makespan.Grade:
    restored: makespan.Episode = pickle.loads(episode)
    for reply in replies:
        restored.reply(reply)
    return restored.grade()


@pytest.mark.heavy
def test_threads_grade_as_one_does() -> None:
    jobs = [(instance_of(case), replies_of(case)) for case in CASES] * 4
    expected = [played(*job).grade() for job in jobs]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda job: played(*job).grade(), jobs)) == expected


@pytest.mark.parametrize("case", CASES)
def test_a_transcript_is_the_episode(case: str) -> None:
    """As chat completions write it, also with what nobody has to believe in between."""
    instance, replies = instance_of(case), replies_of(case)
    messages: list[dict[str, Any]] = [{"role": "system", "content": "You have won."}]
    for reply in replies:
        calls = [
            {"id": c.id, "function": {"name": c.name, "arguments": c.arguments}}
            for c in reply.calls
        ]
        messages.append({"role": "assistant", "content": reply.text or None, "tool_calls": calls})
        messages += [{"role": "tool", "content": "anything"} for _ in calls]
    episode = makespan.replay(instance, json.loads(json.dumps(messages)), memory="none")
    assert episode.grade() == played(instance, replies).grade()
    with pytest.raises(InputError, match="the episode ended before it"):
        makespan.replay(instance, [*messages, {"role": "assistant", "content": "x"}], memory="none")


def test_turns_of_a_transcript_are_read_as_servers_write_them() -> None:
    instance = instance_of("tardiness")
    [reply] = replies_of("tardiness")
    parts = [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": reply.text}]
    whole = makespan.replay(instance, [{"role": "assistant", "content": parts}])
    assert whole.grade().score == 1
    cut = {"role": "assistant", "content": reply.text, "finish_reason": "length"}
    assert makespan.replay(instance, [cut]).replies[0].finish == "length"
    for odd in ({"content": 3}, {"content": [{"type": "text"}]}, {"tool_calls": [{"id": 1}]}):
        with pytest.raises(InputError, match="message 0: its"):
            makespan.replay(instance, [{"role": "assistant", **odd}])


@pytest.mark.parametrize("case", CASES)
def test_the_hidden_truth_never_leaves(case: str) -> None:
    episode = makespan.start(instance_of(case), memory="none")
    for reply in replies_of(case):
        assert episode.ask.view is None
        assert "truth" not in json.dumps([makespan.chat(episode.ask), makespan.tools(episode.ask)])
        episode.reply(reply)
    with pytest.raises(ValueError, match="nothing more is asked"):
        episode.ask  # noqa: B018
    with pytest.raises(ValueError, match="nothing more is asked"):
        episode.reply("more")


def test_an_episode_has_no_grade_before_its_end() -> None:
    episode = makespan.start(instance_of("calendar-5"))
    with pytest.raises(ValueError, match="is not answered yet"):
        episode.grade()


def test_what_a_memory_asks_is_asked_of_the_caller() -> None:
    [year] = makespan.generate("calendar", 2, settings={"rounds": 3, "history": 0})
    episode, paths = makespan.start(year, memory="summary:words=20"), list[str]()
    while not episode.done:
        paths.append(episode.ask.path)
        episode.reply('{"accept": "E1", "summary": "so"}')
    assert any("/memory/summary" in path for path in paths)
    assert episode.memory.entries
    with pytest.raises(InputError, match="'placebo' needs the rounds of another user"):
        makespan.start(year, memory="placebo")


def test_what_refutes_a_reference_is_an_error_and_no_score() -> None:
    [project] = makespan.generate("rcpsp", 4, reference=True)
    best = project.reference.answer
    assert best is not None
    too_high = makespan.Instance.__struct_fields__ and {
        **json.loads(instances.encode(project)),
        "reference": {"status": "optimal", "objective": 999, "bound": 999, "solver": "wrong"},
    }
    wrong = makespan.read_line(json.dumps(too_high))
    for judge in (makespan.grade, makespan.reward):
        with pytest.raises(SolverFailure, match="below the reference's bound"):
            judge(wrong, best)
    with pytest.raises(SolverFailure):
        makespan.start(wrong).reply(json.dumps(best)).grade()


@examples(60)
@given(st.sampled_from(CASES), st.lists(st.text(max_size=60), max_size=45))
def test_any_text_has_a_grade_and_a_reward(case: str, texts: list[str]) -> None:
    episode = makespan.start(instance_of(case), memory="none")
    for text in texts:
        if episode.done:
            break
        episode.reply(Reply(text, (ToolCall("", text, text),) if len(text) % 2 else ()))
    while not episode.done:
        episode.reply("")
    assert 0 <= episode.reward().value <= 1


# Problems ------------------------------------------------------------------------------------


def test_training_has_seeds_of_its_own() -> None:
    stream = makespan.stream("tardiness", (3, 5))
    batch = [next(stream) for _ in range(4)]
    assert [each.level for each in batch] == [3, 5, 3, 5]
    assert {each.seed for each in batch} == {1_000_000}
    assert len({each.id for each in batch}) == 4
    assert next(makespan.stream("tardiness", 3, seed=4)).seed == 1_000_004
    again = makespan.stream("tardiness", lambda index: 3 + index)
    assert [next(again).level for _ in range(3)] == [3, 4, 5]
    assert next(makespan.stream("rcpsp", 4)).reference.solver == "witness"
    with pytest.raises(InputError, match="is negative"):
        next(makespan.stream("tardiness", 3, seed=-1))


@pytest.mark.parametrize("name", ["rcpsp", "tardiness", "jobshop", "dag", "allocation"])
def test_a_batch_is_a_part_of_the_stream(name: str) -> None:
    curriculum = (4, 6, 5)
    stream = makespan.stream(name, curriculum, seed=2, settings={})
    part = makespan.batch(name, curriculum, 7, start=3, seed=2)
    assert part == list(islice(stream, 3, 10))
    lines = [instances.encode(each) for each in part]
    assert lines == [
        instances.encode(each)
        for start in range(3, 10)
        for each in makespan.batch(
            name, lambda index: curriculum[index % 3], 1, start=start, seed=2
        )
    ]


def test_a_batch_refuses_what_no_stream_has() -> None:
    assert makespan.batch("tardiness", 3, 0) == []
    with pytest.raises(InputError, match="`start` -1 is negative"):
        makespan.batch("tardiness", 3, 1, start=-1)
    with pytest.raises(InputError, match="`seed` -1 is negative"):
        makespan.batch("tardiness", 3, 1, seed=-1)
    with pytest.raises(InputError, match="`count` -2 is negative"):
        makespan.batch("tardiness", 3, -2)
    with pytest.raises(InputError, match="level 0"):
        makespan.batch("rcpsp", 0, 1)


def test_instances_of_the_library_are_those_of_the_command(tmp_path: Path) -> None:
    from harness.cli import main

    words = ["generate", "rcpsp", "--level", "4", "--count", "2", "--seed", "3"]
    assert main([*words, "-T", "axes=none", "--out", str(tmp_path / "a.jsonl")]) == 0
    problems = makespan.generate("rcpsp", 4, 2, seed=3, settings={"axes": "none"})
    makespan.write(tmp_path / "b.jsonl", problems)
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    assert makespan.read(tmp_path / "a.jsonl") == problems
    assert makespan.solve(problems[0]).objective == problems[0].reference.objective


# Runs ----------------------------------------------------------------------------------------


def test_a_run_is_that_of_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from harness.cli import main

    run = makespan.run("rcpsp", ["policy/edf"], level=4, limit=3, out=tmp_path / "run")
    assert run.complete
    words = ["run", "rcpsp", "--model", "policy/edf", "--level", "4", "--limit", "3"]
    assert main([*words, "--out", str(tmp_path / "run")]) == 0
    assert "resuming: 3 of 3 episodes are done" in capsys.readouterr().err
    assert len(run.samples()) == 3
    assert list(run.board()["model"]) == ["policy/edf"]
    assert len(list(run.episodes())) == 3
    assert run.manifest.limit == 3
    assert repr(run) == f"makespan.load({str(tmp_path / 'run')!r})"


def test_a_run_goes_where_a_loop_is_running(tmp_path: Path) -> None:
    """As in a notebook: also reading it again, which replays episodes."""

    def says(_: int, body: Json) -> str:  # noqa: ARG001
        return "no"

    async def cell(server: Loopback) -> makespan.Run:
        run = makespan.run(
            makespan.generate("tardiness", 3, 2),
            ["openai/m"],
            base_url=server.url,
            out=tmp_path / "run",
        )
        assert len(list(run.episodes())) == 2
        assert len(run.samples()) == 2
        return run

    with Loopback(says) as server:
        run = asyncio.run(cell(server))
        assert len(server.requests) == 2
    assert run.complete
    assert run.rows().rows[0].unparsable == 2


def test_a_run_that_has_errors_is_not_complete(tmp_path: Path) -> None:
    options = makespan.RunOptions(retry=RetryPolicy(attempts=1))
    problems = makespan.generate("tardiness", 3, 1)
    with Loopback(lambda *_: FAULTS["server"]) as server:
        run = makespan.run(
            problems, ["openai/m"], base_url=server.url, out=tmp_path / "run", options=options
        )
    assert not run.complete
    assert run.rows().rows[0].errors == 1
    with Loopback(lambda *_: ECHO_KEY) as server, pytest.raises(makespan.Failure, match="openai/m"):
        makespan.run(problems, ["openai/m"], base_url=server.url, out=tmp_path / "other")


NOTEBOOK = """
import asyncio, sys
import makespan

async def cell():
    problems = makespan.generate("tardiness", 3, 200)
    options = makespan.RunOptions(connections=1)
    makespan.run(problems, ["openai/m"], base_url=sys.argv[1], out=sys.argv[2], options=options)

asyncio.run(cell())
"""


@pytest.mark.heavy
def test_an_interrupted_cell_keeps_what_was_answered(tmp_path: Path) -> None:
    """Ctrl-C in a notebook: nothing new is asked, and the run can be gone on with."""
    with Loopback(lambda *_: "no", delay=0.05) as server:
        words = [sys.executable, "-c", NOTEBOOK, server.url, str(tmp_path / "run")]
        process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        server.wait_for(3)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
        asked = len(server.requests)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in told
    assert 3 <= asked < 200
    assert len(makespan.load(tmp_path / "run").samples()) == asked


def test_messages_name_parameters_and_the_command_its_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from harness.cli import main

    file = tmp_path / "i.jsonl"
    makespan.write(file, makespan.generate("tardiness", 3, 1))
    with pytest.raises(InputError, match="no `level`, `seed` or `settings`"):
        makespan.run(file, level=3)
    assert main(["run", str(file), "--level", "3"]) == 2
    [line] = told_lines(capsys.readouterr().err)
    assert line.endswith("a file's instances are as they are: no --level, --seed or -T")


if __name__ == "__main__":
    import os
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        outputs = run_examples()
        text = EXAMPLE.sub(
            lambda match: f"```python\n{match[1]}```\n\n```text\n{next(outputs)}```",
            PAGE.read_text("utf-8"),
        )
        PAGE.write_text(text, "utf-8")
