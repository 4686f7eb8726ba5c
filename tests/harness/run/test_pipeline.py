"""Runs by pipelines: ten of them, replies shuffled in time, replays without a model, seats."""

import json
from pathlib import Path
from random import Random
from time import sleep

import pytest

from harness.agents.pipeline_file import read_pipeline
from harness.store.folder import Folder
from tests.factories.pipelines import NAMES, play, role_of, written
from tests.harness.helpers import board, makespan, rows
from tests.loopback import Json, Loopback, says

LIMIT = 3
JOURNAL = (
    "select key, path, request, reply from attempts join episodes on id = episode"
    " where reply is not null order by key, path"
)
EFFECTS = "select path, request, outcome from effects join episodes on id = episode order by key, 1"
RECORDS = "select key, record from records join episodes on id = episode order by version, key"


def run(out: Path, path: Path, server: Loopback, *words: object, models: str = "") -> str:
    """What a run by a pipeline writes to standard error."""
    model = ("--model", "openai/m", "--base-url", server.url)
    how = (
        "run",
        "tardiness",
        "--level",
        5,
        "--limit",
        LIMIT,
        "--agent",
        f"pipeline:{path}{models}",
    )
    done = makespan(*how, *model, *words, "--out", out)
    assert done.returncode == 0, done.stderr
    return done.stderr


def timeless(out: Path) -> list[tuple[str, str, str, Json]]:
    """The journal's replies without what they took in time."""
    replies = []
    for key, path, request, text in rows(out, JOURNAL):
        reply = json.loads(text)
        reply.pop("seconds", None)
        replies.append((key, path, request, reply))
    return replies


def records(out: Path) -> list[Json]:
    """All records without what they took in time, by version and episode."""
    whole = [{"key": key, **json.loads(text)} for key, text in rows(out, RECORDS)]
    return [{k: v for k, v in each.items() if k != "seconds"} for each in whole]


def digest(out: Path) -> str:
    return makespan("audit", out).stdout.splitlines()[-1]


@pytest.mark.heavy
@pytest.mark.parametrize("name", NAMES)
def test_replies_in_any_order_make_the_same_run_which_replays_without_a_model(
    name: str, tmp_path: Path
) -> None:
    path = written(tmp_path, name)
    draw = Random(name)

    def late(number: int, body: Json) -> str:
        sleep(draw.random() / 50)
        return play(number, body)

    models = "" if name == "seats" else ",models=run"
    with Loopback(play) as server:
        run(tmp_path / "one", path, server, models=models)
        calls = len(server.requests)
        with Loopback(late) as slow:
            run(tmp_path / "two", path, slow, models=models)
            assert len(slow.requests) == calls
    one, two = tmp_path / "one", tmp_path / "two"
    assert timeless(one) == timeless(two)
    assert rows(one, EFFECTS) == rows(two, EFFECTS)
    assert records(one) == records(two)
    assert digest(one) == digest(two)
    assert f"changed 0 of {LIMIT}" in makespan("regrade", one).stdout
    assert records(one)[LIMIT:] == records(one)[:LIMIT]
    assert len(rows(one, JOURNAL)) == calls <= LIMIT * read_pipeline(path).pipeline.calls
    assert sum(each["calls"] for each in records(one)[:LIMIT]) == calls
    assert board(one)[0]["errors"] == 0


@pytest.mark.heavy
def test_what_cannot_be_read_is_counted_in_the_record_and_told(tmp_path: Path) -> None:
    def mumble(number: int, body: Json) -> str:
        role = role_of(body["messages"][-1]["content"])
        return play(number, body) if role == "answer" else "I cannot say."

    kinds = {
        "ranked": {"critique unreadable": 1, "ranking unreadable": 1},
        "verified": {"none verified": 1, "verdict unreadable": 4},
        "tested": {"tests unreadable": 1},
    }
    for name, notes in kinds.items():
        out, path = tmp_path / name, written(tmp_path, name)
        with Loopback(mumble) as server:
            run(out, path, server, models=",models=run")
        assert [each["notes"] for each in records(out)] == [notes] * LIMIT
        told = makespan("board", out).stdout
        for kind, count in notes.items():
            assert f"{count * LIMIT} x {kind}" in told
        identity = json.loads(records(out)[0]["key"])[2]
        assert "unreadable" in makespan("show", out, identity).stdout


def test_a_run_without_a_pipeline_has_no_trace_of_one(tmp_path: Path) -> None:
    out = tmp_path / "run"
    makespan("run", "tardiness", "--limit", 1, "--model", "policy/edd", "--out", out)
    assert "notes" not in records(out)[0]
    manifest = json.loads((out / "manifest.json").read_text())
    assert not {"pipeline", "seats"} & manifest["configuration"].keys()
    assert "notes" not in board(out)[0]


