"""What `policy/mutate` draws: in its version 2, and in version 1 of searches begun before."""

from pathlib import Path
from random import Random

import msgspec
import pytest

from harness.evolve.database import Candidate
from harness.evolve.domains import domain
from harness.evolve.mutation import mutate
from harness.evolve.null import build_null
from harness.evolve.operators import SearchStep
from harness.evolve.report import SearchReport
from harness.evolve.search import DRAWS
from harness.evolve.study import Study
from harness.store.search_plan import MUTATE, MUTATION, SearchPlan
from tests.harness.evolve.small import InProcess, plan, studied
from tests.harness.helpers import rows

TRIES = 24


def searched(
    folder: Path, version: int, runner: InProcess | None = None
) -> tuple[Study, SearchReport]:
    return studied(folder, [build_null(MUTATION)], plan(calls=TRIES, mutate=version), runner)


@pytest.mark.heavy
def test_nearly_every_try_is_a_valid_program_that_behaves_as_none_before(tmp_path: Path) -> None:
    _, before = searched(tmp_path / "before", 1)
    study, report = searched(tmp_path / "now", MUTATE)
    [arm], [old] = report.arms, before.arms
    assert old.statuses["valid"] < TRIES * 3 / 4 < arm.statuses["valid"]
    assert arm.statuses["valid"] >= TRIES * 5 / 6
    assert (old.tries, old.draws) == (TRIES, TRIES)
    assert arm.tries == TRIES
    assert TRIES < arm.draws < TRIES * DRAWS
    for tried in study.searches[0].tried:
        assert 1 <= tried.draws <= DRAWS
        for name in tried.parents:
            assert study.searches[0].database.by_name(name).status == "valid"


@pytest.mark.heavy
def test_every_draw_is_run_on_the_first_few_and_only_the_last_on_the_rest(tmp_path: Path) -> None:
    study, report = searched(tmp_path / "run", MUTATE)
    paths = [path for (path,) in rows(tmp_path / "run", "select path from effects")]
    few = [p for p in paths if p.startswith("search/candidate") and "/few" in p]
    assert len(few) == report.arms[0].draws
    rest = [p for p in paths if p.startswith("search/candidate") and p.endswith("/rest")]
    assert len(rest) == sum(c.status in ("valid", "duplicate") for c in study.searches[0].tried)


@pytest.mark.heavy
@pytest.mark.parametrize("version", [1, MUTATE])
def test_a_second_look_draws_nothing_again(tmp_path: Path, version: int) -> None:
    study, report = searched(tmp_path / "run", version)
    silent = InProcess()
    other, same = searched(tmp_path / "run", version, silent)
    assert silent.runs == []
    assert report == same
    assert study.searches[0].database.everyone == other.searches[0].database.everyone


@pytest.mark.heavy
def test_timing_plays_no_part_in_what_is_new(tmp_path: Path) -> None:
    runner = InProcess(lambda source: Random(source).random() * 0.004)
    slow, _ = searched(tmp_path / "slow", MUTATE, runner)
    fast, _ = searched(tmp_path / "fast", MUTATE)
    sources = [[(c.source, c.draws) for c in s.searches[0].tried] for s in (slow, fast)]
    assert sources[0] == sources[1]


def test_version_1_draws_what_it_drew() -> None:
    """A search that was begun before goes on with the programs it would have had."""
    about = domain("tardiness-priority")
    expected = ("d", "d + d", "t", "max(p + (t - d), d)", "d * 2.067", "t")
    for k, expression in enumerate(expected):
        name = ("mdd", "edd", "spt")[k % 3]
        parent = Candidate(name, 0, "seed", "", "valid", source=about.programs[name])
        step = SearchStep(f"{k}", "mutate", (parent,), "rewrite", about.function, about.programs, 1)
        assert mutate(step, Random(f"{k}")).endswith(f"return {expression}")


def test_a_search_that_names_no_version_has_the_first() -> None:
    how = msgspec.to_builtins(plan())
    del how["mutate"]
    assert msgspec.convert(how, SearchPlan).mutate == 1
