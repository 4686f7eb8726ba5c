"""What the report says, and what it must not say."""

from dataclasses import replace as with_fields
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from harness.evolve.compare import FEWEST, compare_runs, critical, shift
from harness.evolve.domain import Domain
from harness.evolve.report import SearchReport
from harness.store.folder import Folder
from harness.store.manifest import FORMAT, Configuration, Manifest, ModelSpec, environment
from harness.suites.suite import Suite
from tasks.base import Ask, InputError, Reply, Usage
from tasks.prompts import Prompts
from tests.harness.evolve.small import InProcess, Scripted, instances, plan, small, studied


class Always(Scripted):
    """Says one program."""

    def __init__(self, source: str) -> None:
        super().__init__("scripted/always")
        self._source = source

    async def reply(self, ask: Ask) -> Reply:
        self.steps.append(ask.view)
        return Reply(f"```python\n{self._source}\n```", usage=Usage(1, 1), cost=0.0)


def poor() -> Domain:
    """A domain whose seed program can easily be bettered."""
    return with_fields(small(), programs={"edd": small().programs["edd"]})


def test_a_program_that_memorises_looks_perfect_and_is_not_chosen(tmp_path: Path) -> None:
    """It knows the best order of every training instance, and elsewhere takes them as they come."""
    places = {}
    for instance in instances()["train"]:
        answer = instance.reference.answer
        assert answer
        for job in instance.payload.jobs:
            total = sum(j.p for j in instance.payload.jobs)
            places[job.p, job.d, total] = answer["order"].index(job.id)
    source = (
        f"KNOWN = {places}\nSTATE = []\ndef priority(p, d, t, P, n):\n"
        "    if t == 0:\n        STATE[:] = [P]\n"
        "    return KNOWN.get((p, d, STATE[0]), 0)"
    )
    study, report = studied(tmp_path / "run", [Always(source)], plan(calls=6), about=poor())
    memoriser = study.searches[0].database.ranking()[0]
    assert memoriser.operator != "seed"
    assert memoriser.gap == 0
    assert report.best_so_far[-1].gap == 0
    assert report.champion
    assert report.champion.name != memoriser.name


def test_a_published_rule_in_other_words_is_a_rediscovery(tmp_path: Path) -> None:
    source = "def priority(p, d, t, P, n):\n    return p + t if p + t > d else d"
    _, report = studied(tmp_path / "run", [Always(source)], plan(calls=2))
    assert report.rediscovery == ("mdd",)
    assert report.strongest_rule in small().rules
    assert {(s.who, s.split) for s in report.scores} >= {
        (who, split)
        for who in ("search", "seed", "rule mdd", "rule mddc", "rule random")
        for split in ("test", "larger", "cells")
    }
    chance = [s for s in report.scores if s.who == "rule random"]
    assert all(s.skill.value == 0 for s in chance)


def test_a_champion_that_fails_on_the_test_pays_random_prices(tmp_path: Path) -> None:
    one = instances()["test"][0]
    total = sum(job.p for job in one.payload.jobs)
    source = (
        "def priority(p, d, t, P, n):\n"
        f"    if t == 0 and P == {total}:\n        return 1 / 0\n    return max(p + t, d)"
    )
    _, report = studied(tmp_path / "run", [Always(source)], plan(calls=2), about=poor())
    assert report.champion
    assert report.champion.operator != "seed"
    score = {s.who: s for s in report.scores if s.split == "test"}
    assert score["search"].failures == 1
    _, honest = studied(
        tmp_path / "honest", [Always(small().programs["mdd"])], plan(calls=2), about=poor()
    )
    whole = {s.who: s for s in honest.scores if s.split == "test"}["search"]
    assert score["search"].ratio.value > whole.ratio.value  # type: ignore[operator]
    assert score["search"].skill.value < whole.skill.value  # type: ignore[operator]
    assert not report.rediscovery
    assert honest.rediscovery == ("mdd",)


# Over runs -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "m", "k"), [(5, 5, 2), (6, 6, 5), (8, 8, 13), (10, 10, 23), (5, 7, 5), (4, 4, 0)]
)
def test_critical_values_are_those_of_the_tables(n: int, m: int, k: int) -> None:
    """Two-sided 5 % critical values of U, as printed in every table of Mann and Whitney's test."""
    assert critical(n, m) == k
    assert critical(3, 3) is None


