"""A search for a pipeline on models of known skill: it finds what is better, and says at what."""

import json
import re
import signal
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from harness.tune.halving import rungs
from tests.factories.pipelines import TUNE, role_of
from tests.harness.helpers import board, command, makespan
from tests.loopback import Fault, Json, Loopback, prompt_of, says


class Skilled:
    """A model that orders jobs by due date every so many times, and else names none.

    Of several answers it ranks the first one first.

    Attributes:
        every: answers from one good one to the next, by model.
        prompts: of all answers, in the order in which they came.
    """

    def __init__(self, **every: int) -> None:
        self.every = every
        self.prompts: list[str] = []
        self._count: Counter[tuple[str, str]] = Counter()

    def __call__(self, _: int, body: Json) -> str:
        if role_of(body["messages"][-1]["content"]) != "answer":
            return "[1]"
        prompt, model = prompt_of(body), body["model"]
        self.prompts.append(prompt)
        self._count[model, prompt] += 1
        good = self._count[model, prompt] % self.every.get(model, 2) == 0
        return json.dumps({"order": _by_due_date(prompt) if good else []})


def _by_due_date(prompt: str) -> list[str]:
    """The jobs of a prompt, the earliest due date first."""
    jobs = re.findall(r"^- (J\d+): .*due date (\d+)$", prompt, re.MULTILINE)
    return [name for name, date in sorted(jobs, key=lambda job: int(job[1]))]


