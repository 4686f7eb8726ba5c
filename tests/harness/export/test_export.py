"""Runs in other people's formats, read by their own readers where those are installed.

MAKESPAN_EEE is a folder with the package `every_eval_ever`, MAKESPAN_INSPECT_PYTHON the Python of
an environment with inspect-ai.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from msgspec import to_builtins

from harness.export.columns import SAMPLES
from harness.store.search_plan import SearchPlan
from tests.harness.helpers import board, instances, makespan
from tests.loopback import FAULTS, Fault, Json, Loopback

EEE = os.environ.get("MAKESPAN_EEE")
INSPECT = os.environ.get("MAKESPAN_INSPECT_PYTHON")
KEY = "sk-planted-0123456789"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Runs of one-shot episodes, good, bad and failed, of years with a memory, and with tools."""
    root = tmp_path_factory.mktemp("runs")

    def shot(number: int, _: Json) -> str | Fault:
        replies: list[str | Fault] = ['{"starts": {}}', f"not JSON, {KEY}", FAULTS["server"]]
        return replies[number - 1] if number <= 3 else replies[2]

    def year(number: int, _: Json) -> str:
        return '{"operations": []}' if number % 2 else '{"accept": "E1", "ranking": ["E1"]}'

    how = ["--max-connections", 1, "--max-attempts", 1, "--temperature", 0.5]
    for name, answer, words in (
        ("shots", shot, [instances(root / "i.jsonl", 3), "--model", "policy/exact"]),
        ("years", year, ["calendar", "--limit", 1, "--memory", "facts", "-T", "rounds=40"]),
    ):
        with Loopback(answer) as server:
            made = makespan(
                "run",
                *words,
                "--model",
                "openai/test/m:1",
                "--base-url",
                server.url,
                "--out",
                root / name,
                *how,
            )
            assert made.returncode in (0, 1), made.stderr
    tools = ["tools", "--level", 2, "--limit", 2, "--model", "policy/optimal"]
    assert makespan("run", *tools, "--out", root / "tools").returncode == 0
    return {name: root / name for name in ("shots", "years", "tools")}


def export(folder: Path, form: str, out: Path) -> None:
    done = makespan("export", folder, "--format", form, "--out", out, SOME_API_KEY=KEY)
    assert done.returncode == 0, done.stderr


@pytest.mark.heavy
def test_csv_jsonl_and_parquet_hold_the_same(tmp_path: Path, runs: dict[str, Path]) -> None:
    for form in ("csv", "jsonl", "parquet"):
        export(runs["shots"], form, tmp_path / f"out.{form}")
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    with (tmp_path / "out.csv").open(newline="") as file:
        cells = list(csv.DictReader(file))
    names = [column.name for column in SAMPLES]
    assert [list(line) for line in lines] == [names] * 6
    assert [list(line) for line in cells] == [names] * 6
    verdicts = ["valid"] * 3 + ["infeasible", "unparsable", "error"]
    assert [line["verdict"] for line in lines] == [c["verdict"] for c in cells] == verdicts
    assert lines[-1]["score"] is None
    assert lines[-1]["boundary"] == "provider"
    assert cells[-1]["score"] == ""
    for line, cell in zip(lines, cells, strict=True):
        for column in SAMPLES:
            if column.kind in ("json", "values", "replies") and cell[column.name]:
                assert json.loads(cell[column.name]) == line[column.name]
    assert lines[4]["replies"][0]["text"] == "not JSON, ***"
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = parquet.read_table(tmp_path / "out.parquet").to_pylist()
    for line, row in zip(lines, rows, strict=True):
        for column in SAMPLES:
            value = row[column.name]
            known = json.loads(value) if column.kind == "json" and value is not None else value
            assert known == line[column.name], column.name


