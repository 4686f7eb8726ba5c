"""A search for a pipeline on a model of known skill: it finds what is better, and says at what."""

import json
from pathlib import Path

import pytest

from harness.tune.halving import rungs
from harness.tune.space import read_plan, sampled, space_of
from tasks.base import InputError
from tests.factories.pipelines import role_of
from tests.harness.helpers import makespan
from tests.loopback import Json, Loopback, prompt_of

PLAN = """
family = "tardiness"
model = "openai/m"
level = 5
tokens = 400
instances = 4
held_out = 5
trials = 4
eta = 2
base_url = "{url}"

[[shapes]]
layers = [{{type = "generator", samples = [1, 2, 8]}}, {{type = "checker", top_k = 1}}]

[[shapes]]
layers = [{{type = "generator", samples = [3]}}, {{type = "ranker", top_k = 1}}]
"""


def skilled(number: int, body: Json) -> str:
    """A model whose every second answer is empty, and whose ranks put the first one first."""
    if role_of(body["messages"][-1]["content"]) != "answer":
        return "[1]"
    jobs = [line[2:5] for line in prompt_of(body).splitlines() if line.startswith("- J")]
    return json.dumps({"order": jobs if number % 2 else []})


def test_the_better_pipeline_is_found_and_only_it_is_ranked(tmp_path: Path) -> None:
    plan, out = tmp_path / "plan.toml", tmp_path / "out"
    with Loopback(skilled) as server:
        plan.write_text(PLAN.format(url=server.url))
        done = makespan("tune", plan, "--out", out, "--json", "--max-connections", 1)
        assert done.returncode == 0, done.stderr
        count = len(server.requests)
        again = makespan("tune", plan, "--out", out, "--max-connections", 1)
        assert again.returncode == 0, again.stderr
        assert len(server.requests) == count  # nothing is asked twice
    result = json.loads(done.stdout)
    assert json.loads((out / "tune.json").read_text()) == result
    assert result["space"] == 4
    assert [(r["trials"], r["instances"]) for r in result["rungs"]] == [(4, 1), (2, 2), (1, 4)]
    first, *others = result["rows"]
    assert "checker1" in first["pipeline"]
    assert [row["ranked"] for row in result["rows"]] == [True, *[False] * len(others)]
    words = [row["what"] for row in others]
    assert words[0] == "the best single model"
    assert "by vote" in words[1]
    assert "by the checker" in words[2]
    assert words[3] == "the best of a random search"
    single = others[0]
    assert first["score"] >= single["score"]
    assert all(row["tokens"] <= 400 for row in result["rows"])
    assert "only the first row is ranked" in again.stdout
    held = json.loads((Path(first["folder"]) / "manifest.json").read_text())
    assert held["configuration"]["suite"]["seed"] == 1


def test_another_plan_needs_another_folder_and_too_few_tokens_are_told(tmp_path: Path) -> None:
    plan, out = tmp_path / "plan.toml", tmp_path / "out"
    with Loopback(skilled) as server:
        text = PLAN.format(url=server.url)
        plan.write_text(text.replace("tokens = 400", "tokens = 1"))
        done = makespan("tune", plan, "--out", out)
        assert done.returncode == 2
        assert "an answer takes" in done.stderr
        plan.write_text(text)
        done = makespan("tune", plan, "--out", out)
    assert done.returncode == 2
    assert "has a search of another plan" in done.stderr


def test_rungs_end_with_one_trial_on_all_instances() -> None:
    assert rungs(27, 27, 3) == [(27, 1), (9, 3), (3, 9), (1, 27)]
    assert rungs(5, 8, 2) == [(5, 1), (3, 2), (2, 4), (1, 8)]
    assert rungs(1, 8, 2) == [(1, 8)]


def test_a_space_has_each_pipeline_once_and_a_sample_is_the_same_each_time(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN.format(url="http://127.0.0.1:9/v1"))
    space = space_of(read_plan(path), "it")
    assert [each.name for each in space] == [
        "generator1-checker1",
        "generator2-checker1",
        "generator8-checker1",
        "generator3-ranker1",
    ]
    assert sampled(space, 9, "x") == space
    assert sampled(space, 2, "x") == sampled(space, 2, "x")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("held_out = 5", "held_out_seed = 0"), "nothing is held out"),
        (("samples = [1, 2, 8]", "samples = []"), "a choice of no values"),
        (("tokens = 400", "token = 400"), "unknown key"),
        (("samples = [3]", "samples = [0]"), "samples"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(
    change: tuple[str, str], why: str, tmp_path: Path
) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN.format(url="http://127.0.0.1:9/v1").replace(*change))
    with pytest.raises(InputError, match=why):
        space_of(read_plan(path), str(path))