def tuned(plan: Path, server: Loopback, out: Path, *words: object, text: str = TUNE) -> Any:
    """What `makespan tune` comes to."""
    plan.write_text(text.format(url=server.url))
    done = makespan("tune", plan, "--out", out, "--json", "--max-connections", 1, *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.heavy
def test_the_better_pipeline_is_found_and_only_it_is_ranked(tmp_path: Path) -> None:
    plan, out, model = tmp_path / "plan.toml", tmp_path / "out", Skilled()
    with Loopback(model) as server:
        result = tuned(plan, server, out)
        count = len(server.requests)
        again = makespan("tune", plan, "--out", out, "--max-connections", 1)
        assert again.returncode == 0, again.stderr
        assert len(server.requests) == count  # nothing is asked twice
    assert json.loads((out / "tune.json").read_text()) == result
    assert result["space"] == 4
    assert [(len(r["trials"]), r["instances"]) for r in result["rungs"]] == [(4, 2), (2, 4)]
    assert result["episodes"] == 4 * 2 + 2 * 2
    first, *others = result["rows"]
    assert "generator2-checker1@" in first["pipeline"]  # 8 are no better and take more tokens
    assert [row["ranked"] for row in result["rows"]] == [True, *[False] * len(others)]
    assert [row["title"] for row in others] == [
        "best single model",
        "best of 2 by vote",
        "best of 2 by the checker, which is the winner",
        "policy/random, best of 2 by the checker",
        "best of a random search, which is the winner",
    ]
    single, vote, checker, floor, _ = others
    assert first["score"]["value"] > single["score"]["value"]
    assert vote["score"]["value"] == first["score"]["value"]  # what cannot be read has no vote
    assert checker["folder"] == first["folder"]
    assert (floor["tokens"], floor["model"]) == (0, "policy/random")
    assert all(row["tokens"] <= first["tokens"] and row["n"] == 5 for row in others)
    assert single["behind"]["value"] == single["score"]["value"] - first["score"]["value"]
    assert "only the first row is ranked" in again.stdout
    [row] = board(Path(first["folder"]))
    assert (row["score"]["value"], row["n"]) == (first["score"]["value"], 5)


@pytest.mark.heavy
def test_rungs_tell_every_trial_beside_the_best_instance_by_instance(tmp_path: Path) -> None:
    with Loopback(Skilled()) as server:
        result = tuned(tmp_path / "plan.toml", server, tmp_path / "out", text=TIGHT)
    for rung in result["rungs"]:
        rows = rung["trials"]
        within = [row for row in rows if row["within"]]
        assert [row["passes"] for row in rows] == sorted((r["passes"] for r in rows), reverse=True)
        assert within[0]["behind"]["value"] == 0
        for row in within:
            gap = row["score"]["value"] - within[0]["score"]["value"]
            assert row["behind"]["value"] == gap <= 0
            assert row["tokens"] <= 60
    [far] = [row for row in result["rungs"][0]["trials"] if "generator8" in row["pipeline"]]
    assert (far["instances"], far["within"], far["passes"]) == (1, False, False)
    assert "behind" not in far or far["behind"] is None


TIGHT = TUNE.replace("tokens = 400", "tokens = 60")


@pytest.mark.heavy
def test_all_development_is_over_before_the_first_held_out_problem_is_asked(
    tmp_path: Path,
) -> None:
    model = Skilled()
    with Loopback(model) as server:
        tuned(tmp_path / "plan.toml", server, tmp_path / "out")
    problems = {}
    for seed, count in ((0, 4), (1, 5)):
        file = tmp_path / f"{seed}.jsonl"
        how = ("tardiness", "--level", 5, "--seed", seed, "--count", count, "--out", file)
        assert makespan("generate", *how).returncode == 0
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        problems[seed] = [_numbers(line["payload"]["jobs"]) for line in lines]
    seeds = [_seed(prompt, problems) for prompt in model.prompts]
    assert seeds == sorted(seeds)
    assert set(seeds) == {0, 1}


def _numbers(jobs: list[Json]) -> list[str]:
    return [str(job["d"]) for job in jobs]


def _seed(prompt: str, problems: dict[int, list[list[str]]]) -> int:
    """The seed that a prompt's problem is of."""
    lines = [line for line in prompt.splitlines() if line.startswith("- J")]
    [seed] = [
        seed
        for seed, those in problems.items()
        for dates in those
        if all(date in line for date, line in zip(dates, lines, strict=True))
    ]
    return seed


SEATS = """
family = "tardiness"
model = "openai/weak"
level = 5
tokens = 100
instances = 4
held_out = 5
base_url = "{url}"

[seats.strong]
model = "openai/strong"

[[shapes]]
layers = [{{type = "generator", samples = 2, seat = ["", "strong"]}}, {{type = "vote", top_k = 1}}]
"""


@pytest.mark.heavy
def test_the_better_seat_is_found_and_is_the_best_single_model(tmp_path: Path) -> None:
    with Loopback(Skilled(weak=5, strong=1)) as server:
        result = tuned(tmp_path / "plan.toml", server, tmp_path / "out", text=SEATS)
    first, single, *_ = result["rows"]
    assert "generator2.strong-vote1@" in first["pipeline"]
    assert "generator.strong@" in single["pipeline"]
    assert first["model"] == single["model"] == "openai/strong"


@pytest.mark.heavy
def test_another_plan_needs_another_folder_and_too_few_tokens_are_told(tmp_path: Path) -> None:
    plan, out = tmp_path / "plan.toml", tmp_path / "out"
    with Loopback(Skilled()) as server:
        text = TUNE.format(url=server.url)
        plan.write_text(text.replace("tokens = 400", "tokens = 1"))
        done = makespan("tune", plan, "--out", out)
        assert done.returncode == 2
        assert "tokens 1 is too few: an answer takes 17 at least" in done.stderr
        plan.write_text(text)
        done = makespan("tune", plan, "--out", out)
        assert done.returncode == 2
        assert "has a search of another plan" in done.stderr
        assert makespan("tune", plan, "--out", plan).returncode == 2


@pytest.mark.heavy
def test_a_search_that_is_stopped_goes_on_and_comes_to_the_same(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    with Loopback(Skilled()) as server:
        whole = tuned(plan, server, tmp_path / "whole")
        count = len(server.requests)
    with Loopback(Skilled(), delay=0.1) as server:
        plan.write_text(TUNE.format(url=server.url))
        words = command("tune", plan, "--out", tmp_path / "out", "--max-connections", 1)
        for asked in (1, 30):  # the first trial's first answer is its last, and is kept
            process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
            server.wait_for(asked)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
            assert process.returncode == 1, errors
            assert "makespan tune: stopped" in errors
            assert "Traceback" not in errors
            assert asked <= len(server.requests) <= asked + 1
        result = tuned(plan, server, tmp_path / "out")
        assert len(server.requests) == count
    for each in (whole, result):
        each["plan"].pop("base_url")
        for row in each["rows"]:
            row["folder"] = Path(row["folder"]).name
    assert result == whole


@pytest.mark.heavy
def test_a_search_that_is_killed_goes_on(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    with Loopback(Skilled(), delay=0.05) as server:
        plan.write_text(TUNE.format(url=server.url))
        words = command("tune", plan, "--out", tmp_path / "out", "--max-connections", 1)
        process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        server.wait_for(20)
        process.kill()
        process.wait(60)
        tuned(plan, server, tmp_path / "out")


@pytest.mark.heavy
def test_progress_tells_each_trial_on_standard_error(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    with Loopback(Skilled()) as server:
        plan.write_text(TUNE.format(url=server.url))
        done = makespan("tune", plan, "--out", tmp_path / "out", "--max-connections", 1)
    assert "rung 1 of 2, trial 3 of 4: generator8-checker1 on 2 instances" in done.stderr
    assert "rung 1 of 2, trial 3 of 4: generator8-checker1: " in done.stderr
    assert "held out, the winner: generator2-checker1 on 5 instances" in done.stderr


@pytest.mark.heavy
def test_errors_are_no_scores_and_are_asked_again(tmp_path: Path) -> None:
    plan, out, model = tmp_path / "plan.toml", tmp_path / "out", Skilled()
    broken = [True]

    def sometimes(number: int, body: Json) -> str | Fault:
        return says(500, "broken") if broken[0] and number == 7 else model(number, body)

    with Loopback(sometimes) as server:
        plan.write_text(TUNE.format(url=server.url))
        how = ("tune", plan, "--out", out, "--max-connections", 1, "--max-attempts", 1)
        done = makespan(*how)
        assert done.returncode == 1
        assert "episodes ended in errors, which are no scores" in done.stderr
        assert not (out / "tune.json").exists()
        broken[0] = False
        assert makespan(*how).returncode == 0


@pytest.mark.heavy
def test_a_budget_is_that_of_all_its_runs_together(tmp_path: Path) -> None:
    plan, out = tmp_path / "plan.toml", tmp_path / "out"
    with Loopback(Skilled()) as server:
        plan.write_text(TUNE.format(url=server.url))
        how = ("tune", plan, "--out", out, "--max-connections", 1)
        done = makespan(*how, "--budget-tokens", 17 * 12)
        assert done.returncode == 1
        assert 12 <= len(server.requests) <= 16  # calls in flight are kept
        count = len(server.requests)
        assert makespan(*how, "--budget-tokens", 17 * 12).returncode == 1
        assert len(server.requests) == count
        assert makespan(*how).returncode == 0
    assert (out / "tune.json").exists()


def test_rungs_end_with_eta_trials_on_all_instances() -> None:
    assert rungs(27, 27, 3) == [(27, 3), (9, 9), (3, 27)]
    assert rungs(5, 8, 2) == [(5, 2), (3, 4), (2, 8)]
    assert rungs(3, 8, 3) == [(3, 8)]
    assert rungs(1, 8, 2) == [(1, 8)]
    for trials in range(1, 60):
        for eta in (2, 3, 5):
            steps = rungs(trials, 12, eta)
            assert steps[0][0] == trials
            assert steps[-1][1] == 12
            assert steps[-1][0] <= eta


@pytest.mark.heavy
def test_with_a_cache_trials_share_what_they_ask_alike_and_their_tokens_count(
    tmp_path: Path,
) -> None:
    results, counts = list[Any](), list[int]()
    for words in ((), ("--cache", tmp_path / "cache")):
        model = Skilled(m=1)
        with Loopback(model) as server:
            out = tmp_path / f"out-{len(results)}"
            results.append(tuned(tmp_path / "plan.toml", server, out, *words))
            counts.append(len(server.requests))
    assert counts[1] < 0.6 * counts[0]  # the first samples of one are those of all
    plain, cached = ([(row["title"], row["tokens"]) for row in r["rows"]] for r in results)
    assert plain == cached
