"""Publishing with the real clients against a hub on loopback."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from harness.board.board import Row
from harness.board.ranking import Rank
from harness.export.columns import LEADERBOARD, SAMPLES
from harness.export.parquet import read_parquet
from harness.families.registry import FAMILIES
from harness.publish import card
from harness.publish.card import MARKER
from tasks.base import Record
from tests.harness.helpers import board, command, instances, makespan, makespan_apart
from tests.hub import TOKEN, Hub, both_at, on, refusal
from tests.loopback import Fault, Json, Loopback
from tests.optional import needs

pytestmark = needs("huggingface_hub", "pyarrow")

REPO = "me/results"
KEY = "sk-planted-0123456789"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as server:
        yield server


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Finished runs: two of one suite by different models, one of another suite with an error."""
    root = tmp_path_factory.mktemp("runs")
    one = instances(root / "one.jsonl", 3)
    models = {"a": ["policy/edf", "policy/exact"], "b": ["policy/serial"], "big": ["policy/edf"]}
    for name, given in models.items():
        file = instances(root / "big.jsonl", 2, level=9) if name == "big" else one
        how = [word for model in given for word in ("--model", model)]
        assert makespan("run", file, *how, "--out", root / name).returncode == 0
    return {name: root / name for name in models}


def publish(hub: Hub, home: Path, *words: object, repo: str = REPO, **extra: str) -> Any:
    run = makespan_apart if "HF_HUB_OFFLINE" in extra else makespan  # it is read at import
    return run("publish", *words, "--repo", repo, **hub.environment(home, **extra))


def python(hub: Hub, home: Path, code: str) -> str:
    """What a program prints that has only the hub."""
    pytest.importorskip("datasets")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **hub.environment(home)},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# Columns stay as they are while datasets hold tables of older versions.
UNPUBLISHED = {"means", "versions", "recall_tokens", "sleep_tokens", "sandbox_seconds", "replies"}
UNPUBLISHED |= {"own_tokens", "side_tokens", "notes"}


def as_board(row: Json) -> Json:
    """A published row as `board --json` has it."""
    made = {name: row.get(name) for name in Row.__struct_fields__ if name not in UNPUBLISHED}
    made |= {name: json.loads(row[name]) for name in ("cell", "setup", "problems")}
    ends = {"value": "score", "low": "score_low", "high": "score_high", "note": "score_note"}
    made["score"] = {end: row[name] for end, name in ends.items()}
    ranks = {name: row[f"rank_{name}"] for name in Rank.__struct_fields__}
    made["rank"] = None if row["rank_of"] is None else ranks
    made["metrics"] = {m["name"]: {k: m[k] for k in m if k != "name"} for m in row["metrics"]}
    return msgspec.json.decode(msgspec.json.encode(msgspec.convert(made, Row)))  # type: ignore[no-any-return]


@pytest.mark.heavy
def test_what_is_published_loads_back_as_the_board(
    hub: Hub, tmp_path: Path, runs: dict[str, Path]
) -> None:
    done = publish(hub, tmp_path, runs["a"], runs["big"])
    assert (done.returncode, done.stderr) == (0, "")
    assert hub.repos[REPO].log[1:] == [hub.repos[REPO].log[-1]]  # one commit
    loaded = json.loads(
        python(
            hub,
            tmp_path,
            f"""
            import json
            from datasets import load_dataset
            found = {{}}
            for config in ("leaderboard", "paired", "samples_rcpsp"):
                splits = load_dataset("{REPO}", config)
                found[config] = {{name: split.to_list() for name, split in splits.items()}}
            streamed = load_dataset("{REPO}", "samples_rcpsp", split="latest", streaming=True)
            found["streamed"] = list(streamed)
            print(json.dumps(found))
            """,
        )
    )
    rows = loaded["leaderboard"].pop("latest")
    assert len(loaded["leaderboard"]) == 2
    for name, split in loaded["leaderboard"].items():
        folder = runs["a" if name.startswith("one") else "big"]
        assert [as_board(row) for row in split] == board(folder)
        assert [row for row in rows if row["run"] == name] == split
        assert split[0]["version"] is not None
    samples = loaded["samples_rcpsp"]["latest"]
    assert len(samples) == sum(row["n"] for row in rows) == 8
    assert loaded["streamed"] == samples
    assert list(samples[0]) == [column.name for column in SAMPLES]
    assert all(json.loads(s["prompt"])[0]["content"] for s in samples)
    [one] = [s for s in loaded["paired"]["latest"] if s["instance"] == samples[0]["instance"]]
    mine = one["identities"].index(samples[0]["identity"])
    assert one["scores"][mine] == samples[0]["score"]


