"""The exact reference of pods by priority: one solve for each tier, then one for the disruption.

Cheap bounds come first: what the nodes can hold at all from below, rules from above. Where they do
not meet, CP-SAT lets as few pods of the highest tier wait as can be, fixes that, goes on to the
next tier, and last to the disruption. Pods that ask for the same at the same priority are one set:
what is decided is how many of it are on a node. One worker, a fixed seed and deterministic time
make a reference the same bytes in every process.
"""

from collections.abc import Iterator, Sequence
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from graders.exact.cp_sat import cp_sat_engine, solver_name
from graders.exact.pods_packing import IndexedCluster, PodRequest, Spots, emptied, index_cluster
from graders.exact.pods_rules import keep, one_move, preempt, repack
from graders.pods_violations import violations
from tasks.base import Reference, SolverFailure
from tasks.extras import extra
from tasks.pods import KEY, PodCluster, bases, composed, value

if TYPE_CHECKING:
    from ortools.sat.python.cp_model import CpSolver, IntVar, LinearExprT

LIMIT = 8.0  # deterministic seconds of CP-SAT for all tiers of a cluster; the disruption has
SHARE = 0.25  # of that for itself
PURPOSE = "the search for a best placement"


def reference(
    cluster: PodCluster,
    *,
    deterministic_limit: float | None = None,
    seconds: float | None = None,
    share: float = SHARE,
) -> Reference:
    """Place as many pods as can be, tier by tier, with the least disruption.

    Args:
        cluster: the cluster.
        deterministic_limit: CP-SAT's limit for all tiers in its own measure of work; `LIMIT`, or
            `seconds`, if not given.
        seconds: a limit of CP-SAT's wall time altogether; the outcome then depends on the machine.
        share: of the limit, what the disruption has for itself; with 0 it is not looked for.

    Returns:
        The reference, whose objective is a `value`: optimal if every solve is proven. There is
        always an answer.

    Raises:
        MissingExtra: if cheap bounds do not meet, and CP-SAT is not installed.
        SolverFailure: if the checker refutes an answer, or the bounds cross.
    """
    indexed, bound = index_cluster(cluster), quick_bound(cluster)
    rules = [keep(indexed), preempt(indexed), one_move(indexed)]
    rules += [repack(indexed, "least"), repack(indexed, "most")]
    spots = min(rules, key=lambda each: value(cluster, indexed.by_id(each)))
    if value(cluster, indexed.by_id(spots)) == bound:
        return _stated(cluster, bound, indexed.by_id(spots), "rules")
    limit = deterministic_limit or seconds or LIMIT
    search = _Search(cluster, indexed, spots, limit, seconds, share=share)
    return _stated(cluster, search.bound(), indexed.by_id(search.spots), search.solver)


def _stated(
    cluster: PodCluster, bound: int, placement: dict[str, str | None], solver: str
) -> Reference:
    if problems := violations(cluster, placement):
        raise SolverFailure(
            f"{solver}: its answer breaks {len(problems)} rules, first {problems[0]}"
        )
    objective = value(cluster, placement)
    if bound > objective:
        raise SolverFailure(f"{solver}: a value {objective} is below its lower bound {bound}")
    return Reference(
        "optimal" if bound == objective else "bounded",
        objective,
        bound,
        solver=solver,
        answer={KEY: placement},
    )


def quick_bound(cluster: PodCluster) -> int:
    """Return a value that no placement goes below: all nodes are one, each tier is alone."""
    return composed(cluster, (*quick_waiting(cluster), 0))


def quick_waiting(cluster: PodCluster) -> tuple[int, ...]:
    """Return for each tier, the highest first, how many pods of it or above wait at least.

    Of each resource the nodes hold no more pods than of the smallest that there are.
    """
    counts = []
    for tier in sorted({pod.priority for pod in cluster.pods}, reverse=True):
        pods = [pod for pod in cluster.pods if pod.priority >= tier]
        most = min(
            _most(sum(node.cpu for node in cluster.nodes), [pod.cpu for pod in pods]),
            _most(sum(node.memory for node in cluster.nodes), [pod.memory for pod in pods]),
        )
        counts.append(len(pods) - most)
    return tuple(counts)


