"""Clusters from a seed: full of fragments, the same in any process; what moves can gain on them."""

import subprocess
import sys
from collections.abc import Callable
from json import dumps
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

import pytest

from generators.vms import GAIN, NODE, generate, resolve
from graders.exact.vms_search import apply, greedy
from graders.vms import grade
from harness.families.registry import family
from harness.suites.instances import encode
from tasks.base import InputError, Instance, Reply, Scalar
from tasks.play import play
from tasks.prompts import installed
from tasks.vms import read, world
from tasks.vms_course import PLAN
from tasks.vms_payload import Cluster, ClusterEvent, Machine, is_sure
from tasks.vms_placement import Placement
from tests.depth import often
from tests.factories.clusters import Hands, cluster, random_entries

PAGE = Path(__file__).parents[2] / "docs" / "vms.md"
EVENTS = (0, 2, 8, 16, 32)
STALE = 0.1  # the share of moves in the suite of staleness


def scores(instances: list[Instance[Cluster]], policy: str) -> list[float]:
    """The scores of a policy's plans."""
    answer = family("vms").policies[policy].answer

    def score(instance: Instance[Cluster]) -> float:
        def perform(effect: Any) -> Reply:
            return Reply(dumps(answer(effect.view)))

        return grade(instance, play(world(instance, installed()), perform)).score

    return [score(instance) for instance in instances]


def batch(level: int, count: int, **settings: Scalar) -> list[Instance[Cluster]]:
    return [generate(level, 0, index, settings) for index in range(count)]


# Instances -----------------------------------------------------------------------------------


@pytest.mark.heavy
def test_clusters_are_full_of_fragments_by_which_two_chunks_can_be_gained() -> None:
    shares = []
    for level in (2, 3, 4):
        for instance in batch(level, 6):
            payload, best = instance.payload, instance.reference
            assert len(payload.hosts) == level
            shares.append(sum(vm.cpu for vm in payload.vms) / (level * 2 * NODE.cpu))
            placement = Placement(payload)
            assert best.objective is not None
            assert placement.fragments() - best.objective >= GAIN * payload.chunk
            assert payload.moves == max(1, round(0.25 * len(payload.vms)))
            assert [vm.id for vm in payload.vms] == sorted(vm.id for vm in payload.vms)
    assert 0.4 < min(shares) < max(shares) < 0.97  # a machine without room ends a fill
    assert 0.75 < fmean(shares) < 0.95


def test_dials_do_what_they_say() -> None:
    heavy = generate(4, 3, 0, {"heavy": 1.0, "apart": 5}, reference=False).payload
    assert all(vm.memory == min(4 * vm.cpu, NODE.memory * vm.numas) for vm in heavy.vms)
    host_of = {vm.id: vm.host for vm in heavy.vms}
    assert len(set(heavy.apart)) == 5
    assert all(host_of[a] != host_of[b] for a, b in heavy.apart)
    usual = generate(4, 3, 0, {}, reference=False).payload
    empty = generate(4, 3, 0, {"fill": 0.5}, reference=False).payload
    assert sum(vm.cpu for vm in empty.vms) < sum(vm.cpu for vm in usual.vms)
    half = generate(4, 3, 0, {"share": 0.5}, reference=False).payload
    assert half.moves == round(0.5 * len(half.vms)) > usual.moves


def test_events_are_of_the_shown_cluster_and_arrivals_of_turns_are_sure_of_room() -> None:
    for index in range(6):
        shown = generate(3, 1, index, {}, reference=False).payload
        plan = generate(3, 1, index, {"delay": 12}, reference=False).payload
        assert (plan.hosts, plan.vms, plan.moves) == (shown.hosts, shown.vms, shown.moves)
        assert len(plan.events) == 12
        settings: dict[str, Scalar] = {"track": "reactive", "churn": 2}
        turns = generate(3, 1, index, settings, reference=False).payload
        assert len(turns.events) == 2 * turns.moves
        hands = Hands(turns)
        for event in turns.events:
            vms = [hands.sizes[name] for name in hands.places]
            hands.happen(event)
            if event.arrive is not None:
                assert is_sure(turns.hosts, vms, event.arrive)
                assert event.arrive.id in hands.places


def test_who_is_sure_of_room_has_it_however_others_lie() -> None:
    """The pigeonhole principle against placements at random."""
    sure = 0
    for k in range(often(3000)):
        payload, rng = cluster(f"sure/{k}", moves=4), Random(f"sure/{k}")
        arrival = Machine("n", rng.randint(1, 3), rng.randint(0, 2), 1)
        if not is_sure(payload.hosts, payload.vms, arrival):
            continue
        sure += 1
        for part in range(3):
            hands, moved = Hands(payload), set[str]()
            for entry in random_entries(payload, f"{k}/{part}"):
                if hands.wrong(entry, moved) is None:
                    hands.move(entry)
                    moved.add(entry["vm"])
            hands.happen(ClusterEvent(arrive=arrival))
            assert "n" in hands.places
    assert sure > often(3000) // 20


