"""Built-in policies for pods by priority: doing nothing, eviction, repacking, the exact answer."""

from collections.abc import Callable
from itertools import islice
from random import Random

from generators import pods as generator
from graders import pods as grader
from graders.exact.pods import reference
from graders.exact.pods_packing import IndexedCluster, Spots, index_cluster
from graders.exact.pods_rules import keep, one_move, preempt, random_repacks, repack
from harness.families.family import BoardColumn, Family, Levels, Policy
from harness.families.stated import with_confidence
from tasks import pods as task
from tasks.base import Fields, Instance, SolverFailure
from tasks.pods import KEY, PodCluster

TRIES = 200  # placements of random-200


def by_rule(rule: Callable[[IndexedCluster], Spots]) -> Callable[[Instance[PodCluster]], Fields]:
    """Make a policy of a rule."""

    def policy(instance: Instance[PodCluster]) -> Fields:
        indexed = index_cluster(instance.payload)
        return _answer(indexed, rule(indexed))

    return policy


def random_200(instance: Instance[PodCluster]) -> Fields:
    """Answer with the best of 200 random repacks, seeded by the instance's id."""
    indexed = index_cluster(instance.payload)
    tries = islice(random_repacks(indexed, Random(f"pods/random/{instance.id}")), TRIES)
    return _answer(indexed, min(tries, key=indexed.waiting))


def _answer(indexed: IndexedCluster, spots: Spots) -> Fields:
    return {KEY: indexed.by_id(spots)}


def exact(instance: Instance[PodCluster]) -> Fields:
    """Answer with the reference's own placement, or what the solver finds now if there is none.

    Raises:
        SolverFailure: if there is no answer.
    """
    answer = instance.reference.answer or reference(instance.payload).answer
    if answer is None:
        raise SolverFailure(f"no answer to {instance.id} is known")
    return answer


def _unsolved(instance: Instance[PodCluster]) -> bool:
    return instance.reference.answer is None


POLICIES = {
    "keep": Policy("floor", "the placement as it is", by_rule(keep)),
    "preempt": Policy("floor", "the default scheduler with preemption", by_rule(preempt)),
    "repack-least": Policy(
        "floor",
        "all anew, the largest first, each on the emptiest node",
        by_rule(lambda cluster: repack(cluster, "least")),
    ),
    "repack-most": Policy(
        "floor",
        "all anew, the largest first, each on the fullest node",
        by_rule(lambda cluster: repack(cluster, "most")),
    ),
    "one-move": Policy(
        "floor", "preemption, and one pod moved for each that waits", by_rule(one_move)
    ),
    "random-200": Policy("floor", "the best of 200 random repacks", random_200),
    "exact": Policy(
        "ceiling", "a proven optimum, or the solver's best answer", exact, solves=_unsolved
    ),
}

FAMILY: Family[PodCluster] = Family(
    name="pods",
    description="pods on nodes, the highest priority first, where the scheduler let some wait",
    version=task.VERSION,
    templates=task.TEMPLATES,
    payload=PodCluster,
    generate=generator.generate,
    resolve=generator.resolve,
    settings=generator.PodSettings,
    levels=Levels("nodes", generator.LEAST, generator.LARGEST),
    solve=reference,
    world=task.world,
    read=task.read,
    answers=task.answers,
    grade=grader.grade,
    reward=grader.reward,
    summarise=grader.summarise,
    policies=POLICIES,
    columns=(
        BoardColumn("feasible"),
        BoardColumn("share_better"),
        BoardColumn("share_optimal"),
        BoardColumn("broken"),
        BoardColumn("disruption", "count"),
        BoardColumn("excess", "count"),
        BoardColumn("gap_proven", place="notes", title="of best placements are not proven"),
    ),
    score_needs_bound=True,
    strata=grader.strata,
    ramp=("priorities",),
    along=("score@",),
    drawings=".pods",
)

FAMILY = with_confidence(FAMILY, "no plan is better than yours")