def test_two_arms_of_one_distribution_seldom_differ() -> None:
    rng, wrong = Random("runs"), 0
    for _ in range(1000):
        ours, theirs = ([rng.lognormvariate(0, 1) for _ in range(5)] for _ in range(2))
        found = shift(ours, theirs)
        assert found.low is not None
        assert found.high is not None
        wrong += not found.low <= 0 <= found.high
    assert wrong <= 55
    assert shift([1, 2, 3, 4, 5], [11, 12, 13, 14, 15]).high < 0  # type: ignore[operator]


def runs(tmp_path: Path) -> list[tuple[Folder, SearchReport]]:
    """Finished runs of two arms, five seeds each."""
    found = []
    for seed in range(FEWEST):
        for name, source in (("a", "max(p + t, d)"), ("b", "p")):
            path = tmp_path / f"{name}{seed}"
            model = Always(f"def priority(p, d, t, P, n):\n    return {source}")
            model.name = f"scripted/{name}"
            how = plan(calls=2, seed=seed)
            _, report = studied(path, [model], how, InProcess())
            suite = Suite("evolve", content="same")
            configuration = Configuration(
                suite, {"evolve": "prompts x"}, "lock", (ModelSpec(model.name),), evolve=how
            )
            manifest = Manifest(FORMAT, configuration, environment())
            found.append((Folder(path, manifest, Prompts({})), report))
    return found


def altered(run: tuple[Folder, SearchReport], **settings: Any) -> tuple[Folder, SearchReport]:
    folder, report = run
    configuration = folder.manifest.configuration
    assert configuration.evolve
    new = replace(configuration, evolve=replace(configuration.evolve, **settings))
    return Folder(folder.path, replace(folder.manifest, configuration=new), folder.prompts), report


@pytest.mark.heavy
def test_arms_are_compared_over_runs_and_only_if_that_is_fair(tmp_path: Path) -> None:
    found = runs(tmp_path)
    result = compare_runs(found, "test")
    assert [arm.name for arm in result.arms] == ["scripted/a", "scripted/b"]
    assert all(len(arm.ratios) == FEWEST for arm in result.arms)
    [difference] = result.differences
    assert difference.verdict == "no difference shown"  # the champion is the same seed program
    assert (difference.p, difference.p_holm) == (1, 1)
    assert [arm.seeds for arm in result.arms] == [FEWEST, FEWEST]
    assert [len(arm.valid_and_new) for arm in result.arms] == [FEWEST, FEWEST]
    assert result.notes == (
        "all champions are seed programs: no run of any arm found anything better",
    )
    with pytest.raises(InputError, match="at least 5"):
        compare_runs(found[:-1], "test")
    with pytest.raises(InputError, match="all of one arm"):
        compare_runs(found[::2], "test")
    with pytest.raises(InputError, match="same seed"):
        compare_runs([*found[:-1], found[1]], "test")
    with pytest.raises(InputError, match="other instances or seed programs"):
        compare_runs([*found[:-1], altered(found[-1], lock="other")], "test")
    folder, report = found[-1]
    fewer = replace(report, arms=(replace(report.arms[0], tries=1), *report.arms[1:]))
    with pytest.raises(InputError, match="equal evaluations"):
        compare_runs([*found[:-1], (folder, fewer)], "test")
    with pytest.raises(InputError, match="not finished"):
        compare_runs([*found[:-1], (folder, replace(report, champion=None))], "test")
    same = [altered(run, islands=3) for run in found[::2]]
    many = [altered(run, islands=k) for k in range(3, 8) for run in found[::2]]
    [_, few] = compare_runs(many, "test").notes
    assert few == (
        "5 and 5 runs are too few to show a difference among 5 arms: corrected for 10 pairs, p is"
        " at least 0.079; make more runs"
    )
    named = compare_runs([*found[::2], *same], "test")
    assert [arm.name for arm in named.arms] == ["scripted/a islands=2", "scripted/a islands=3"]