def _most(capacity: int, requests: Sequence[int]) -> int:
    """Return how many of the smallest requests a capacity holds."""
    count = 0
    for request in sorted(requests):
        capacity -= request
        if capacity < 0:
            break
        count += 1
    return count


# CP-SAT --------------------------------------------------------------------------------------


class PodSet(NamedTuple):
    """Pods that ask for the same at the same priority, and may be moved.

    Attributes:
        request: of each.
        rank: of their priority, 0 the highest.
        running: those that run, by node.
        waiting: those that wait.
    """

    request: PodRequest
    rank: int
    running: tuple[tuple[int, ...], ...]
    waiting: tuple[int, ...]

    @property
    def size(self) -> int:
        """Return how many pods it has."""
        return sum(map(len, self.running)) + len(self.waiting)


def pod_sets(cluster: IndexedCluster) -> list[PodSet]:
    """Return the sets of pods that are not protected, in the order of their first pods."""
    members: dict[tuple[PodRequest, int], list[int]] = {}
    for pod, key in enumerate(zip(cluster.requests, cluster.ranks, strict=True)):
        if pod not in cluster.protected:
            members.setdefault(key, []).append(pod)
    return [
        PodSet(
            *key,
            running=tuple(
                tuple(pod for pod in pods if cluster.spots[pod] == node)
                for node in range(len(cluster.nodes))
            ),
            waiting=tuple(pod for pod in pods if cluster.spots[pod] is None),
        )
        for key, pods in members.items()
    ]


class _Search:
    """The solves of a cluster, one after another, each with what the ones before have fixed.

    Attributes:
        spots: the best placement so far.
        solver: the name of what looks for it.
    """

    def __init__(
        self,
        cluster: PodCluster,
        indexed: IndexedCluster,
        spots: Spots,
        limit: float,
        seconds: float | None,
        *,
        share: float,
    ) -> None:
        self.spots, self.solver = spots, solver_name()
        self._cluster, self._indexed = cluster, indexed
        self._model = _SetModel(indexed)
        self._limit = limit
        self._seconds = None if seconds is None else seconds / len(bases(cluster))
        self._least = [*quick_waiting(cluster), 0]
        self._proven = [self._stage(k) for k in range(len(self._least) - 1)]
        self._limit = share * limit
        self._proven.append(self._stage(len(self._least) - 1))

    def bound(self) -> int:
        """Return the value that no placement goes below.

        Behind the first solve that is not proven every digit is the least that it can be.
        """
        digits, is_proven = [], True
        for k, (digit, least) in enumerate(zip(self._digits(), self._least, strict=True)):
            digits.append(digit if is_proven and self._proven[k] else least)
            is_proven = is_proven and self._proven[k]
        return composed(self._cluster, digits)

    def _digits(self) -> list[int]:
        """Return the digits of the best placement's value."""
        number, digits = value(self._cluster, self._indexed.by_id(self.spots)), list[int]()
        for base in reversed(bases(self._cluster)):
            number, digit = divmod(number, base)
            digits.insert(0, digit)
        return digits

    def _stage(self, number: int) -> bool:
        """Minimise one digit, fix it, and return whether it is proven."""
        from ortools.sat.python import cp_model

        is_proven = self._digits()[number] == self._least[number]
        if not is_proven and self._limit > 0:
            self._model.minimise(number, self.spots)
            search = self._engine()
            status = search.solve(self._model.model)
            if status in (cp_model.MODEL_INVALID, cp_model.INFEASIBLE):
                problem = self._model.model.validate()
                raise SolverFailure(f"{self.solver}: {search.status_name(status)} {problem}")
            self._limit -= search.response_proto.deterministic_time
            self._least[number] = max(self._least[number], ceil(search.best_objective_bound - 1e-6))
            if status != cp_model.UNKNOWN:
                self._take(self._model.spots(search))
            is_proven = self._digits()[number] == self._least[number]
        self._model.fix(number, self._digits()[number])
        return is_proven

    def _take(self, spots: Spots) -> None:
        """Take a placement if it is better in any digit that is not fixed yet."""
        both = (self.spots, spots)
        self.spots = min(both, key=lambda each: value(self._cluster, self._indexed.by_id(each)))

    def _engine(self) -> "CpSolver":
        engine = cp_sat_engine(max(0.01, self._limit), self._seconds)
        engine.parameters.linearization_level = 2  # packing: without the relaxation no proof
        return engine


