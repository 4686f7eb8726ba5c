"""The page as a file: its numbers are the board's, it is small, and nothing in it can act."""

import json
import re
from base64 import b64decode
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from generators.rcpsp import generate
from harness.cli import main
from harness.report.page import build
from harness.suites.instances import encode
from tests.depth import often
from tests.factories.hostile import HOSTILE, LONG
from tests.harness.helpers import board, instances, makespan, makespan_apart
from tests.harness.report import unpacked as twin
from tests.harness.report.reader import Reader, said, unpacked
from tests.loopback import Loopback


def picked(row: Any, key: str) -> Any:
    """A value of a board's row by the path that a cell names."""
    name, _, metric = key.partition(".")
    return (row[name] or {}).get(metric) if metric else row[name]


@pytest.mark.heavy
@pytest.mark.parametrize("which", ["policies", "hostile", "years"])
def test_the_numbers_are_those_of_the_board(which: str, request: pytest.FixtureRequest) -> None:
    folders = request.getfixturevalue(which)
    folders = folders if isinstance(folders, list) else [folders]
    reader = Reader(build(folders)[0])
    told = json.loads(makespan("board", *folders, "--json").stdout)["rows"]
    assert sorted(reader.rows) == list(range(len(told)))
    seen = 0
    for number, cells in reader.rows.items():
        assert {"model", "kind", "score", "n", "errors", "unparsable", "infeasible"} <= set(cells)
        for key, cell in cells.items():
            value = picked(told[number], key)
            ends = value if isinstance(value, dict) else {"value": value}
            for name in ("value", "low", "high"):
                wanted = ends.get(name)
                shown = cell.get(f"data-{name}") or None
                assert shown == (None if wanted is None else str(wanted)), (key, name)
                seen += wanted is not None
    assert seen > 20 * len(told) / 2
    assert unpacked(reader, "index")["rows"] == told


@pytest.mark.heavy
def test_what_is_shown_is_the_value_beside_it(policies: Path) -> None:
    page = build([policies])[0]
    cells = re.findall(
        r'data-key="(score|n|errors)" data-value="([^"]+)"[^>]*>(?:<svg.*?</svg>)?'
        r'<span class="text">([^<]*)<',
        page,
    )
    assert len(cells) > 30
    for _, value, text in cells:
        assert float(text) == pytest.approx(float(value), abs=5e-4)


FIXED = 100_000  # bytes of a page without an episode, at the most


def asked(folder: Path, levels: Sequence[int], projects: int, policies: Sequence[str]) -> Path:
    """The page of policies' answers to different projects; every one of them is there."""
    made = (
        generate(levels[k % len(levels)], 0, k // len(levels), {}, reference=False)
        for k in range(projects)
    )
    (folder / "i.jsonl").write_bytes(b"".join(encode(i) + b"\n" for i in made))
    models = [word for name in policies for word in ("--model", f"policy/{name}")]
    assert main(["run", f"{folder}/i.jsonl", *models, "--out", f"{folder}/run"]) == 0
    assert main(["report", f"{folder}/run", "--html", f"{folder}/page.html"]) == 0
    reader = Reader((folder / "page.html").read_text("utf-8"))
    episodes = projects * len(policies)
    assert len(unpacked(reader, "index")["entries"]) == len(said(reader)) == episodes
    prompts = {p for n in reader.scripts if n.startswith("chunk-") for p in prompts_of(reader, n)}
    assert len(prompts) == projects
    return folder / "page.html"


def prompts_of(reader: Reader, name: str) -> list[str]:
    chunk = unpacked(reader, name)
    return [
        "\n\n".join(chunk["texts"][n] for n in numbers)
        for episode in chunk["entries"]
        for call in episode["calls"]
        for _, numbers in call["messages"]
    ]


@pytest.mark.heavy
def test_a_thousand_answers_to_projects_of_all_sizes_fit_in_a_megabyte(tmp_path: Path) -> None:
    projects = often(250)
    policies = ("serial", "sgs-lft", "edf", "random-50")
    page = asked(tmp_path, (5, 10, 15, 20, 30, 40), projects, policies)
    assert page.stat().st_size - FIXED < (500_000 - FIXED) * projects / 250


@pytest.mark.heavy
def test_a_thousand_different_projects_of_40_tasks_would_fit_in_a_megabyte(tmp_path: Path) -> None:
    projects = often(160)
    page = asked(tmp_path, (40,), projects, ("random-50",))
    assert page.stat().st_size - FIXED < (1_000_000 - FIXED) * projects / 1000


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["serial", "random-50"])
def test_a_thousand_different_projects_of_40_tasks_fit(tmp_path: Path, policy: str) -> None:
    assert asked(tmp_path, (40,), 1000, (policy,)).stat().st_size < 1_000_000


