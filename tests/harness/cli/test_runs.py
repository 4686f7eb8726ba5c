"""`makespan runs`, and the newest run where a command is given none."""

import json
from pathlib import Path

import pytest

from tests.harness.helpers import instances, makespan


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with two runs in results/runs, and a search that was begun after them."""
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "results" / "runs"
    file = instances(tmp_path / "i.jsonl", 2)
    for model in ("serial", "edf"):
        done = makespan("run", file, "--model", f"policy/{model}", "--out", root / model)
        assert done.returncode == 0, done.stderr
    small = ("--calls", 2, "--limit", 3, "--model", "policy/mutate")
    done = makespan("evolve", "run", "tardiness-priority", *small, "--out", root / "search")
    assert done.returncode == 0, done.stderr
    return root


@pytest.mark.heavy
def test_runs_are_listed_newest_last_on_any_width(runs: Path) -> None:
    for columns in ("40", "80", "200"):
        done = makespan("runs", COLUMNS=columns)
        assert (done.returncode, done.stderr) == (0, "")
        names = [line.split()[0] for line in done.stdout.splitlines() if line[0] != " "]
        assert names == ["serial", "edf", "search"]
        indented = [line for line in done.stdout.splitlines() if line[0] == " "]
        assert all(len(line) < int(columns) for line in indented)
    assert "rcpsp 0." in done.stdout
    assert "policy/edf" in done.stdout
    listed = json.loads(makespan("runs", runs, "--json").stdout)["runs"]
    assert [Path(run["folder"]).name for run in listed] == names
    assert [run["sort"] for run in listed] == ["run", "run", "search"]
    assert listed[0]["scores"][0]["score"] is not None


@pytest.mark.heavy
def test_a_command_without_a_folder_takes_the_newest_and_says_so(runs: Path) -> None:
    said = "the newest in results/runs\n"
    for words, name in (
        (("board",), "edf"),
        (("audit",), "edf"),
        (("watch", "--once"), "search"),
        (("resume",), "search"),
        (("report", "--html", "page.html"), "search"),
    ):
        done = makespan(*words)
        assert done.returncode == 0, done.stderr
        assert f"results/runs/{name}: {said}" in done.stderr, words
    assert makespan("board", "--json").stdout == makespan("board", runs / "edf", "--json").stdout
    assert makespan("board", runs / "serial").stderr == ""


def test_nothing_to_take_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (("board",), ("audit",), ("watch",), ("resume",), ("report", "--html", "p.html")):
        done = makespan(*words)
        assert (done.returncode, done.stdout) == (2, "")
        assert "in results/runs: name its folder, or see makespan runs\n" in done.stderr
        assert done.stderr.count("\n") == 1
    done = makespan("runs")
    assert (done.returncode, done.stdout) == (0, "")
    assert "there is no run in results/runs" in done.stderr
    assert json.loads(makespan("runs", "--json").stdout) == {"runs": []}
    done = makespan("runs", "nowhere")
    assert (done.returncode, done.stderr) == (2, "makespan runs: there is no folder nowhere\n")
