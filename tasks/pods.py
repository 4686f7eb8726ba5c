"""Pods by priority: the payload, the answer's schema, the one-shot world.

Nodes have cpu and memory; pods ask for some of both, run on a node or wait, and have a priority.
Say where every pod is to be: as many as can be of the highest priority, then of the two highest
together, and so on, down to all (after *Priority Matters*, arXiv 2511.08373); among those equal in
all of that, with the least disruption. Only the end counts: pods are made anew where they go, so
there is no order of moves.
"""

from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

from tasks.base import Fields, Instance, Noun, Outcome, Parsed, Program, short
from tasks.checks import check_unique
from tasks.one_shot import ask_once, parsed_answer
from tasks.prompts import Prompts
from tasks.schemas import AnswerForm, mapping_schema, object_schema
from tasks.spelling import GIVEN, Mends, ids_of, respelt

VERSION = 1
TEMPLATES = ("pods/plain.j2",)
KEY = "placement"  # of the answer object
SETTINGS = ("plain",)
LARGEST = 2**48  # values: what is beyond is not told apart as a reward


class PodNode(Noun, frozen=True):
    """A node: its cpu in thousandths and its memory in MiB."""

    id: str
    cpu: int
    memory: int

    def __post_init__(self) -> None:
        if self.cpu < 1 or self.memory < 1:
            raise ValueError(f"node {self.id}: cpu and memory must be at least 1")


class Pod(Noun, frozen=True):
    """A pod: what it asks for, its priority (more is first), and where it runs.

    Attributes:
        id: its name.
        cpu: in thousandths, at least 1.
        memory: in MiB, at least 1.
        priority: more is first.
        node: on which it runs; None while it waits.
        protected: it runs, and stays where it is.
    """

    id: str
    cpu: int
    memory: int
    priority: int
    node: str | None = None
    protected: bool = False

    def __post_init__(self) -> None:
        if self.cpu < 1 or self.memory < 1:
            raise ValueError(f"pod {self.id}: cpu and memory must be at least 1")
        if self.protected and self.node is None:
            raise ValueError(f"pod {self.id}: it is protected, but does not run")


class PodCluster(Noun, frozen=True):
    """Nodes and pods, checked when they are made: wrong ones cannot be built.

    Attributes:
        nodes: at least one, ids unique.
        pods: at least one, ids unique; those that run fit on their nodes.
        setting: which words tell the cluster, one of `SETTINGS`.
    """

    nodes: tuple[PodNode, ...]
    pods: tuple[Pod, ...]
    setting: str = "plain"

    def __post_init__(self) -> None:
        if not self.nodes or not self.pods:
            raise ValueError("a cluster needs at least one node and one pod")
        if self.setting not in SETTINGS:
            raise ValueError(f"setting {self.setting!r} is not one of {', '.join(SETTINGS)}")
        check_unique("nodes: id", (node.id for node in self.nodes))
        check_unique("pods: id", (pod.id for pod in self.pods))
        ids = {node.id for node in self.nodes}
        for pod in self.pods:
            if pod.node is not None and pod.node not in ids:
                raise ValueError(f"pod {pod.id}: there is no node {pod.node!r}")
        if prod(bases(self)) > LARGEST:
            raise ValueError("pods: too many of too many priorities")
        _check_running(self)


Payload = PodCluster


def _check_running(cluster: PodCluster) -> None:
    free = {node.id: [node.cpu, node.memory] for node in cluster.nodes}
    for pod in cluster.pods:
        if pod.node is not None:
            free[pod.node][0] -= pod.cpu
            free[pod.node][1] -= pod.memory
    for name, rest in free.items():
        if min(rest) < 0:
            raise ValueError(f"node {name}: the pods that run there do not fit")


# The worth of a placement --------------------------------------------------------------------


def tiers(cluster: PodCluster) -> tuple[int, ...]:
    """Return the priorities that there are, the highest first."""
    return tuple(sorted({pod.priority for pod in cluster.pods}, reverse=True))


def waiting(cluster: PodCluster, placement: Mapping[str, str | None]) -> tuple[int, ...]:
    """Return for each tier, the highest first, how many pods of it or above are not placed."""
    return tuple(
        sum(pod.priority >= tier and placement[pod.id] is None for pod in cluster.pods)
        for tier in tiers(cluster)
    )