@pytest.mark.heavy
def test_the_same_bytes_again(policies: Path) -> None:
    command = ["report", policies, "--html", "/dev/stdout"]
    one, two = (makespan_apart(*command, PYTHONHASHSEED=seed).stdout for seed in ("1", "2"))
    assert one == two
    assert one.startswith("<!doctype html>")


def test_a_model_asked_with_settings_is_one_series(tmp_path: Path) -> None:
    extra = {"zeta": {"b": 1, "a": [2]}, "alpha": None}
    with Loopback(lambda number, _: "no idea" if number % 2 else '{"starts": {}}') as server:
        how = [
            "--temperature",
            0,
            "--max-output-tokens",
            99,
            "--model-seed",
            7,
            "--extra-body",
            json.dumps(extra),
            "--model",
            "openai/m",
            "--base-url",
            server.url,
        ]
        file = instances(tmp_path / "i.jsonl", 4)
        made = makespan("run", file, *how, "--model", "policy/edf", "--out", tmp_path / "run")
    assert made.returncode == 0, made.stderr
    index = unpacked(Reader(build([tmp_path / "run"])[0]), "index")
    assert len(index["series"]) == len(index["rows"]) == 2
    assert {entry[1] for entry in index["entries"]} == {0, 1}


def test_failures_come_first(hostile: Path) -> None:
    index = unpacked(Reader(build([hostile])[0]), "index")
    verdicts = [episode[5] for episode in index["entries"]]
    assert verdicts == sorted(verdicts)
    assert verdicts[0] == 0


def test_every_episode_has_its_prompt_reply_and_reasons(hostile: Path) -> None:
    reader = Reader(build([hostile])[0])
    index = unpacked(reader, "index")
    for line in index["entries"]:
        chunk = unpacked(reader, f"chunk-{line[-2]}")
        episode = chunk["entries"][line[-1]]
        [call] = episode["calls"]
        [[role, numbers]] = call["messages"]
        assert role == "user"
        prompt = "\n\n".join(chunk["texts"][n] for n in numbers)
        assert prompt.startswith("Schedule a project.")
        assert (call["reply"] is None) == (line[5] == 0) == ("problem" in episode)
        assert bool(episode["why"]) == (line[5] in (1, 2))


# What a model says can do nothing --------------------------------------------------------------


def test_hostile_replies_are_inert_and_whole(hostile: Path) -> None:
    page = build([hostile])[0]
    reader = Reader(page)
    assert "document.title = 'owned'" not in page
    assert "alert(1)" not in page
    assert "<b>m" not in page
    assert HOSTILE in said(reader)
    assert {name for name in reader.attributes if name.startswith("on")} == set()
    assert "style" not in reader.attributes
    assert reader.tags.isdisjoint({"img", "iframe", "object", "embed", "form", "base", "video"})
    for name, content in reader.scripts.items():
        if name != "main":
            assert re.fullmatch(r"[A-Za-z0-9+/=]+", content), name


def test_a_reply_that_is_too_long_is_cut_and_says_so(hostile: Path) -> None:
    page = build([hostile])[0]
    [cut] = [reply for reply in said(Reader(page)) if reply.startswith("word 12")]
    assert len(cut) < 21_000
    assert f"[... {len(LONG) - 20_000:,} characters are left out here ...]" in cut