class _SetModel:
    """The CP-SAT model of a cluster: how many pods of each set are on each node.

    Of a set and a node, as many stay as are there before and after; beyond those, and beyond the
    pods that wait, whatever is placed has moved.
    """

    def __init__(self, cluster: IndexedCluster) -> None:
        with extra("solvers", PURPOSE):
            from ortools.sat.python.cp_model import CpModel

        self.model: CpModel = CpModel()
        self._cluster, self._sets = cluster, pod_sets(cluster)
        self._placed = [self._counts(each) for each in self._sets]
        self._hold()
        self._goals = [*self._waiting()]

    def _counts(self, pods: PodSet) -> "list[IntVar]":
        row = [self.model.new_int_var(0, pods.size, "") for _ in pods.running]
        self.model.add(sum(row) <= pods.size)
        return row

    def _hold(self) -> None:
        """Hold what is on a node within its capacity, less what protected pods take."""
        cluster = self._cluster
        for node, capacity in enumerate(cluster.capacities):
            fixed = [cluster.requests[p] for p in cluster.protected if cluster.spots[p] == node]
            for resource, most in enumerate(capacity):
                rows = zip(self._sets, self._placed, strict=True)
                taken = sum(pods.request[resource] * row[node] for pods, row in rows)
                self.model.add(taken <= most - sum(request[resource] for request in fixed))

    def _waiting(self) -> "Iterator[LinearExprT]":
        """Yield for each tier how many pods of it or above wait."""
        for tier in range(max(self._cluster.ranks) + 1):
            chosen = [k for k, pods in enumerate(self._sets) if pods.rank <= tier]
            yield sum(self._sets[k].size - sum(self._placed[k]) for k in chosen)

    def _disruption(self) -> "LinearExprT":
        """Return 1 for each pod that no longer runs, 2 for each that runs elsewhere.

        Its variables come with the last solve: without them nodes that are alike are symmetric.
        """
        parts: list[LinearExprT] = []
        for pods, row in zip(self._sets, self._placed, strict=True):
            running = sum(map(len, pods.running))
            moved = self.model.new_int_var(0, running, "")
            stays = [self.model.new_int_var(0, len(before), "") for before in pods.running]
            for stay, count in zip(stays, row, strict=True):
                self.model.add(stay <= count)
            self.model.add(moved >= sum(row) - sum(stays) - len(pods.waiting))
            parts.append(running - sum(stays) + moved)
        return sum(parts)

    def minimise(self, number: int, spots: Spots) -> None:
        """Set the goal to a digit, with a placement to begin with."""
        if number == len(self._goals):
            self._goals.append(self._disruption())
        self.model.minimize(self._goals[number])
        self.model.clear_hints()  # type: ignore[no-untyped-call]
        for pods, row in zip(self._sets, self._placed, strict=True):
            every = [*(pod for before in pods.running for pod in before), *pods.waiting]
            for node, count in enumerate(row):
                self.model.add_hint(count, sum(spots[pod] == node for pod in every))

    def fix(self, number: int, most: int) -> None:
        """Let no later placement be worse in a digit of those that wait."""
        if number < len(self._goals):
            self.model.add(self._goals[number] <= most)

    def spots(self, search: "CpSolver") -> Spots:
        """Return a placement with the counts that were found: as many stay as can.

        The pods that wait come before those that move.
        """
        spots = emptied(self._cluster)
        for pods, row in zip(self._sets, self._placed, strict=True):
            room: list[int] = []
            movable: list[int] = []
            for node, (count, before) in enumerate(zip(row, pods.running, strict=True)):
                placed = search.value(count)
                for pod in before[:placed]:
                    spots[pod] = node
                movable += before[placed:]
                room += [node] * (placed - len(before))
            for pod, node in zip([*pods.waiting, *movable], room, strict=False):
                spots[pod] = node
        return spots