@pytest.mark.heavy
def test_the_snippets_of_the_card_run(hub: Hub, tmp_path: Path, runs: dict[str, Path]) -> None:
    assert publish(hub, tmp_path, runs["a"]).returncode == 0
    told = hub.repos[REPO].at("main")["README.md"].decode()
    blocks = re.findall(r"```python\n(.*?)```", told, re.DOTALL)
    shapes = python(hub, tmp_path, "\n".join([*blocks, "print(board.shape[0], scores.shape)"]))
    assert shapes.split("\n")[-2] == "2 (3, 2)"
    assert "policy/exact | ceiling | 1.000 (" in told
    assert "instances or settings of its own" in told  # it ran a file
    for column in LEADERBOARD:
        assert f"| `{column.name}` |" in told


def test_the_card_says_what_the_score_of_every_family_is() -> None:
    template = (Path(card.__file__).parent / "card.md.j2").read_text("utf-8")
    prose = template.partition("**Reading the numbers.**")[2].partition("*Floors*")[0]
    assert set(re.findall(r"`([\w-]+)`", prose)) == set(FAMILIES)


@pytest.mark.heavy
def test_ranks_come_with_the_run_they_are_of(hub: Hub, tmp_path: Path) -> None:
    def answer(_: int, body: Json) -> str:
        return '{"starts": {"T1": 0}}' if body["model"] == "one" else "none"

    file = instances(tmp_path / "i.jsonl", 6, level=1)
    with Loopback(answer) as server:
        for name, given in (("pair", ["openai/one", "openai/two"]), ("third", ["openai/three"])):
            how = [word for model in given for word in ("--model", model)]
            done = makespan("run", file, *how, "--base-url", server.url, "--out", tmp_path / name)
            assert done.returncode == 0, done.stderr
    ranks = []
    for name in ("pair", "third"):
        assert publish(hub, tmp_path, tmp_path / name).returncode == 0
        told = python(
            hub,
            tmp_path,
            f"""
            from datasets import load_dataset
            rows = load_dataset("{REPO}", "leaderboard", split="latest")
            print(sorted((row["model"], row["rank_low"], row["rank_of"]) for row in rows))
            """,
        )
        ranks.append(told.splitlines()[-1])
    known = {row["model"]: row["rank"] for row in board(tmp_path / "pair")}
    two = [(name, known[name]["low"], 2) for name in ("openai/one", "openai/two")]
    assert ranks[0] == str(two)
    three = [(name, None, None) for name in ("openai/one", "openai/three", "openai/two")]
    assert ranks[1] == str(three)  # they were not all ranked together


@pytest.mark.heavy
def test_what_is_there_is_not_published_again(
    hub: Hub, tmp_path: Path, runs: dict[str, Path]
) -> None:
    assert publish(hub, tmp_path, runs["a"]).returncode == 0
    before = list(hub.repos[REPO].log)
    uploads = len(hub.large)
    again = publish(hub, tmp_path, runs["a"])
    assert (again.returncode, again.stdout) == (0, f"nothing to do: {REPO} has it all\n")
    assert (hub.repos[REPO].log, len(hub.large)) == (before, uploads)