@pytest.mark.heavy
def test_the_same_run_gives_the_same_bytes(tmp_path: Path, runs: dict[str, Path]) -> None:
    pytest.importorskip("pyarrow")
    for form in ("csv", "jsonl", "parquet", "eee", "inspect"):
        contents = []
        for name in ("one", "other"):
            out = tmp_path / name / form
            out.parent.mkdir(exist_ok=True)
            export(runs["shots"], form, out)
            found = [out] if out.is_file() else sorted(p for p in out.rglob("*") if p.is_file())
            contents.append([(p.relative_to(out), p.read_bytes()) for p in found])
        assert contents[0] == contents[1], form


def aggregates(root: Path) -> dict[str, Any]:
    """The aggregate files below a folder, by model."""
    found = [json.loads(path.read_text()) for path in root.rglob("*.json")]
    return {one["model_info"]["name"]: one for one in found}


def lines_of(root: Path, aggregate: Any) -> list[Any]:
    """The samples that an aggregate names, their checksum checked."""
    detail = aggregate["detailed_evaluation_results"]
    content = (root / detail["file_path"]).read_bytes()
    assert sha256(content).hexdigest() == detail["checksum"]
    made = [json.loads(line) for line in content.splitlines()]
    assert len(made) == detail["total_rows"]
    return made


@pytest.mark.heavy
def test_eee_has_the_numbers_of_the_board(tmp_path: Path, runs: dict[str, Path]) -> None:
    export(runs["shots"], "eee", tmp_path)
    rows = {row["model"]: row for row in board(runs["shots"])}
    found = aggregates(tmp_path)
    assert set(found) == set(rows)
    for model, one in found.items():
        [result] = one["evaluation_results"]
        score, uncertainty = rows[model]["score"], result["score_details"]["uncertainty"]
        assert result["score_details"]["score"] == score["value"]
        assert uncertainty["confidence_interval"]["lower"] == score["low"]
        assert uncertainty["num_samples"] == rows[model]["n"] - rows[model]["errors"]
    mine = found["openai/test/m:1"]
    assert mine["model_info"]["id"] == "test/m-1"
    assert mine["model_info"]["additional_details"]["deployment_type"] == "self_deployed"
    samples = lines_of(tmp_path, mine)
    assert [s["interaction_type"] for s in samples] == ["single_turn"] * 3
    assert [bool(s["error"]) for s in samples] == [False, False, True]
    assert [s["output"]["raw"] for s in samples] == [['{"starts": {}}'], ["not JSON, ***"], []]
    assert [len(s["answer_attribution"]) for s in samples] == [1, 0, 0]


def test_eee_tells_years_as_talks(tmp_path: Path, runs: dict[str, Path]) -> None:
    export(runs["years"], "eee", tmp_path)
    [one] = aggregates(tmp_path).values()
    [talk] = lines_of(tmp_path, one)
    assert talk["interaction_type"] == "multi_turn"
    replies = [m["turn_idx"] for m in talk["messages"] if m["role"] == "assistant"]
    assert len(replies) == talk["evaluation"]["num_turns"] == 40  # the memory's own are not in it
    assert {a["turn_idx"] for a in talk["answer_attribution"]} <= set(replies)


def test_eee_tells_tools_as_agentic(tmp_path: Path, runs: dict[str, Path]) -> None:
    export(runs["tools"], "eee", tmp_path)
    [one] = aggregates(tmp_path).values()
    for made in lines_of(tmp_path, one):
        assert made["interaction_type"] == "agentic"
        calls = [c for m in made["messages"] for c in m.get("tool_calls", [])]
        results = [m for m in made["messages"] if m["role"] == "tool"]
        assert len(calls) == len(results) == made["evaluation"]["tool_calls_count"] > 0
        assert made["evaluation"]["is_correct"]