@pytest.mark.heavy
def test_the_page_may_load_nothing_and_run_only_its_own_script(policies: Path) -> None:
    page = build([policies])[0]
    reader = Reader(page)
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    rules = dict(rule.split(" ", 1) for rule in policy.replace("&#39;", "'").split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    digests = re.findall(r"'sha256-([^']+)'", rules["script-src"] + rules["style-src"])
    style = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert [b64decode(d) for d in digests] == [
        sha256(text.encode()).digest() for text in (reader.scripts["main"], *style)
    ]
    assert all(a.startswith(("#", "data:")) for a in reader.addresses)
    assert not re.findall(r"@import|url\((?!data:)", style[0])


def test_keys_are_not_on_the_page(tmp_path: Path) -> None:
    key = "sk-very-secret-key-0123456789"
    with Loopback(lambda *_: f'my key is {key} {{"starts": {{"{key}": 1}}}}') as server:
        how = ["--model", "openai/m", "--base-url", server.url, "--api-key-env", "MY_API_KEY"]
        file = instances(tmp_path / "i.jsonl", 2)
        makespan("run", file, *how, "--out", tmp_path / "run", MY_API_KEY=key)
    page = tmp_path / "page.html"
    made = makespan("report", tmp_path / "run", "--html", page, MY_API_KEY=key)
    assert made.returncode == 0, made.stderr
    reader = Reader(page.read_text("utf-8"))
    everything = page.read_text("utf-8") + "".join(
        json.dumps(twin.value(packed)) for name, packed in reader.scripts.items() if name != "main"
    )
    assert len(said(reader)) == 2
    assert key not in everything
    assert key not in "".join(said(reader))


# Wrong use -------------------------------------------------------------------------------------


@pytest.mark.heavy
def test_wrong_use_is_one_line(
    tmp_path: Path, policies: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.html").write_text("<html>my own</html>")
    (tmp_path / "empty.jsonl").write_text("")
    page = str(tmp_path / "page.html")
    for words, reason in (
        ([str(tmp_path / "none"), "--html", page], "is no run folder"),
        ([str(policies), "--html", str(tmp_path)], "is a directory"),
        ([str(policies), "--html", str(tmp_path / "no" / "page.html")], "there is no folder"),
        ([str(policies), "--html", str(tmp_path / "mine.html")], "is no report"),
        ([str(policies), "--html", "/dev/full"], "No space left"),
        ([str(policies), "--model", "policy/edg", "--html", page], "did you mean policy/edf or "),
    ):
        assert main(["report", *words]) == 2
        told = capsys.readouterr().err.splitlines()
        assert len(told) == 1, told
        assert reason in told[0]
    assert (tmp_path / "mine.html").read_text() == "<html>my own</html>"
    assert not (tmp_path / "page.html").exists()
    with pytest.raises(SystemExit) as stop:
        main(["report", str(policies)])
    assert stop.value.code == 2


def test_a_run_without_an_episode_is_wrong_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Loopback(lambda *_: "") as server:
        url = server.url
    file = instances(tmp_path / "i.jsonl", 1)
    makespan(
        "run",
        file,
        "--model",
        "openai/m",
        "--base-url",
        url,
        "--max-attempts",
        "1",
        "--api-key-env",
        "NO_SUCH_KEY",
        "--out",
        tmp_path / "run",
    )
    assert not (tmp_path / "run").exists()  # nothing to report: the run never began
    assert main(["report", str(tmp_path / "run"), "--html", str(tmp_path / "p.html")]) == 2
    assert "is no run folder" in capsys.readouterr().err


@pytest.mark.heavy
def test_a_report_is_replaced_and_an_incomplete_one_says_so(
    tmp_path: Path, hostile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    for _ in range(2):
        assert main(["report", str(hostile), "--html", str(page)]) == 1
        assert capsys.readouterr().err.endswith(" kB\n")
    assert "Not complete." in page.read_text("utf-8")
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]
    assert any(row["errors"] for row in board(hostile))