@pytest.mark.heavy
def test_the_newest_run_of_a_system_speaks_for_it(
    hub: Hub, tmp_path: Path, runs: dict[str, Path]
) -> None:
    newer = tmp_path / "newer"
    how = ["--model", "policy/edf", "--out", newer]
    assert makespan("run", runs["a"].parent / "one.jsonl", *how).returncode == 0
    manifest = json.loads((newer / "manifest.json").read_text())
    manifest["environment"]["created"] = "2999-01-01T00:00:00+00:00"
    (newer / "manifest.json").write_text(json.dumps(manifest))
    assert publish(hub, tmp_path, newer).returncode == 0
    assert publish(hub, tmp_path, runs["a"]).returncode == 0
    loaded = json.loads(
        python(
            hub,
            tmp_path,
            f"""
            import json
            from datasets import load_dataset
            found = [load_dataset("{REPO}", config, split="latest").to_list()
                     for config in ("leaderboard", "paired", "samples_rcpsp")]
            print(json.dumps(found))
            """,
        )
    )
    rows, pairs, samples = loaded
    assert {r["model"]: r["created"][:4] == "2999" for r in rows} == {
        "policy/edf": True,
        "policy/exact": False,
    }
    assert {(s["model"], s["run"]) for s in samples} == {(r["model"], r["run"]) for r in rows}
    assert (len(rows), len(samples)) == (2, 6)
    assert [p["systems"] for p in pairs] == [["policy/edf", "policy/exact"]] * 3
    assert [p["graded"] for p in pairs] == [[1, 1]] * 3


@pytest.mark.heavy
def test_two_publishers_at_once_both_land(hub: Hub, tmp_path: Path, runs: dict[str, Path]) -> None:
    hub.faults.append(both_at("/repos/create"))  # both make it
    hub.faults.append(both_at("/commit/"))  # neither commits before both have read the head
    started = [
        subprocess.Popen(
            command("publish", runs[name], "--repo", REPO),
            text=True,
            stderr=subprocess.PIPE,
            env={**os.environ, **hub.environment(tmp_path / name)},
        )
        for name in ("a", "b")
    ]
    told = [process.communicate(timeout=100)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0], told
    files = hub.repos[REPO].at("main")
    assert len(hub.repos[REPO].log) == 3
    assert len([p for p in files if p.startswith("leaderboard/one_")]) == 2
    models = python(
        hub,
        tmp_path,
        f"""
        from datasets import load_dataset
        print(sorted(load_dataset("{REPO}", "leaderboard", split="latest")["model"]))
        print(load_dataset("{REPO}", "paired", split="latest")[0]["systems"])
        """,
    )
    every = "['policy/edf', 'policy/exact', 'policy/serial']"
    assert models.splitlines() == [every, every]


@pytest.mark.heavy
def test_the_order_of_publishing_makes_no_difference(tmp_path: Path, runs: dict[str, Path]) -> None:
    ends = []
    for order in (["a", "b"], ["b", "a"]):
        with Hub() as hub:
            for name in order:
                assert publish(hub, tmp_path, runs[name]).returncode == 0
            ends.append(hub.repos[REPO].at("main"))
    assert ends[0] == ends[1]


@pytest.mark.heavy
@pytest.mark.parametrize(("status", "message"), [(503, "overloaded"), (429, "slow down")])
def test_a_refused_commit_is_tried_again(
    hub: Hub, tmp_path: Path, runs: dict[str, Path], status: int, message: str
) -> None:
    hub.faults.append(on("POST", "/commit/", refusal(status, message, Retry_After="0")))
    done = publish(hub, tmp_path, runs["b"])
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"hub: {status}: {message}; trying again\n"
    assert len(hub.repos[REPO].log) == 2


@pytest.mark.heavy
def test_a_hub_that_says_nothing_is_not_waited_for(
    hub: Hub, tmp_path: Path, runs: dict[str, Path]
) -> None:
    hanging = iter([True])

    async def hang(request: web.Request) -> None:
        if "/preupload/" in request.path and next(hanging, False):
            await asyncio.sleep(3600)

    hub.faults.append(hang)
    words = ["publish", str(runs["b"]), "--repo", REPO]
    told = python(
        hub,
        tmp_path,
        f"""
        import sys
        from harness.cli import main
        from harness.publish import hub
        hub.SECONDS = 2.0
        sys.stderr = sys.stdout
        print(main({words}))
        """,
    )
    assert told.splitlines()[-1] == "0"
    assert sum("/preupload/" in line for line in hub.seen) == 2
    assert len(hub.repos[REPO].log) == 2