@pytest.mark.skipif(not (EEE or find_spec("every_eval_ever")), reason="needs every_eval_ever")
def test_their_validator_accepts_eee(tmp_path: Path, runs: dict[str, Path]) -> None:
    for folder in runs.values():
        export(folder, "eee", tmp_path)
    program = "import sys; from every_eval_ever.validator.validate import main; sys.exit(main())"
    paths = [str(path) for path in tmp_path.rglob("*.json*") if path.is_file()]
    kinds = {"single_turn", "multi_turn", "agentic"}
    said = "".join(Path(path).read_text() for path in paths)
    assert all(f'"interaction_type":"{kind}"' in said for kind in kinds)
    done = subprocess.run(
        [sys.executable, "-c", program, "--format", "github", *paths],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": EEE or ""},
    )
    assert (done.returncode, done.stdout.strip()) == (0, "")  # 1 errors, 2 warnings


READ = """
import json, sys
from inspect_ai.log import list_eval_logs, read_eval_log
found = []
for place in list_eval_logs(sys.argv[1]):
    log = read_eval_log(place.name)
    found.append({
        "model": log.eval.model, "status": log.status,
        "score": log.results.scores[0].metrics["score"].value,
        "samples": [[s.id, s.epoch, len(s.messages), s.error and s.error.message,
                     s.scores and s.scores["makespan"].value] for s in log.samples],
    })
print(json.dumps(found))
"""


def test_inspect_logs_hold_every_episode(tmp_path: Path, runs: dict[str, Path]) -> None:
    export(runs["shots"], "inspect", tmp_path)
    logs = [json.loads(path.read_text()) for path in tmp_path.iterdir()]
    [mine] = [log for log in logs if log["eval"]["model"] == "openai/test/m:1"]
    assert mine["results"]["completed_samples"] == 2
    assert [bool(s.get("error")) for s in mine["samples"]] == [False, False, True]
    assert [s.get("scores", {}).get("makespan", {}).get("value") for s in mine["samples"]] == [
        0.0,
        0.0,
        None,
    ]
    assert KEY not in json.dumps(logs)


@pytest.mark.skipif(not INSPECT, reason="needs MAKESPAN_INSPECT_PYTHON")
def test_inspect_ai_reads_the_logs(tmp_path: Path, runs: dict[str, Path]) -> None:
    for folder in runs.values():
        export(folder, "inspect", tmp_path)
    done = subprocess.run(
        [str(INSPECT), "-c", READ, tmp_path], capture_output=True, text=True, check=True
    )
    logs = json.loads(done.stdout)
    scores = {row["model"]: row["score"]["value"] for row in board(runs["shots"])}
    shots = {log["model"]: log for log in logs if len(log["samples"]) == 3}
    assert len(logs) == 4
    assert {model: log["score"] for model, log in shots.items()} == scores
    errors = [s[3] for log in shots.values() for s in log["samples"] if s[3]]
    assert len(errors) == 1
    assert errors[0].startswith("provider: server")
    [year] = [log for log in logs if len(log["samples"]) == 1]
    assert year["samples"][0][2] >= 80
    assert year["status"] == "success"


def test_what_is_no_run_folder_is_told(tmp_path: Path) -> None:
    file = instances(tmp_path / "i.jsonl", 1)
    done = makespan("export", file, "--format", "csv", "--out", tmp_path / "x.csv")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "is no run folder" in done.stderr
    assert not (tmp_path / "x.csv").exists()


def test_parquet_goes_to_no_device(tmp_path: Path, runs: dict[str, Path]) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    done = makespan("export", runs["tools"], "--format", "parquet", "--out", pipe)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "it is no regular file" in done.stderr
    assert pipe.is_fifo()


def test_a_search_for_programs_is_no_run_to_export(tmp_path: Path, runs: dict[str, Path]) -> None:
    search, out = tmp_path / "search", tmp_path / "x.csv"
    shutil.copytree(runs["tools"], search)
    manifest = json.loads((search / "manifest.json").read_text())
    manifest["configuration"]["evolve"] = to_builtins(SearchPlan("tardiness", "lock", 1))
    (search / "manifest.json").write_text(json.dumps(manifest))
    for form in ("csv", "jsonl", "eee"):
        done = makespan("export", search, "--format", form, "--out", out)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert "makespan evolve show" in done.stderr
        assert not out.exists()
