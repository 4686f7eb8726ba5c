"""Clusters of pods from a seed: the same bytes, something to gain in each, policies are floors."""

import os
import subprocess
import sys
from random import Random
from statistics import fmean

import msgspec
import pytest

from generators.pods import (
    HIGH,
    LARGEST,
    LOW,
    PodSettings,
    can_gain,
    generate,
    resolve,
    started,
    workload,
)
from graders.exact.pods import reference
from graders.exact.pods_packing import index_cluster
from graders.exact.pods_rules import preempt
from graders.pods import grade
from harness.families.pods import POLICIES
from tasks.base import InputError, Instance, Reference, Scalar, Verdict
from tasks.pods import PodCluster, read, split_value, value
from tests.depth import often

BARE = (
    "import msgspec, sys; from generators.pods import generate;"
    " one = generate(3, 3, 2, {'protected': 0.2});"
    " sys.stdout.write(msgspec.json.encode(one).decode())"
)


def make(level: int, index: int = 0, seed: int = 0, **settings: Scalar) -> Instance[PodCluster]:
    return generate(level, seed, index, settings, reference=False)


@pytest.mark.heavy
def test_the_same_seed_is_the_same_bytes_in_any_process() -> None:
    outputs = set()
    for number in ("0", "77"):
        environment = {**os.environ, "PYTHONHASHSEED": number}
        done = subprocess.run(
            [sys.executable, "-c", BARE],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        outputs.add(done.stdout)
    [text] = outputs
    again = generate(3, 3, 2, {"protected": 0.2})
    assert msgspec.json.encode(again).decode() == text


@pytest.mark.parametrize("per_node", [2, 3, 4])
@pytest.mark.parametrize("level", [2, 3, 4])
def test_every_cluster_has_something_to_gain(level: int, per_node: int) -> None:
    for index in range(often(18)):
        one = generate(level, 1, index, {"per_node": per_node})
        payload = one.payload
        indexed = index_cluster(payload)
        best = split_value(payload, int(one.reference.objective or 0))[0]
        evicted = value(payload, indexed.by_id(preempt(indexed)))
        assert best < split_value(payload, evicted)[0]
        assert one.reference.status == "optimal"


@pytest.mark.parametrize("level", [2, 5, LARGEST])
def test_a_cluster_is_as_its_settings_say(level: int) -> None:
    for index in range(often(12)):
        payload = make(level, index, priorities=4, per_node=6).payload
        assert len(payload.pods) == 6 * level
        assert len({(node.cpu, node.memory) for node in payload.nodes}) == 1
        assert {pod.priority for pod in payload.pods} <= {1, 2, 3, 4}
        sizes = {each for pod in payload.pods for each in (pod.cpu, pod.memory)}
        assert LOW <= min(sizes) <= max(sizes) <= HIGH
        assert any(pod.node is None for pod in payload.pods)
        assert not any(pod.protected for pod in payload.pods)
        cpu = sum(pod.cpu for pod in payload.pods) / 0.95
        assert cpu <= level * payload.nodes[0].cpu < cpu + level + 1 or payload.nodes[0].cpu <= HIGH


def test_some_of_the_pods_that_run_must_stay() -> None:
    shares = []
    for index in range(12):
        payload = make(4, index, protected=0.5).payload
        assert all(pod.node is not None for pod in payload.pods if pod.protected)
        running = [pod for pod in payload.pods if pod.node is not None]
        shares.append(fmean(pod.protected for pod in running))
    assert 0.35 < fmean(shares) < 0.6


def test_the_search_never_sees_a_gain_where_there_is_none() -> None:
    """And it misses few: of those that it leaves out the solver finds a gain in a tenth at most."""
    missed = []
    for attempt in range(often(360)):
        payload = started(workload(f"missed/{attempt}", 2, PodSettings()))
        indexed = index_cluster(payload)
        best = split_value(payload, int(reference(payload).objective or 0))[0]
        evicted = value(payload, indexed.by_id(preempt(indexed)))
        is_better = best < split_value(payload, evicted)[0]
        found = can_gain(payload, Random(f"missed/{attempt}"))
        assert is_better or not found
        if not found:
            missed.append(is_better)
    assert fmean(missed) < 0.1


def test_levels_share_nothing_and_no_two_clusters_are_alike() -> None:
    every = [make(level, index).payload for level in (2, 3) for index in range(8)]
    assert len({msgspec.json.encode(each.pods) for each in every}) == len(every)


def test_settings_have_defaults_and_wrong_ones_are_told() -> None:
    assert resolve(3, {}) == {
        "per_node": 4,
        "priorities": 3,
        "load": 0.95,
        "protected": 0.0,
        "setting": "plain",
    }
    for level in (1, LARGEST + 1):
        with pytest.raises(InputError, match=f"level {level}: a cluster has 2 to {LARGEST} nodes"):
            resolve(level, {})
    for settings in ({"per_node": 1}, {"priorities": 5}, {"load": 2}, {"protected": 1.5}):
        with pytest.raises(InputError, match=next(iter(settings))):
            resolve(3, settings)
    with pytest.raises(InputError, match="level 2: with these settings no cluster lets anything"):
        make(2, load=0.5)


# Policies ------------------------------------------------------------------------------------


def test_every_policy_is_valid_and_doing_nothing_is_worth_nothing() -> None:
    for index in range(often(30)):
        one = generate(3, 2, index, {"protected": 0.1})
        for name, policy in POLICIES.items():
            found = grade(one, read(policy.answer(one), ""))
            assert found.verdict is Verdict.valid
            if name in ("keep", "preempt"):
                assert found.score == 0
            if name == "exact":
                assert (found.score, found.objective) == (1, one.reference.objective)


def test_the_exact_policy_solves_what_has_no_reference() -> None:
    one = generate(2, 0, 0, {})
    bare = msgspec.structs.replace(one, reference=Reference("none"))
    assert POLICIES["exact"].solves(bare)
    assert not POLICIES["exact"].solves(one)
    assert POLICIES["exact"].answer(bare) == one.reference.answer