@pytest.mark.heavy
def test_a_commit_whose_answer_was_lost_is_not_made_twice(
    hub: Hub, tmp_path: Path, runs: dict[str, Path]
) -> None:

    async def lose(request: web.Request) -> web.Response | None:
        if "/commit/" not in request.path:
            return None
        await hub.commit(request)
        return refusal(502, "bad gateway")

    hub.faults.append(lose)
    done = publish(hub, tmp_path, runs["b"])
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("nothing to do")
    assert "trying again" in done.stderr
    assert len(hub.repos[REPO].log) == 2


@pytest.mark.heavy
def test_onto_a_stale_parent_nothing_is_lost(
    hub: Hub, tmp_path: Path, runs: dict[str, Path]
) -> None:
    assert publish(hub, tmp_path, runs["a"]).returncode == 0
    repo = hub.repos[REPO]

    async def somebody_else(request: web.Request) -> None:
        if "/commit/" in request.path and "NOTES.md" not in repo.at("main"):
            repo.add("main", {**repo.at("main"), "NOTES.md": b"mine"}, "a note")

    hub.faults.append(somebody_else)
    done = publish(hub, tmp_path, runs["b"])
    assert done.returncode == 0, done.stderr
    assert done.stderr == "hub: 412: somebody else has committed; trying again\n"
    assert repo.at("main")["NOTES.md"] == b"mine"
    assert len([p for p in repo.at("main") if p.startswith("leaderboard/one_")]) == 2


@pytest.mark.heavy
def test_killed_during_the_upload_it_can_be_done_again(
    hub: Hub, tmp_path: Path, runs: dict[str, Path]
) -> None:
    uploading = threading.Event()

    async def hold(request: web.Request) -> None:
        if request.path.startswith("/upload/"):
            uploading.set()
            await asyncio.sleep(3600)

    hub.faults.append(hold)
    process = subprocess.Popen(
        command("publish", runs["a"], "--repo", REPO),
        env={**os.environ, **hub.environment(tmp_path)},
    )
    assert uploading.wait(60)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=60)
    assert hub.repos[REPO].log == ["initial"]
    hub.faults.clear()
    assert publish(hub, tmp_path, runs["a"]).returncode == 0
    assert len(hub.repos[REPO].log) == 2


@pytest.mark.heavy
def test_a_dry_run_shows_all_and_writes_nothing(
    hub: Hub, tmp_path: Path, runs: dict[str, Path]
) -> None:
    shown = publish(hub, tmp_path, runs["a"], "--dry-run", HF_TOKEN="")
    assert shown.returncode == 0, shown.stderr
    assert not hub.repos
    assert {line.split()[0] for line in hub.seen} == {"GET"}
    lines = shown.stdout.splitlines()[1:]
    assert publish(hub, tmp_path, runs["a"]).returncode == 0
    made = hub.repos[REPO].at("main")
    assert {line.split()[2] for line in lines} == set(made) - {".gitattributes"}
    for state, size, path in map(str.split, lines):
        assert (state, int(size.replace(",", ""))) == ("new", len(made[path]))
    again = publish(hub, tmp_path, runs["b"], "--dry-run")
    states = {line.split()[2]: line.split()[0] for line in again.stdout.splitlines()[1:]}
    assert states["README.md"] == states["leaderboard/latest.parquet"] == "changed"
    assert len(hub.repos[REPO].log) == 2


def test_a_dry_run_without_a_hub_says_so(hub: Hub, tmp_path: Path, runs: dict[str, Path]) -> None:
    away = "http://127.0.0.1:9"
    shown = publish(hub, tmp_path, runs["a"], "--dry-run", HF_TOKEN="", HF_ENDPOINT=away)
    assert shown.returncode == 0
    assert shown.stderr.startswith("hub: ConnectError: ")
    assert shown.stderr.endswith("; shown as if nothing were there\n")
    assert "  README.md\n" in shown.stdout


