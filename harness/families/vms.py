"""Built-in policies for migrations: doing nothing, rules, a short search, and the exact moves."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from random import Random

from generators import vms as generator
from generators.vms_vmr2l import read_vmr2l, write_vmr2l
from graders import vms as grader
from graders.exact import vms_search as search
from graders.exact.vms import reference
from graders.exact.vms_kernel import beam
from harness.families.family import BoardColumn, Family, FileFormat, Levels, Policy
from tasks import vms as task
from tasks.base import Fields, Instance, Reference, SolverFailure
from tasks.vms import Step
from tasks.vms_course import PLAN, STOP, TURN, WAIT
from tasks.vms_payload import Cluster
from tasks.vms_placement import Move, Placement

Moves = Callable[[Step, Placement, int, set[int]], Sequence[Move]]


def by_moves(moves: Moves, *, idle: str = STOP) -> Callable[[Step], Fields]:
    """Make a policy that answers with moves; in a turn with the first of them.

    Args:
        moves: gives them by the step, the placement shown, how many may be, and what was moved.
        idle: the word for a turn without a move.
    """

    def answer(step: Step) -> Fields:
        course, cluster = step.course, step.instance.payload
        rest = cluster.moves - (course.turns if cluster.track == "reactive" else 0)
        chosen = moves(step, course.placement, rest, course.moved)
        entries = [course.placement.entry(move) for move in chosen]
        if cluster.track == "plan":
            return {PLAN: entries}
        return {TURN: entries[0] if entries else idle}

    return answer


def nothing(step: Step, placement: Placement, most: int, moved: set[int]) -> Sequence[Move]:  # noqa: ARG001
    """Move nothing."""
    return ()


def random_moves(step: Step, placement: Placement, most: int, moved: set[int]) -> Sequence[Move]:
    """Draw a move that could be made, again and again, seeded by the instance's id and the turn."""
    rng = Random(f"random/{step.instance.id}/{step.course.turns}")
    now, done, moves = placement.copy(), set(moved), list[Move]()
    wanted = most if step.instance.payload.track == "plan" else 1
    while len(moves) < wanted and (legal := search.legal_moves(now, done)):
        moves.append(rng.choice(legal))
        now.move(*moves[-1])
        done.add(moves[-1][0])
    return moves


def greedy(step: Step, placement: Placement, most: int, moved: set[int]) -> Sequence[Move]:  # noqa: ARG001
    """Make the single best move, again and again, as long as it helps."""
    return search.greedy(placement, most, moved)


def lookahead(step: Step, placement: Placement, most: int, moved: set[int]) -> Sequence[Move]:  # noqa: ARG001
    """Make the moves of a beam search, some of which may help only later."""
    return beam(placement, most, moved)


def exact(step: Step) -> Fields:
    """Answer with the reference's moves, or what the solver finds now if no solver was run.

    Raises:
        SolverFailure: if there is no answer.
    """
    instance = step.instance
    best = _solved(instance.payload) if _unsolved(instance) else instance.reference
    if best.answer is None:
        raise SolverFailure(f"no answer to {instance.id} is known: it is {best.status}")
    entries, turn = best.answer[PLAN], step.course.turns
    if instance.payload.track == "plan":
        return {PLAN: entries}
    return {TURN: entries[turn] if turn < len(entries) else STOP}


@lru_cache(maxsize=64)
def _solved(cluster: Cluster) -> Reference:
    """Return the reference of a cluster, found once for all turns."""
    return reference(cluster)


def _unsolved(instance: Instance[Cluster]) -> bool:
    return instance.reference.answer is None


POLICIES = {
    "nothing": Policy("floor", "no move at all", by_moves(nothing)),
    "random": Policy("floor", "any moves that could be made", by_moves(random_moves)),
    "greedy": Policy(
        "floor", "the single best move, as long as it helps", by_moves(greedy, idle=WAIT)
    ),
    "lookahead": Policy(
        "floor", "a beam search over what is shown", by_moves(lookahead, idle=WAIT)
    ),
    "exact": Policy("ceiling", "the best moves for what is shown", exact, solves=_unsolved),
}

FAMILY: Family[Cluster] = Family(
    name="vms",
    description="a few virtual machines moved to other hosts, so that free cores come together",
    version=task.VERSION,
    templates=task.TEMPLATES,
    payload=Cluster,
    generate=generator.generate,
    resolve=generator.resolve,
    settings=generator.ClusterSettings,
    levels=Levels("hosts", generator.LEAST, generator.LARGEST),
    solve=reference,
    world=task.world,
    read=task.read,
    answers=task.answers,
    grade=grader.grade,
    reward=grader.reward,
    summarise=grader.summarise,
    policies=POLICIES,
    columns=(
        BoardColumn(
            "share_optimal",
            place="beside",
            measure=grader.is_optimal,
            estimate=grader.share_optimal,
        ),
        BoardColumn("fragment_rate"),
        BoardColumn("stale_moves", "count"),
        BoardColumn("planned_anew", title="greedy anew"),
        BoardColumn("turns_lost", unusable="of turns have no answer that can be used"),
        BoardColumn("gap_proven", place="notes", title="of gaps are against a bound"),
    ),
    strata=grader.strata,
    score_needs_bound=True,
    ramp=("delay", "churn"),
    along=("score@",),
    formats={"vmr2l": FileFormat(read=read_vmr2l, write=write_vmr2l, names=("*.json",))},
    drawings=".vms",
)
