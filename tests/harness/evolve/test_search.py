"""The search is a pure function of replies and evaluations, whatever the timing."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from harness.calls.recorded import ReplayFailure
from harness.evolve.database import Candidate
from harness.evolve.null import build_null
from harness.models.base import ProviderFailure
from harness.store.search_plan import NULLS
from tasks.base import Ask, Failure, InputError, Reply
from tests.harness.evolve.small import InProcess, Scripted, plan, small, studied
from tests.harness.helpers import rows


def timeless(candidates: list[Candidate]) -> list[object]:
    return [
        (
            c.name,
            c.operator,
            c.model,
            c.parents,
            c.status,
            c.source,
            c.gap,
            c.behaviour,
            c.problem,
            c.island,
        )
        for c in candidates
    ]


@pytest.mark.heavy
def test_timing_changes_nothing(tmp_path: Path) -> None:
    def delays(slowest: float, k: int) -> Callable[[str], float]:
        return lambda key: Random(f"{key}/{k}").random() * slowest

    found = []
    for k, slowest in enumerate((0.0, 0.004, 0.008)):
        models = [
            Scripted("scripted/a", delays(slowest, k)),
            Scripted("scripted/b", delays(slowest, -k)),
        ]
        runner = InProcess(delays(slowest, k + 9))
        study, report = studied(tmp_path / str(k), models, plan(calls=40), runner)
        found.append((timeless(study.searches[0].database.everyone), report.champion))
    assert [timeless([c]) for _, c in found if c] == [timeless([found[0][1]])] * 3  # type: ignore[list-item]
    assert found[0][0] == found[1][0] == found[2][0]
    assert {c[4] for c in found[0][0]} >= {"valid", "duplicate", "failed", "unreadable"}  # type: ignore[index]


def test_a_call_knows_the_results_up_to_the_lag_and_no_others(tmp_path: Path) -> None:
    model = Scripted()
    study, _ = studied(tmp_path / "run", [model], plan(calls=25, lag=5))
    order = {c.name: k for k, c in enumerate(study.searches[0].database.everyone)}
    first = len(small().programs)
    late = 0
    for step in model.steps:
        number = int(step.key.rsplit("/", 1)[1])
        for parent in step.parents:
            assert order[parent.name] < first + max(0, number - 5 + 1)
            late += order[parent.name] >= first
    assert late  # some parents were found by the search


def test_the_calls_under_way_are_as_many_as_the_lag(tmp_path: Path) -> None:
    class Counting(Scripted):
        now = most = 0

        async def reply(self, ask: Ask) -> Reply:
            self.now += 1
            self.most = max(self.most, self.now)
            try:
                return await super().reply(ask)
            finally:
                self.now -= 1

    model = Counting(wait=lambda _: 0.005)
    studied(tmp_path / "run", [model], plan(calls=20, lag=3))
    assert model.most == 3


@pytest.mark.heavy
def test_a_second_look_asks_and_evaluates_nothing_again(tmp_path: Path) -> None:
    how = plan(nulls=NULLS)
    nulls = [build_null(name) for name in NULLS]
    model, runner = Scripted(), InProcess()
    study, report = studied(tmp_path / "run", [model, *nulls], how, runner)
    again, silent = Scripted(), InProcess()
    other, same = studied(tmp_path / "run", [again, *nulls], how, silent)
    assert report == same
    assert again.steps == [] == silent.runs
    for a, b in zip(study.searches, other.searches, strict=True):
        assert a.database.everyone == b.database.everyone
    assert [arm.tries for arm in report.arms] == [30, 30, 30]


def test_another_journal_is_never_mixed_in(tmp_path: Path) -> None:
    studied(tmp_path / "run", [Scripted()], plan())
    with pytest.raises(ReplayFailure, match="differs"):
        studied(tmp_path / "run", [Scripted()], plan(islands=3))


def test_every_evaluation_is_kept_with_its_seconds(tmp_path: Path) -> None:
    studied(tmp_path / "run", [Scripted()], plan())
    kept = rows(tmp_path / "run", "select path, outcome, seconds from effects")
    assert all(s > 0 for path, _, s in kept if "candidate" in path)
    assert not any('"solution' in outcome for _, outcome, _ in kept)


@pytest.mark.heavy
def test_a_refused_request_is_lost_and_a_dead_provider_stops(tmp_path: Path) -> None:
    study, report = studied(tmp_path / "run", [Scripted(refused=0.3)], plan())
    assert 0 < report.arms[0].statuses["lost"] < 30
    again, _ = studied(tmp_path / "run", [Scripted(refused=0.3)], plan())
    assert again.searches[0].database.everyone == study.searches[0].database.everyone

    class Dead(Scripted):
        async def reply(self, ask: Ask) -> Reply:
            if len(self.steps) > 8:
                raise ProviderFailure("authentication", "no")
            return await super().reply(ask)

    with pytest.raises(Failure, match="scripted/a: authentication: no"):
        studied(tmp_path / "dead", [Dead()], plan())
    _, mended = studied(tmp_path / "dead", [Scripted()], plan())
    _, whole = studied(tmp_path / "whole", [Scripted()], plan())
    assert mended.champion
    assert whole.champion
    assert mended.champion.source == whole.champion.source
    assert mended.arms == whole.arms


@pytest.mark.parametrize(
    ("budget", "most"), [({"tokens": 1000}, 13), ({"cost": 0.08}, 16), ({"wall": 1e-9}, 4)]
)
def test_budgets_end_the_search(tmp_path: Path, budget: dict[str, float], most: int) -> None:
    _, report = studied(tmp_path / "run", [Scripted()], plan(calls=200, **budget))
    assert 0 < report.arms[0].tries <= most
    assert report.champion


def test_a_limit_on_unknown_cost_is_refused(tmp_path: Path) -> None:
    class Silent(Scripted):
        async def reply(self, ask: Ask) -> Reply:
            return Reply((await super().reply(ask)).text)

    with pytest.raises(InputError, match="cost is unknown"):
        studied(tmp_path / "run", [Silent()], plan(cost=1.0))


def test_the_worst_are_stopped_after_the_first_few(tmp_path: Path) -> None:
    class Backwards(Scripted):
        async def reply(self, ask: Ask) -> Reply:
            self.steps.append(ask.view)
            return Reply("```python\ndef priority(p, d, t, P, n):\n    return -p\n```")

    runner = InProcess()
    _, report = studied(tmp_path / "run", [Backwards()], plan(calls=6), runner)
    assert report.arms[0].statuses == {"stopped": 6}
    assert sum("-p" in source for source in runner.runs) == 6  # never on the rest
    assert report.champion
    assert report.champion.operator == "seed"
