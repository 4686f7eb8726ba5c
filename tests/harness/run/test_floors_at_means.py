"""Floors and ceilings at the same means: policies that draw, and policies that write programs."""

from pathlib import Path

import pytest

from harness.families.registry import family
from harness.run.request import RunRequest
from tests.harness.helpers import board, makespan, rows
from tests.loopback import Json, Loopback, prompt_of

POLICIES = ("policy/edd", "policy/mdd", "policy/spt", "policy/random", "policy/exact")


def run(out: Path, family: str, agent: str, *words: object, level: int = 6) -> Path:
    """A run of six instances."""
    how = ("run", family, "--level", level, "--limit", 6, "--agent", agent, "--out", out)
    done = makespan(*how, *words)
    assert done.returncode == 0, done.stderr
    return out


def named(*models: str) -> tuple[str, ...]:
    return tuple(word for name in models for word in ("--model", name))


def scores(out: Path) -> dict[str, float]:
    return {row["model"]: row["score"]["value"] for row in board(out)}


def test_one_list_at_random_is_asked_where_several_answers_are_wanted_or_it_is_named() -> None:
    def models(agent: str, *names: str) -> list[str]:
        return [spec.name for spec in RunRequest(what="rcpsp", models=names, agent=agent).specs]

    assert "policy/random-list" not in models("direct")
    assert "policy/random-list" not in models("program")
    assert "policy/random-list" in models("checker:4")
    assert models("direct", "policy/random-list") == ["policy/random-list"]
    assert set(models("checker:4")) == {f"policy/{name}" for name in family("rcpsp").policies}


@pytest.mark.heavy
@pytest.mark.parametrize("mode", ["repair", "best"])
def test_a_policy_that_draws_has_another_answer_for_each_check(mode: str, tmp_path: Path) -> None:
    names = named("policy/random", "policy/edd")
    by_checks = [
        scores(run(tmp_path / str(k), "tardiness", f"checker:{k},mode={mode}", *names))
        for k in (1, 4, 16)
    ]
    draws = [each["policy/random"] for each in by_checks]
    assert draws == sorted(draws)
    assert draws[0] < draws[2]
    assert len({each["policy/edd"] for each in by_checks}) == 1
    direct = scores(run(tmp_path / "direct", "tardiness", "direct", *names))
    assert direct == by_checks[0]  # with one check nothing is chosen
    orders = rows(tmp_path / "16", "select outcome from effects")
    assert len(orders) == 2 * 6 * 16


@pytest.mark.heavy
def test_what_a_policy_writes_as_a_program_answers_as_the_policy_does(tmp_path: Path) -> None:
    direct = run(tmp_path / "direct", "tardiness", "direct", *named(*POLICIES))
    program = run(tmp_path / "program", "tardiness", "program", *named(*POLICIES))
    tool = run(tmp_path / "tool", "tardiness", "python", *named(*POLICIES))
    assert scores(program) == scores(direct) == scores(tool)


@pytest.mark.heavy
def test_the_short_models_of_projects_are_right(tmp_path: Path) -> None:
    """The reference proves what CP-SAT answers in the sandbox; without it the answer is told."""
    models = named("policy/exact", "policy/serial")
    direct = run(tmp_path / "direct", "rcpsp", "direct", *models, level=15)
    told = run(tmp_path / "told", "rcpsp", "program", *models, level=15)
    solved = run(tmp_path / "solved", "rcpsp", "program:packages=ortools", *models, level=15)
    assert scores(solved) == scores(direct) == scores(told)
    assert scores(solved)["policy/exact"] == 1
    used = "select outcome from effects join episodes on id = episode where key like '%exact%'"
    assert rows(told, used) != rows(solved, used)
    again = run(tmp_path / "again", "rcpsp", "program:packages=ortools", *models, level=15)
    answers = (
        "select key, json_extract(outcome, '$.answer') from effects"
        " join episodes on id = episode order by key, path"
    )
    assert rows(solved, answers) == rows(again, answers)  # the same bytes twice


@pytest.mark.heavy
def test_a_board_says_what_rows_were_allowed_and_which_lack_a_floor(tmp_path: Path) -> None:
    def answer(_: int, body: Json) -> str:
        lines = [line for line in prompt_of(body).splitlines() if line.startswith("- J")]
        ids = dict.fromkeys(line[2 : line.index(":")] for line in lines if ":" in line)
        return '{"order": ["' + '", "'.join(ids) + '"]}'

    floor = run(tmp_path / "floor", "tardiness", "direct", *named("policy/random"))
    with Loopback(answer) as server:
        asked = (*named("openai/m"), "--base-url", server.url)
        model = run(tmp_path / "model", "tardiness", "checker:2", *asked)
    text = makespan("board", floor, model, "--wide").stdout
    heads, _, *lines = text.splitlines()[2:]
    [line] = [each for each in lines if each.startswith(" openai/m") and "(2 checks)" in each]
    assert "means" in heads.split()
    assert " model  checker (2 checks)  " in line
    assert "tardiness: no floor at the means of checker:checks=2" in text
    same = run(tmp_path / "same", "tardiness", "checker:2", *named("policy/random"))
    text = makespan("board", floor, model, same, "--wide").stdout
    assert "no floor at the means" not in text
    assert "means" not in makespan("board", floor, "--wide").stdout