def disruption(cluster: PodCluster, placement: Mapping[str, str | None]) -> int:
    """Return 1 for each running pod that is evicted, 2 for each that is moved."""
    trouble = 0
    for pod in cluster.pods:
        if pod.node is not None and placement[pod.id] != pod.node:
            trouble += 1 if placement[pod.id] is None else 2
    return trouble


def bases(cluster: PodCluster) -> tuple[int, ...]:
    """Return how many values each digit of a value can have: one a tier, then the disruption."""
    counts = (sum(pod.priority >= tier for pod in cluster.pods) for tier in tiers(cluster))
    running = sum(pod.node is not None for pod in cluster.pods)
    return (*(count + 1 for count in counts), 2 * running + 1)


def composed(cluster: PodCluster, digits: Iterable[int]) -> int:
    """Return digits, one for each of `bases`, as one number: the first is the most significant."""
    number = 0
    for base, digit in zip(bases(cluster), digits, strict=True):
        number = number * base + digit
    return number


def value(cluster: PodCluster, placement: Mapping[str, str | None]) -> int:
    """Return what a placement is worth, as one number to be minimised.

    Its digits are what waits, tier by tier, and last the disruption: of two placements the smaller
    number has less in the first of these in which they differ.
    """
    return composed(cluster, (*waiting(cluster, placement), disruption(cluster, placement)))


def split_value(cluster: PodCluster, number: int) -> tuple[int, int]:
    """Return the part of a value that is of waiting pods, and the disruption."""
    return divmod(number, bases(cluster)[-1])


def now(cluster: PodCluster) -> dict[str, str | None]:
    """Return the placement as it is."""
    return {pod.id: pod.node for pod in cluster.pods}


# The question and the answer -----------------------------------------------------------------


def answer_schema(cluster: PodCluster) -> Fields:
    """Return the JSON schema of an answer: for every pod a node or null."""
    node: Fields = {"enum": [*(node.id for node in cluster.nodes), None]}
    return object_schema({KEY: object_schema({pod.id: node for pod in cluster.pods})})


def answers(cluster: PodCluster | None) -> dict[str, AnswerForm]:
    """Return the form of an answer to a cluster by its name; None is any cluster."""
    if cluster is not None:
        return {"Placement": AnswerForm(answer_schema(cluster))}
    rows = mapping_schema({"anyOf": [{"type": "string"}, {"type": "null"}]})
    return {"Placement": AnswerForm(object_schema({KEY: rows}))}


def world(instance: Instance[PodCluster], prompts: Prompts) -> Program[Outcome]:
    """Show the cluster once and take the placement."""
    cluster = instance.payload
    name = f"pods/{cluster.setting}.j2"
    messages = prompts.messages(name, cluster=cluster, tiers=tiers(cluster))
    outcome = yield from ask_once(instance, messages, key=KEY, schema=answer_schema(cluster))
    return spelled(cluster, outcome)


def spelled(cluster: PodCluster, outcome: Outcome) -> Outcome:
    """Return an outcome whose ids are read by the rule of spelling.

    A pod that is placed under two spellings has no place: the answer is doubtful.
    """
    [parsed] = outcome.answers
    placement = (parsed.value or {}).get(KEY)
    if parsed.how == GIVEN or not isinstance(placement, dict):
        return outcome
    pods = ids_of(tuple(pod.id for pod in cluster.pods))
    nodes, mends = ids_of(tuple(node.id for node in cluster.nodes)), Mends()
    rows: Fields = {}
    for name, node in placement.items():
        pod: Any = mends.id_of(name, pods)
        if pod in rows:
            problem = f"the place of {short(repr(pod))} is given twice"
            return Outcome((Parsed(problem=problem, mended=parsed.mended),))
        rows[pod] = mends.id_of(node, nodes) if pod in pods and node is not None else node
    return Outcome((respelt(parsed, {**(parsed.value or {}), KEY: rows}, mends.lines()),))


def read(answer: Fields | None, text: str) -> Outcome:
    """Return the outcome of an answer from a file (see `parsed_answer`)."""
    return Outcome((parsed_answer(answer, text, KEY),))