@pytest.mark.heavy
def test_no_secret_is_published(hub: Hub, tmp_path: Path) -> None:
    def leak(number: int, _: Json) -> str | Fault:
        if number == 3:
            return Fault(400, json.dumps({"error": {"message": f"bad key {KEY} {TOKEN}"}}))
        return f'{{"starts": {{}}, "key": "{KEY}", "token": "{TOKEN}"}}'

    with Loopback(leak) as server:
        how = [
            "--model",
            "openai/m",
            "--base-url",
            server.url,
            "--out",
            tmp_path / "run",
            "--extra-body",
            json.dumps({"user": KEY}),
            "--max-connections",
            1,
        ]
        assert makespan("run", instances(tmp_path / "i.jsonl", 3), *how).returncode == 1
    done = publish(hub, tmp_path, tmp_path / "run", SOME_API_KEY=KEY)
    assert done.returncode == 1  # one episode has no grade
    assert done.stderr == f"{tmp_path / 'run'} has episodes without a grade: the tables say so\n"
    files = {p: c for p, c in hub.repos[REPO].at("main").items() if not p.endswith(".parquet")}
    text = b"".join(files.values()).decode() + python(
        hub,
        tmp_path,
        f"""
        from datasets import get_dataset_config_names, load_dataset
        for config in get_dataset_config_names("{REPO}"):
            for split in load_dataset("{REPO}", config).values():
                print(split.to_list())
        """,
    )
    assert KEY not in text
    assert TOKEN not in text
    assert '"key": "***"' in text
    assert "bad key ***" in text
    assert "1 episodes ended in an error" in text


def test_private_and_revision(hub: Hub, tmp_path: Path, runs: dict[str, Path]) -> None:
    assert publish(hub, tmp_path, runs["a"], "--private", "--revision", "v1").returncode == 0
    repo = hub.repos[REPO]
    assert repo.private
    assert set(repo.branches) == {"main", "v1"}
    assert set(repo.at("main")) == {".gitattributes"}
    assert "README.md" in repo.at("v1")
    assert publish(hub, tmp_path, runs["a"], "--private", "--revision", "v1").returncode == 0
    repo.private = False
    refused = publish(hub, tmp_path, runs["b"], "--private")
    assert refused.returncode == 2
    assert "is there, and public" in refused.stderr


@pytest.mark.heavy
def test_a_readme_of_ones_own_is_not_written_over(
    hub: Hub, tmp_path: Path, runs: dict[str, Path]
) -> None:
    assert publish(hub, tmp_path, runs["a"]).returncode == 0
    repo = hub.repos[REPO]
    for text, told in (
        ("# Mine\n", "has a README.md of its own"),
        (MARKER.replace("tables ", "tables 0"), "published by another version"),
    ):
        repo.add("main", {**repo.at("main"), "README.md": text.encode()}, "edit")
        done = publish(hub, tmp_path, runs["b"])
        assert done.returncode == 2
        assert told in done.stderr
    repo.add("main", {**repo.at("main"), "README.md": b"---\nlicense: mit\n---\n"}, "edit")
    assert publish(hub, tmp_path, runs["b"]).returncode == 0


@pytest.mark.parametrize(
    ("words", "extra", "told"),
    [
        ([], {"HF_TOKEN": ""}, "no API key: set the environment variable HF_TOKEN"),
        ([], {"repo": "results"}, "'results' is not of the form OWNER/NAME"),
        ([], {"repo": "me/a--b"}, "is no name of a repository"),
        ([], {"HF_TOKEN": "hf_expired00000"}, "hub: 401: HF_TOKEN is refused: expired"),
        ([], {"HF_HUB_OFFLINE": "1"}, "hub: OfflineModeIsEnabled"),
        (["--dry-run"], {"HF_TOKEN": "hf_expired00000"}, "hub: 401: HF_TOKEN is refused: expired"),
    ],
)
def test_failures_are_one_line(
    hub: Hub, tmp_path: Path, runs: dict[str, Path], words: list[str], extra: Any, told: str
) -> None:
    done = publish(hub, tmp_path, runs["b"], *words, **extra)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not hub.repos


def test_a_permission_that_is_missing_is_one_line(
    hub: Hub, tmp_path: Path, runs: dict[str, Path]
) -> None:
    hub.faults.append(on("POST", "/commit/", refusal(403, "Forbidden")))
    done = publish(hub, tmp_path, runs["b"])
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "hub: 403: HF_TOKEN may not do this" in done.stderr


