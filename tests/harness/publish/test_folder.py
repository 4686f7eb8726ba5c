"""What would be published, in a folder: no network, no token, no private addresses."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from harness.publish.licences import LICENCES, licence
from tasks.base import InputError
from tests.harness.helpers import instances, makespan, zeros
from tests.hub import Hub
from tests.loopback import Json, Loopback, says
from tests.optional import needs

pytestmark = needs("huggingface_hub", "pyarrow")

REPO = "me/results"
NO_HUB = {"HF_TOKEN": "", "HF_ENDPOINT": "http://127.0.0.1:9"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Runs of one suite by two policies."""
    root = tmp_path_factory.mktemp("runs")
    file = instances(root / "one.jsonl", 3)
    for name in ("edf", "serial"):
        words = ("--model", f"policy/{name}", "--out", root / name)
        assert makespan("run", file, *words).returncode == 0
    return {name: root / name for name in ("edf", "serial")}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.heavy
def test_a_folder_is_what_the_repository_would_be(runs: dict[str, Path], tmp_path: Path) -> None:
    how = ("--repo", REPO, "--license", "MIT")
    with Hub() as hub:
        for run in runs.values():
            done = makespan("publish", run, *how, **hub.environment(tmp_path))
            assert done.returncode == 0, done.stderr
        there = hub.repos[REPO].at("main")
    there.pop(".gitattributes")
    for run in runs.values():
        done = makespan("publish", run, *how, "--out", tmp_path / "out", **NO_HUB)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"{tmp_path / 'out'}\n"
    assert contents(tmp_path / "out") == there
    again = makespan("publish", *runs.values(), "--out", tmp_path / "out", "--repo", REPO, **NO_HUB)
    assert again.stdout == f"nothing to do: {tmp_path / 'out'} has it all\n"


def test_nobody_is_asked(
    runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    done = makespan("publish", runs["edf"], "--out", tmp_path / "out", HF_TOKEN="")
    assert (done.returncode, done.stderr) == (0, "")
    card = (tmp_path / "out" / "README.md").read_text()
    assert "# Makespan results: out\n" in card
    assert 'load_dataset("out", "leaderboard"' in card


def test_a_dry_run_of_a_folder_writes_nothing(runs: dict[str, Path], tmp_path: Path) -> None:
    done = makespan("publish", runs["edf"], "--out", tmp_path / "out", "--dry-run", **NO_HUB)
    assert (done.returncode, done.stderr) == (0, "")
    assert "README.md" in done.stdout
    assert not (tmp_path / "out").exists()


@pytest.mark.heavy
def test_a_licence_is_told_kept_and_changed(runs: dict[str, Path], tmp_path: Path) -> None:
    card, run = tmp_path / "out" / "README.md", runs["edf"]

    def published(*words: str) -> tuple[list[str], str]:
        assert makespan("publish", run, "--out", card.parent, *words, **NO_HUB).returncode == 0
        front, _, body = card.read_text().partition("\n---\n")
        return [line for line in front.splitlines() if "license" in line], body

    front, body = published()
    assert front == []
    assert "Nobody has said under which licence" in body
    front, body = published("--license", "ODC-By-1.0")
    assert front == ["license: odc-by"]
    assert "The tables are under `odc-by`." in body
    front, body = published()  # who says nothing changes nothing
    assert front == ["license: odc-by"]
    front, body = published("--license", "cc0-1.0")
    assert front == ["license: cc0-1.0"]
    assert "odc-by" not in body


def test_licences_are_those_of_the_hub_in_any_spelling() -> None:
    for name in LICENCES:
        assert licence(name.upper()) == name
    assert licence("GPL-3.0-only") == "gpl-3.0"
    for wrong in ("", "other", "cc-by", "apache", "GPL-3.0-or-later"):
        with pytest.raises(InputError, match="none that the hub knows: near are "):
            licence(wrong)


def test_no_private_address_is_in_any_file(tmp_path: Path) -> None:
    from pyarrow import parquet

    def answer(number: int, body: Json) -> Any:
        return says(400, f"no such thing at {address}") if number == 2 else zeros(number, body)

    with Loopback(answer) as server:
        address, file = server.url, instances(tmp_path / "i.jsonl", 3)
        words = ["--model", "openai/m", "--base-url", address, "--max-connections", 1]
        run = tmp_path / "run"
        assert makespan("run", file, *words, "--out", run).returncode == 1
    done = makespan("publish", run, "--out", tmp_path / "out", **NO_HUB)
    assert done.returncode == 1
    port = address.rpartition(":")[2].partition("/")[0]
    texts = {}
    for name, content in contents(tmp_path / "out").items():
        is_table = name.endswith(".parquet")
        path = tmp_path / "out" / name
        texts[name] = str(parquet.read_table(path).to_pylist()) if is_table else content.decode()
        assert port not in name
    for name, text in texts.items():
        assert f":{port}" not in text, name
        assert "127.0.0.1" not in text, name
    for table in ("leaderboard/latest", "paired/latest", "README"):
        [text] = [t for name, t in texts.items() if name.startswith(table)]
        assert "private-server" in text, table
    [samples] = [text for name, text in texts.items() if name.startswith("samples_")]
    assert "no such thing at private-server" in samples
    manifest = json.loads(next(t for n, t in texts.items() if n.endswith("manifest.json")))
    assert manifest["configuration"]["models"][0]["base_url"] == "private-server"


def test_wrong_use_is_one_line(runs: dict[str, Path], tmp_path: Path) -> None:
    full, own, file = tmp_path / "full", tmp_path / "own", tmp_path / "file"
    full.mkdir()
    (full / "notes.txt").write_text("mine")
    own.mkdir()
    (own / "README.md").write_text("# Mine\n")
    file.write_text("")
    for words, said in (
        ((), "where to: give --repo OWNER/NAME of a hub, or --out FOLDER"),
        (("--out", full), "is not empty, and nothing was published to it"),
        (("--out", own), "has a README.md of its own"),
        (("--out", file), "is a file: use another --out"),
        (("--out", file / "x"), "cannot make the folder"),
        (("--out", tmp_path / "x", "--private"), "--private is for a hub"),
        (("--out", tmp_path / "x", "--revision", "v1"), "--revision is for a hub"),
        (("--out", tmp_path / "x", "--license", "mitt"), "--license 'mitt' is none that"),
        (("--out", tmp_path / "x", "--repo", "results"), "is not of the form OWNER/NAME"),
    ):
        done = makespan("publish", runs["edf"], *words, **NO_HUB)
        assert (done.returncode, done.stdout) == (2, ""), words
        assert said in done.stderr, done.stderr
        assert done.stderr.count("\n") == 1
    assert not (tmp_path / "x").exists()
    assert [path.name for path in full.iterdir()] == ["notes.txt"]