@pytest.mark.heavy
def test_the_same_seed_has_the_same_bytes_in_any_process() -> None:
    settings: dict[str, Scalar] = {"track": "reactive", "churn": 1, "apart": 3}
    line = encode(generate(3, 5, 2, settings, reference=False)) + encode(generate(2, 5, 2, {}))
    code = "from generators.vms import generate\nfrom harness.suites.instances import encode\n"
    code += f"one = encode(generate(3, 5, 2, {settings}, reference=False))\n"
    code += "import sys; sys.stdout.buffer.write(one + encode(generate(2, 5, 2, {})))"
    for seed in ("1", "77"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            check=True,
            timeout=60,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(filter(None, sys.path))},
        )
        assert done.stdout == line
    assert encode(generate(3, 6, 2, {})) != encode(generate(3, 5, 2, {}))


@pytest.mark.parametrize(
    ("level", "settings", "message"),
    [
        (1, {}, "level 1: a cluster has 2 to 64 hosts"),
        (65, {}, "level 65"),
        (3, {"share": 0}, "share"),
        (3, {"fill": 1}, "fill"),
        (3, {"delay": 2.5}, "delay"),
        (3, {"track": "live"}, "'live' is not one of"),
        (3, {"racks": 2}, "unknown field `racks`"),
        (3, {"track": "reactive", "delay": 2}, "delay is of the track plan"),
        (3, {"churn": 2}, "churn is of the track reactive"),
        (3, {"tokens": 100}, "tokens pace events"),
    ],
)
def test_wrong_use_is_one_line(level: int, settings: dict[str, Scalar], message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve(level, settings)


def test_where_nothing_can_be_gained_is_one_line() -> None:
    with pytest.raises(InputError, match="no cluster lets 2 chunks be gained"):
        generate(2, 0, 0, {"fill": 0.95, "share": 0.01, "heavy": 1.0}, reference=False)


# The ramp ------------------------------------------------------------------------------------


@pytest.mark.heavy
def test_rules_fall_with_the_share_of_moves_and_along_the_hosts() -> None:
    """With more moves more is to be planned; the optimum is 1 and doing nothing 0 everywhere."""
    means = {}
    for share in (STALE, 0.25):
        for level in (2, 4):
            instances = batch(level, 8, share=share)
            assert set(scores(instances, "nothing")) == {0.0}
            assert set(scores(instances, "exact")) == {1.0}
            means[share, level] = fmean(scores(instances, "greedy"))
    for level in (2, 4):
        assert means[0.25, level] < means[STALE, level]
    small, large = (scores(batch(level, 24, share=0.25), "random") for level in (2, 4))
    assert fmean(large) < fmean(small)


@pytest.mark.heavy
def test_a_stale_optimum_is_worth_less_than_a_fresh_rule() -> None:
    """Exact plans fall with the events that they did not know; greedy ones made anew do not."""
    exact, anew = [], []
    for delay in (8, 32):
        instances = batch(8, 5, share=STALE, delay=delay)
        plans = [(i.reference.answer or {})[PLAN] for i in instances]
        grades = [grade(i, read({PLAN: p}, "")) for i, p in zip(instances, plans, strict=True)]
        exact.append(fmean(each.score for each in grades))
        anew.append(fmean(each.metrics.get("planned_anew", 0) for each in grades))
        for instance, each in zip(instances, grades, strict=True):
            after, metrics = Placement(instance.payload), each.metrics
            for event in instance.payload.events:
                after.happen(event)
            left = apply(after, greedy(after, instance.payload.moves)).fragments()
            share = (metrics["idle"] - left) / (metrics["idle"] - metrics["least"])
            assert metrics["planned_anew"] == pytest.approx(max(0.0, share))
    assert 0.9 > exact[0] > exact[1]
    assert anew[0] > exact[0]
    assert anew[1] > 2 * exact[1]


def table(head: str) -> list[list[str]]:
    """The rows of the table of the page whose first head is given."""
    lines = PAGE.read_text("utf-8").split("\n")
    first = next(k for k, line in enumerate(lines) if line.startswith(f"| {head} |"))
    rows = []
    for line in lines[first:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().strip("`") for cell in line.strip("|").split("|")])
    return [rows[0], *rows[2:]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("head", "settings"),
    [
        ("hosts", lambda level: (int(level), 20, {})),
        ("events", lambda delay: (8, 12, {"share": STALE, "delay": int(delay)})),
        ("events a turn", lambda churn: (4, 12, {"track": "reactive", "churn": int(churn)})),
    ],
)
def test_the_tables_of_the_page_are_what_policies_get(
    head: str, settings: Callable[[str], tuple[int, int, dict[str, Scalar]]]
) -> None:
    names, *rows = table(head)
    for row in rows:
        level, count, dials = settings(row[0])
        instances = batch(level, count, **dials)
        for name, figure in zip(names, row, strict=True):
            if name in family("vms").policies:
                assert f"{fmean(scores(instances, name)):.3f}" == figure, (row[0], name)