def test_each_seat_asks_its_own_model_with_its_own_sampling(tmp_path: Path) -> None:
    out, path = tmp_path / "run", written(tmp_path, "seats")
    with Loopback(play) as server:
        run(out, path, server, "--temperature", 0.3)
        asked = {
            (r.body["model"], r.body["temperature"], role_of(r.body["messages"][-1]["content"]))
            for r in server.requests
        }
    assert asked == {("m", 0.3, "answer"), ("judge", 0.0, "ranker")}
    configuration = Folder.open(out).manifest.configuration
    assert [spec.name for spec in configuration.asked] == [
        "openai/m",
        "openai/judge:temperature=0,max_output_tokens=99",
    ]
    [row] = board(out)
    assert row["agent"].startswith("pipeline:seats@")
    assert list(row["setup"]["seats"]) == ["openai/judge:temperature=0,max_output_tokens=99"]


def test_the_price_of_each_seat_is_its_models_own(tmp_path: Path) -> None:
    judge = "openai/judge:temperature=0,max_output_tokens=99"
    prices = ("--price", "openai/m=1,1", "--price", f"{judge}=1000,1000")
    with Loopback(play) as server:
        run(tmp_path / "run", written(tmp_path, "seats"), server, *prices)
    for key, text in rows(
        tmp_path / "run", "select key, record from records join episodes on id = episode"
    ):
        replies = [
            (path, json.loads(reply)["usage"])
            for each, path, _, reply in rows(tmp_path / "run", JOURNAL)
            if each == key
        ]
        cost = sum(
            (usage["input"] + usage["output"]) * (1000 if "ranker" in path else 1) / 1e6
            for path, usage in replies
        )
        assert json.loads(text)["cost"] == pytest.approx(cost)


def test_a_judge_that_is_refused_stops_the_run_and_it_goes_on_from_its_journal(
    tmp_path: Path,
) -> None:
    def closed(number: int, body: Json) -> object:
        return says(401, "no") if body["model"] == "judge" else play(number, body)

    out, path = tmp_path / "run", written(tmp_path, "seats")
    how = ("run", "tardiness", "--level", 5, "--limit", 1, "--agent", f"pipeline:{path}")
    with Loopback(closed) as server:  # type: ignore[arg-type]
        model = ("--model", "openai/m", "--base-url", server.url)
        done = makespan(*how, *model, "--out", out)
    assert done.returncode == 2
    path.unlink()  # the folder has all of it
    manifest = out / "manifest.json"
    with Loopback(play) as server:
        text = manifest.read_text().replace(
            json.loads(manifest.read_text())["configuration"]["models"][0]["base_url"], server.url
        )
        manifest.write_text(text)
        assert makespan("resume", out).returncode == 0
        assert {r.body["model"] for r in server.requests} == {"judge"}
    assert board(out)[0]["errors"] == 0


def test_a_run_that_would_not_ask_its_own_model_is_refused(tmp_path: Path) -> None:
    path, out = written(tmp_path, "verified"), tmp_path / "run"
    how = ("run", "tardiness", "--limit", 1, "--out", out, "--base-url", "http://127.0.0.1:9/v1")
    done = makespan(*how, "--agent", f"pipeline:{path}", "--model", "openai/other")
    assert done.returncode == 2
    assert "asks only the models that it names: give one of them as --model (openai/m)" in (
        done.stderr
    )
    assert not out.exists()


@pytest.mark.parametrize(
    ("family", "name", "why"),
    [
        ("tools", "vote", "calls of tools cannot be ranked"),
        ("calendar", "checked", "allows no checker"),
        ("calendar", "repaired", "allows no checker"),
    ],
)
def test_where_it_makes_no_sense_it_is_refused(
    family: str, name: str, why: str, tmp_path: Path
) -> None:
    agent = f"pipeline:{written(tmp_path, name)}"
    done = makespan("run", family, "--agent", agent, "--limit", 1, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert why in done.stderr


def test_a_floor_draws_as_under_the_agent_checker_and_has_the_same_means(tmp_path: Path) -> None:
    path = written(tmp_path, "checked")
    how = ("run", "tardiness", "--level", 6, "--limit", 6, "--model", "policy/random")
    for name, agent in (("pipeline", f"pipeline:{path}"), ("checker", "checker:4,mode=best")):
        done = makespan(*how, "--agent", agent, "--out", tmp_path / name)
        assert done.returncode == 0, done.stderr
    [one], [two] = board(tmp_path / "pipeline"), board(tmp_path / "checker")
    assert one["means"] == two["means"] == ["checker (4 checks)"]
    assert one["score"] == two["score"]


def test_a_run_file_has_the_pipeline_from_where_it_is_and_a_folder_gives_it_back(
    tmp_path: Path,
) -> None:
    (tmp_path / "deep").mkdir()
    written(tmp_path / "deep", "checked")
    (tmp_path / "deep" / "run.toml").write_text(
        'suites = [{name = "tardiness", level = 4, limit = 2}]\nagent = "pipeline:checked.toml"\n'
        'out = "out"\n[[models]]\nname = "policy/random"\n'
    )
    assert makespan("run", tmp_path / "deep" / "run.toml").returncode == 0
    out = tmp_path / "deep" / "out"
    again = tmp_path / "again"
    agent = f"pipeline:{out / 'manifest.json'}"
    how = ("run", "tardiness", "--level", 4, "--limit", 2, "--model", "policy/random")
    assert makespan(*how, "--agent", agent, "--out", again).returncode == 0
    assert records(again) == records(out)
    assert makespan(*how, "--agent", agent, "--out", out).returncode == 0  # it is the same run
