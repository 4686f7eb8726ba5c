"""Identity by content: what a run does not use is no part of it; settings of its parts are."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.families.registry import FAMILIES
from harness.store.folder import Folder
from harness.suites import suite as suites
from tasks import prompts as templates
from tests.harness.helpers import instances
from tests.loopback import Json, Loopback

YEAR = ["calendar", "--level", "3", "-T", "rounds=3", "--limit", "2"]


def says(_: int, body: Json) -> str:
    return '{"summary": "so"}' if "summary" in body["messages"][-1]["content"][-80:] else "no"


def ask(server: Loopback, what: Sequence[str], out: Path, *more: str) -> int:
    words = ["run", *what, "--base-url", server.url, "--out", str(out), *more]
    if "--model" not in more:
        words += ["--model", "openai/m"]
    return main(words)


def board(out: Path, capsys: pytest.CaptureFixture[str]) -> list[Any]:
    capsys.readouterr()
    main(["board", str(out), "--json"])
    rows: list[Any] = json.loads(capsys.readouterr().out)["rows"]
    return rows


@pytest.fixture
def more_of_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """A project with one family more, and templates of a memory, an agent and of that family."""
    new = {"memory/dreams.j2": "?", "tools/other.j2": "?", "moon/plain.j2": "?", "agents/a.j2": "?"}
    more = templates.Prompts(templates.installed().sources | new)
    for module in ("tasks.prompts", "harness.run.prepare", "harness.suites.suite"):
        monkeypatch.setattr(f"{module}.installed", lambda: more)
    monkeypatch.setattr(FAMILIES, "own", (*FAMILIES.own, "moon"))


@pytest.mark.heavy
@pytest.mark.parametrize("memory", ["summary", "history"])
def test_one_part_more_in_the_project_changes_no_run(
    tmp_path: Path, memory: str, request: pytest.FixtureRequest
) -> None:
    file = [str(instances(tmp_path / "i.jsonl", 2))]
    with Loopback(says) as server:
        ask(server, YEAR, tmp_path / "year", "--memory", memory)
        ask(server, file, tmp_path / "file")
        asked = len(server.requests)
        before = [Folder.open(tmp_path / name).manifest for name in ("year", "file")]
        request.getfixturevalue("more_of_everything")
        assert ask(server, YEAR, tmp_path / "year", "--memory", memory) == 0
        assert ask(server, file, tmp_path / "file") == 0
        assert main(["resume", str(tmp_path / "year")]) == 0
        assert len(server.requests) == asked
    assert [Folder.open(tmp_path / name).manifest for name in ("year", "file")] == before
    assert suites.load("standard-1").families == ("rcpsp", "tardiness", "calendar", "tools")


def test_a_board_says_when_runs_differ_in_versions_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "tardiness", "--level", "4", "--limit", "1", "--model", "policy/edd", "--out"]
    assert main([*words, str(tmp_path / "a")]) == 0
    new = templates.Prompts(templates.installed().sources | {"tardiness/plain.j2": "Sort."})
    monkeypatch.setattr("tasks.prompts.installed", lambda: new)
    assert main([*words[:-2], "policy/exact", "--out", str(tmp_path / "b")]) == 0
    capsys.readouterr()
    assert main(["board", str(tmp_path / "a"), str(tmp_path / "b")]) == 2
    told = capsys.readouterr().err
    assert "differ in versions only: tardiness is version 2, prompts" in told
    assert told.count("\n") == 1


@pytest.mark.heavy
def test_a_memory_that_says_something_else_is_ranked_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Loopback(says) as server:
        ask(server, YEAR, tmp_path / "a", "--memory", "summary")
        sources = templates.installed().sources
        new = sources | {"memory/summary.j2": sources["memory/summary.j2"] + "\nBe brief."}
        monkeypatch.setattr("tasks.prompts.installed", lambda: templates.Prompts(new))
        ask(server, YEAR, tmp_path / "b", "--memory", "summary", "--model", "openai/n")
    capsys.readouterr()
    assert main(["board", str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    assert "models that were not asked the same are ranked apart: versions is" in (
        capsys.readouterr().out.replace("\n", " ")
    )


def test_a_folder_holds_the_templates_that_it_uses_and_no_others(tmp_path: Path) -> None:
    with Loopback(says) as server:
        ask(server, YEAR, tmp_path / "year", "--memory", "summary")
    folder = tmp_path / "year" / "templates"
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*.j2")}
    used = Folder.open(tmp_path / "year").manifest.templates
    assert names == {name for part in used.values() for name in part}
    assert "memory/summary.j2" in names
    assert not names & {"memory/facts.j2", "rcpsp/plain.j2", "tools/text.j2"}


@pytest.mark.heavy
def test_settings_of_a_memory_are_part_of_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    with Loopback(says) as server:
        ask(server, YEAR, out, "--memory", "summary:words=50")
        prompts = [str(received.body["messages"]) for received in server.requests]
        assert sum("Use at most 50 words, and at most 2000 characters" in p for p in prompts) == 6
        asked = len(server.requests)
        assert ask(server, YEAR, out, "--memory", "summary:words=50") == 0
        assert len(server.requests) == asked
        assert ask(server, YEAR, out, "--memory", "summary") == 2
    assert "its memory is 'summary:words=50', here it is 'summary'" in capsys.readouterr().err
    [row] = board(out, capsys)
    assert row["memory"] == "summary:words=50"


def test_one_model_asked_in_two_ways_is_two_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = [str(instances(tmp_path / "i.jsonl", 3))], tmp_path / "run"
    names = ["openai/m", "openai/m:temperature=0,max_output_tokens=9", "openai/n"]
    with Loopback(says) as server:
        ask(server, file, out, *(word for name in names for word in ("--model", name)))
        bodies = [received.body for received in server.requests]
    assert {body["model"] for body in bodies} == {"m", "n"}
    cold = [body for body in bodies if body.get("temperature") == 0]
    assert len(cold) == 3
    assert all("9" in str(body) for body in cold)
    rows = {row["model"]: row for row in board(out, capsys)}
    assert set(rows) == set(names)
    assert rows[names[1]]["setup"]["temperature"] == 0
    assert rows["openai/m"]["rank"]["of"] == 2
    assert rows[names[1]]["rank"] is None


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--memory", "summary:word=3"], "summary: unknown setting 'word': it has words"),
        (["--agent", "direct:tools=3"], "direct: unknown setting 'tools': it has no settings"),
        (["--model", "openai/m:seed=x"], "'openai/m:seed=x': model: Expected `int"),
    ],
)
def test_wrong_settings_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], why: str
) -> None:
    with Loopback(says) as server:
        assert ask(server, YEAR, tmp_path / "run", *words) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert why in lines[0]
    assert not (tmp_path / "run").exists()
