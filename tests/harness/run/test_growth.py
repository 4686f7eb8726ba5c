"""A run folder grows by models, epochs and instances; what it has is asked nobody again."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.export.rows import PublishedRun
from harness.store.folder import Folder
from tests.depth import examples
from tests.harness.helpers import board, command, instances, makespan, rows
from tests.loopback import Loopback
from tests.scripted import answer

A, B, FLOOR = (("--model", name) for name in ("openai/a", "openai/b", "policy/edf"))
PROGRAM = "def priority(p, d, t, P, n):\n    return max(p + t, d)\n"


def run(file: object, out: Path, *words: object, status: int = 0) -> str:
    """What `makespan run` writes to standard error."""
    done = makespan("run", file, *words, "--out", out)
    assert done.returncode == status, done.stderr
    return done.stderr


def printed(folder: Path) -> list[str]:
    """The board as JSON and as text, the seconds apart: they are last, as `0.7`."""
    table = json.loads(makespan("board", folder, "--json").stdout)
    for row in table["rows"]:
        row.pop("seconds")
    text = makespan("board", folder).stdout.replace("─", "")
    lines = [re.sub(r" +[0-9.]+ *$", "", line) for line in text.splitlines()]
    return [json.dumps(table), *(" ".join(line.split()) for line in lines)]


def asked(server: Loopback) -> Counter[str]:
    return Counter(request.body["model"] for request in server.requests)


@pytest.mark.heavy
def test_models_epochs_and_instances_are_added_and_what_is_there_is_not_asked(
    tmp_path: Path,
) -> None:
    file, out = instances(tmp_path / "i.jsonl", 4), tmp_path / "run"
    with Loopback(answer) as server:
        url = ("--base-url", server.url)
        run(file, out, *A, *FLOOR, *url, "--limit", 2)
        before = rows(out, "select * from attempts")
        told = run(file, out, *A, *B, *url, "--limit", 2)
        assert f"{out} grows by openai/b\n" in told
        assert asked(server) == {"a": 2, "b": 2}
        assert "grows by 2 more of its --epochs\n" in run(
            file, out, *A, *url, "--limit", 2, "--epochs", 3
        )
        assert asked(server) == {"a": 6, "b": 2}
        run(file, out, *B, *url)
        assert asked(server) == {"a": 6, "b": 4}
        assert makespan("resume", out).returncode == 0
        assert asked(server) == {"a": 12, "b": 12}
        assert rows(out, "select * from attempts")[: len(before)] == before
        whole = tmp_path / "whole"
        run(file, whole, *A, *FLOOR, *B, *url, "--epochs", 3)
    assert printed(out) == printed(whole)
    assert [row["n"] for row in board(out)] == [12, 12, 12]
    parts = [Folder.open(path).manifest.configuration for path in (out, whole)]
    assert parts[0] == parts[1]


@pytest.mark.heavy
def test_a_command_runs_its_part_and_leaves_the_rest(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 4), tmp_path / "run"
    with Loopback(answer) as server:
        url = ("--base-url", server.url)
        run(file, out, *A, *B, *url, "--limit", 1, "--epochs", 2)
        manifest = (out / "manifest.json").read_bytes()
        run(file, out, *B, *url, "--limit", 1)
        assert (out / "manifest.json").read_bytes() == manifest
        run(file, out, *B, *url, "--limit", 3)
        assert asked(server) == {"a": 2, "b": 4}  # of the first epoch, the second is there
        assert "of 12 episodes" not in makespan("board", out).stdout
        assert makespan("board", out).returncode == 1
        counts = {row["model"]: (row["n"], row["of"]) for row in board(out)}
        assert counts == {"openai/a": (2, 6), "openai/b": (4, 6)}


@pytest.mark.heavy
def test_the_default_folder_is_that_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    how = ("run", "rcpsp", "--level", 4, "--limit", 2)
    for words in (FLOOR, FLOOR, ("--model", "policy/serial"), (*FLOOR, "--epochs", 2)):
        assert makespan(*how, *words).returncode == 0
    folders = sorted(Path("results/runs").iterdir())
    assert len(folders) == 3
    [first] = [f for f in folders if [r["n"] for r in board(f)] == [2] and "edf" in str(board(f))]
    assert makespan(*how, "--model", "policy/serial", "--out", first).returncode == 0
    again = makespan(*how, *FLOOR)  # the same command as the first one: its folder has grown
    assert "resuming: 2 of 2 episodes are done" in again.stderr
    assert f"run folder: {first}" in again.stderr
    assert len(board(first)) == 2
    assert sorted(Path("results/runs").iterdir()) == folders


@pytest.mark.heavy
def test_what_is_no_growth_is_refused(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 2), tmp_path / "run"
    with Loopback(answer) as server, Loopback(answer) as other:
        url = ("--base-url", server.url)
        run(file, out, *A, *url)
        before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
        for words, reason in (
            ((*A, *B, "--base-url", other.url), f"its server of openai/a is '{server.url}'"),
            ((*B, *url, "--temperature", 1), "its sampling.temperature is None, here it is 1.0"),
            ((*B, *url, "--shard", "1/2"), "holds all the episodes, not"),
            ((*B, *url, "--agent", "text-tools"), "its versions.agent is None, here it is '"),
        ):
            refused = run(file, out, *words, status=2)
            assert reason in refused
            assert refused.count("\n") == 1
        assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == before


@pytest.mark.heavy
def test_each_server_gets_its_own_key_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, out = instances(tmp_path / "i.jsonl", 2), tmp_path / "run"
    for name in ("FIRST_KEY", "SECOND_KEY"):
        monkeypatch.setenv(name, f"sk-{name}-0123456789")
    with Loopback(answer) as first, Loopback(answer) as second:
        one = ("--base-url", first.url, "--api-key-env", "FIRST_KEY", "--limit", 1)
        two = ("--base-url", second.url, "--api-key-env", "SECOND_KEY", "--limit", 1)
        run(file, out, *A, *one)
        run(file, out, *B, *two)
        run(file, out, *FLOOR)
        assert makespan("resume", out).returncode == 0
        for server, name in ((first, "FIRST_KEY"), (second, "SECOND_KEY")):
            keys = {request.headers["authorization"] for request in server.requests}
            assert keys == {f"Bearer sk-{name}-0123456789"}
            assert len(server.requests) == 2
    manifest = Folder.open(out).manifest
    assert (manifest.key_variable("openai/a"), manifest.key_variable("openai/b")) == (
        "FIRST_KEY",
        "SECOND_KEY",
    )


def test_prices_of_the_models_that_are_there_stay(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 2), tmp_path / "run"
    with Loopback(answer) as server:
        url = ("--base-url", server.url)
        run(file, out, *A, *url, "--price", "openai/a=1,2")
        [alone] = board(out)
        run(file, out, *B, *url, "--price", "openai/b=10,20")
    costs = {row["model"]: row["cost"] for row in board(out)}
    assert costs["openai/a"] == alone["cost"] > 0
    assert costs["openai/b"] > 5 * alone["cost"]


def test_a_program_is_added_with_its_source(tmp_path: Path) -> None:
    (tmp_path / "rule.py").write_text(PROGRAM)
    out, how = tmp_path / "run", ("tardiness", tmp_path / "run", "--level", 6, "--limit", 2)
    run(*how, "--model", "policy/edd")
    assert not (out / "programs").exists()
    run(*how, "--model", f"policy/file:{tmp_path / 'rule.py'}")
    (tmp_path / "rule.py").unlink()
    assert len(list((out / "programs").glob("*.py"))) == 1
    assert len(board(out)) == 2
    assert makespan("regrade", out).stdout == "changed 0 of 4\n"


# Killed, and together -------------------------------------------------------------------------


def start(file: Path, out: Path, *words: object) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command("run", file, *words, "--out", out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "OPENAI_API_KEY": "none"},
    )


@pytest.mark.heavy
def test_killed_between_its_growth_and_the_first_record_it_goes_on(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 3), tmp_path / "run"
    with Loopback(answer) as server:
        port = int(server.url.rsplit(":", 1)[1].split("/")[0])
        run(file, out, *A, *FLOOR, "--base-url", server.url, "--limit", 2)
        before, first = printed(out), len(server.requests)
    words = (*A, *B, "--base-url", server.url, "--epochs", 2)
    with Loopback(answer, delay=100, port=port) as server:
        process = start(file, out, *words)
        server.wait_for(1)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    assert Folder.open(out).manifest.configuration.epochs == 2
    assert len(rows(out, "select * from records")) == 4
    stopped = makespan("board", out)
    assert stopped.returncode == 1
    assert "openai/b: no episode is finished" in stopped.stdout
    assert [row["n"] for row in board(out)] == [2, 2]
    assert before != printed(out)
    with Loopback(answer, port=port) as server:
        run(file, out, *words)
        assert asked(server) == {"a": 6 - first, "b": 6}
        assert makespan("resume", out).returncode == 0
        whole = tmp_path / "whole"
        run(file, whole, *A, *FLOOR, *B, "--base-url", server.url, "--epochs", 2)
    assert printed(out) == printed(whole)


@pytest.mark.heavy
def test_two_that_grow_it_at_once_do_not_undo_each_other(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 2), tmp_path / "run"
    with Loopback(answer, together=2) as server:
        url = ("--base-url", server.url)
        run(file, out, *FLOOR)
        process = start(file, out, *A, *url, "--max-connections", 1)
        server.wait_for(1)
        assert "another process is writing to" in run(file, out, *B, *url, status=2)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    names = [spec.name for spec in Folder.open(out).manifest.configuration.models]
    assert names == ["policy/edf", "openai/a"]


def test_what_another_has_added_since_it_was_opened_is_kept(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 2), tmp_path / "run"
    run(file, out, *FLOOR)
    late = Folder.open(out)
    run(file, out, "--model", "policy/serial")
    more = Folder.open(out).manifest
    late.claim()
    late.grow(more)
    late.release()
    names = [spec.name for spec in Folder.open(out).manifest.configuration.models]
    assert names == ["policy/edf", "policy/serial"]


# What it is called ----------------------------------------------------------------------------


def test_a_run_that_grew_is_published_under_the_name_that_it_has(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 2), tmp_path / "run"
    run(file, out, *FLOOR)
    name = PublishedRun.open(out).name
    assert "began" not in json.loads((out / "manifest.json").read_bytes())
    run(file, out, "--model", "policy/serial", "--epochs", 2)
    run(file, out, "--model", "policy/exact", "--epochs", 3)
    assert PublishedRun.open(out).name == name
    assert [spec.name for spec in PublishedRun.open(out).manifest.beginning.models] == [
        "policy/edf"
    ]


STEPS = st.lists(
    st.tuples(
        st.sets(st.sampled_from(["edf", "serial", "exact"]), min_size=1),
        st.integers(1, 3),
        st.integers(1, 2),
    ),
    min_size=1,
    max_size=4,
)


@pytest.mark.heavy
@examples(48)
@given(steps=STEPS)
def test_grown_in_any_steps_and_resumed_it_is_the_run_that_was_asked_at_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[set[str], int, int]]
) -> None:
    root = tmp_path_factory.mktemp("steps")
    file = instances(root / "i.jsonl", 3)
    for models, limit, epochs in steps:
        words = [word for name in sorted(models) for word in ("--model", f"policy/{name}")]
        run(file, root / "grown", *words, "--limit", limit, "--epochs", epochs)
    assert makespan("resume", root / "grown").returncode == 0
    names = dict.fromkeys(name for models, _, _ in steps for name in sorted(models))
    words = [word for name in names for word in ("--model", f"policy/{name}")]
    most = ("--limit", max(n for _, n, _ in steps), "--epochs", max(e for _, _, e in steps))
    run(file, root / "whole", *words, *most)
    assert printed(root / "grown") == printed(root / "whole")
    shutil.rmtree(root)


@pytest.mark.heavy
def test_instances_that_are_solved_first_grow_with_the_models(tmp_path: Path) -> None:
    """Each is solved once; a command that asks for fewer solves and asks no more."""
    lines = [{"id": f"own-{k}", "p": [9, 4, 7, 2 + k], "d": [3, 6, 2, 9]} for k in range(4)]
    source, file, out = (tmp_path / name for name in ("jobs.jsonl", "i.jsonl", "run"))
    source.write_text("\n".join(map(json.dumps, lines)))
    assert makespan("import", "jobs", source, "--no-solve", "--out", file).returncode == 0
    exact, edd, atc = (("--model", f"policy/{name}") for name in ("exact", "edd", "atc"))
    assert "1 of 1 instances have no reference" in run(file, out, *exact, "--limit", 1)
    shutil.copytree(out, tmp_path / "copy")
    assert "2 of 2 instances have no reference" in run(file, out, *edd, "--limit", 3)
    assert "no reference" not in run(file, out, *atc, "--limit", 2)
    assert {row["model"]: row["n"] for row in board(out)} == {
        "policy/edd": 3,
        "policy/exact": 1,
        "policy/atc": 2,
    }
    run(file, tmp_path / "copy", *atc)
    merged = makespan("merge", out, tmp_path / "copy", "--out", tmp_path / "both")
    assert merged.returncode == 1  # some of the models have fewer episodes than the run now asks
    assert makespan("resume", tmp_path / "both").returncode == 0
    run(file, tmp_path / "whole", *exact, *edd, *atc)
    assert printed(tmp_path / "both") == printed(tmp_path / "whole")