@pytest.mark.heavy
def test_an_answer_that_lacks_a_field_is_one_line(
    hub: Hub, tmp_path: Path, runs: dict[str, Path]
) -> None:
    hub.faults.append(on("POST", "/repos/create", web.json_response({"id": REPO})))
    done = publish(hub, tmp_path, runs["b"])
    assert (done.returncode, done.stderr) == (2, "makespan publish: hub: its answer has no 'url'\n")


def test_every_field_of_a_row_and_a_record_is_published() -> None:
    ranks = {f"rank_{name}" for name in Rank.__struct_fields__}
    fields = set(Row.__struct_fields__) - {"rank"} - UNPUBLISHED | ranks
    assert fields <= {column.name for column in LEADERBOARD}
    told = {"grade": "verdict", "problem": "problem"}
    fields = {told.get(name, name) for name in Record.__struct_fields__} - UNPUBLISHED
    assert fields <= {column.name for column in SAMPLES}


# What several folders hold, and parts ----------------------------------------------------------


def leaderboard(hub: Hub, place: Path) -> list[str]:
    """The models of `latest`, in order."""
    file = place / "latest.parquet"
    file.write_bytes(hub.repos[REPO].at("main")["leaderboard/latest.parquet"])
    return sorted(row["model"] for row in read_parquet(file, LEADERBOARD))


@pytest.mark.heavy
def test_floors_that_runs_share_are_once_in_latest(
    hub: Hub, tmp_path: Path, runs: dict[str, Path]
) -> None:
    file = runs["a"].parent / "one.jsonl"
    words = ("--model", "policy/list-best", "--model", "policy/edf")
    assert makespan("run", file, *words, "--out", tmp_path / "more").returncode == 0
    done = publish(hub, tmp_path, runs["a"], tmp_path / "more")
    assert done.returncode == 0, done.stderr
    assert leaderboard(hub, tmp_path) == ["policy/edf", "policy/exact", "policy/list-best"]


@pytest.mark.heavy
def test_two_samples_of_a_model_are_not_published_together(hub: Hub, tmp_path: Path) -> None:
    file = instances(tmp_path / "i.jsonl", 2)
    with Loopback(lambda *_: "no") as server:
        for name in ("x", "y"):
            how = ("--model", "openai/m", "--model", "policy/edf", "--base-url", server.url)
            words = ("run", file, *how, "--limit", 1 + (name == "y"), "--out", tmp_path / name)
            assert makespan(*words).returncode == 0
            manifest = tmp_path / name / "manifest.json"
            day = manifest.read_text().replace('"created": "20', f'"created": "{name == "y":d}9')
            manifest.write_text(day)
    refused = publish(hub, tmp_path, tmp_path / "x", tmp_path / "y")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "do not have the same episode of openai/m on " in refused.stderr
    assert REPO not in hub.repos
    floors = publish(hub, tmp_path, tmp_path / "x", tmp_path / "y", "--model", "policy/*")
    assert floors.returncode == 0, floors.stderr


def test_a_part_is_published_and_nothing_else_is_named(
    hub: Hub, tmp_path: Path, runs: dict[str, Path]
) -> None:
    words = (runs["a"], runs["b"], runs["big"])
    done = publish(hub, tmp_path, *words, "--model", "policy/exact")
    assert done.returncode == 0, done.stderr
    assert f"{runs['b']} has nothing of what is selected" in done.stderr
    files = hub.repos[REPO].at("main")
    assert leaderboard(hub, tmp_path) == ["policy/exact"]
    [manifest] = [text for path, text in files.items() if path.startswith("runs/")]
    assert b"policy/edf" not in manifest
    [samples] = [path for path in files if path.startswith("samples_")]
    assert "exact" in samples
    again = publish(hub, tmp_path, runs["a"])
    assert again.returncode == 0
    assert len([path for path in hub.repos[REPO].at("main") if path.startswith("samples_")]) == 2
    wrong = publish(hub, tmp_path, *words, "--model", "policy/exacts")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert "did you mean policy/exact" in wrong.stderr
