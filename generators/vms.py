"""Generates clusters that are full of fragments, by machines that come and go.

Machines are put at random until the hosts are full; a third of them leaves and others come, twice.
A cluster is kept if a short search finds moves that gain two whole chunks.
"""

from bisect import bisect
from collections.abc import Mapping
from itertools import accumulate, pairwise
from random import Random
from typing import Annotated, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from generators.base import plain_settings, settings_as
from graders.exact.vms import PURPOSE
from graders.exact.vms import reference as solve
from graders.exact.vms_kernel import beam
from graders.exact.vms_search import apply
from tasks.base import InputError, Instance, Noun, Reference, Scalar
from tasks.extras import require
from tasks.ids import instance_id
from tasks.vms import VERSION
from tasks.vms_payload import (
    CHUNK,
    NODES,
    Cluster,
    ClusterEvent,
    Host,
    Machine,
    Numa,
    Track,
    is_sure,
)
from tasks.vms_placement import Placement

LEAST, LARGEST = 2, 64  # hosts
NODE = Numa(44, 92)  # of every host two: the cores of the paper's, memory in GiB
SIZES = ((1, 1), (2, 1), (4, 1), (8, 1), (16, 1), (32, 2), (44, 2))  # cores, nodes
WEIGHTS = (3, 6, 9, 8, 5, 3, 1)  # how often: 31 of 35 have 16 cores or fewer
SHARES = tuple(accumulate(WEIGHTS))
GIB = 2  # of memory a core
ROUNDS = 2  # of machines that leave after the first fill
GAIN = 2  # whole chunks that moves must be able to gain
ATTEMPTS = 500  # clusters, or sets of events, that are drawn until one can be gained by
DEPARTURE = 0.5  # the chance that an event is one
Shape: TypeAlias = tuple[int, int, int]  # of a machine: its cores, GiB and nodes


class ClusterSettings(Noun, frozen=True):
    """The dials of a cluster.

    Attributes:
        track: all moves in one reply, or one move a turn.
        share: how many moves there are, as a share of the machines; at least one.
        fill: share of the cores that machines take.
        heavy: chance that a machine takes twice the memory.
        apart: pairs of machines that may not be on one host.
        delay: events before a plan is carried out, on the track plan.
        churn: events in each turn before its move is made, on the track reactive.
        tokens: tokens of output that an event takes; 0 is the pace of replies.
    """

    track: Track = "plan"
    share: Annotated[float, Meta(ge=0.01, le=1)] = 0.25
    fill: Annotated[float, Meta(ge=0.3, le=0.95)] = 0.85
    heavy: Annotated[float, Meta(ge=0, le=1)] = 0.0
    apart: Annotated[int, Meta(ge=0, le=100)] = 0
    delay: Annotated[int, Meta(ge=0, le=1000)] = 0
    churn: Annotated[int, Meta(ge=0, le=100)] = 0
    tokens: Annotated[int, Meta(ge=0, le=1_000_000)] = 0


def resolve(level: int, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return all settings; InputError if the level or a setting is wrong.

    Args:
        level: the number of hosts.
        settings: those that are given; see `ClusterSettings`.
    """
    if not LEAST <= level <= LARGEST:
        raise InputError(f"level {level}: a cluster has {LEAST} to {LARGEST} hosts")
    typed = settings_as(ClusterSettings, "vms", settings)
    if typed.delay and typed.track != "plan":
        raise InputError("delay is of the track plan: on reactive set churn, events in each turn")
    if typed.churn and typed.track != "reactive":
        raise InputError("churn is of the track reactive: on plan set delay, events before it")
    if typed.tokens and not (typed.delay or typed.churn):
        raise InputError("tokens pace events: set delay or churn too, how many there are at most")
    return plain_settings(typed)


def generate(
    level: int, seed: int, index: int, settings: Mapping[str, Scalar], *, reference: bool = True
) -> Instance[Cluster]:
    """Return a cluster.

    Args:
        level: the number of hosts.
        seed: of all streams.
        index: the number of the cluster, from 0.
        settings: those that are given; see `ClusterSettings`.
        reference: whether the solver looks for the optimum; without it nothing is known.

    Raises:
        InputError: the level or a setting is wrong, or leaves nothing to gain.
        MissingExtra: the solver is to look, and is not installed.
    """
    if reference:  # not at the first cluster that needs it, in the middle of a file
        require("solvers", PURPOSE, "ortools")
    resolved = resolve(level, settings)
    typed = msgspec.convert(resolved, ClusterSettings)
    draw = _Draw(level, seed, index, typed)
    cluster = draw.with_events(draw.cluster())
    return Instance(
        id=instance_id("vms", level, seed, index, VERSION, resolved, apart=True),
        family="vms",
        level=level,
        seed=seed,
        index=index,
        settings=resolved,
        version=VERSION,
        payload=cluster,
        reference=solve(cluster) if reference else Reference("none"),
    )


class _Draw:
    """The draws of one instance, each ingredient from a stream of its own."""

    def __init__(self, level: int, seed: int, index: int, settings: ClusterSettings) -> None:
        self._settings, self._level = settings, level
        self._place = f"vms/{VERSION}/{level}/{seed}/{index}"

    def _stream(self, part: str, attempt: int) -> Random:
        return Random(f"{self._place}/{part}/{attempt}")

    def cluster(self) -> Cluster:
        """Return the first cluster by which enough can be gained, as it is shown."""
        for attempt in range(ATTEMPTS):
            room = self._filled(attempt)
            if room.fragments() < GAIN * CHUNK:  # no search has to be asked
                continue
            cluster = self._candidate(room, attempt)
            if can_gain(Placement(cluster), cluster.moves):
                return cluster
        raise InputError(
            f"level {self._level}: at this fill and share no cluster lets {GAIN} chunks be gained"
        )

    def _candidate(self, room: "_Room", attempt: int) -> Cluster:
        """Return the machines of a room as a cluster, in an order that is drawn."""
        settings, level = self._settings, self._level
        hosts = tuple(Host(f"h{k + 1:0{len(str(level))}d}", (NODE, NODE)) for k in range(level))
        vms = list(room.present.values())
        self._stream("order", attempt).shuffle(vms)
        width = max(2, len(str(len(vms))))
        named = tuple(
            Machine(
                f"vm-{k:0{width}d}",
                *vm.shape,
                hosts[vm.nodes[0] // NODES].id,
                vm.nodes[0] % NODES if len(vm.nodes) == 1 else None,
            )
            for k, vm in enumerate(vms, 1)
        )
        moves = max(1, round(settings.share * len(named)))
        pairs = self._apart(named, attempt)
        return Cluster(hosts, named, moves, apart=pairs, track=settings.track)

    def _filled(self, attempt: int) -> "_Room":
        """Return hosts with the machines that are there after some have come and gone."""
        sizes, places = self._stream("sizes", attempt), self._stream("places", attempt)
        memory, departures = self._stream("memory", attempt), self._stream("departures", attempt)
        room = _Room(self._level)
        most = self._settings.fill * sum(room.cpu)
        for turn in range(ROUNDS + 1):
            while room.taken < most and room.put(self._shape(sizes, memory), places):
                pass
            if turn < ROUNDS:
                for number in departures.sample(list(room.present), len(room.present) // 3):
                    room.free(number)
        return room

    def _shape(self, sizes: Random, memory: Random) -> Shape:
        cpu, numas = SIZES[bisect(SHARES, sizes.random() * SHARES[-1], 0, len(SIZES) - 1)]
        chance = self._settings.heavy
        heavy = chance > 0 and memory.random() < chance
        most = NODE.memory * numas  # a machine that no node holds would end the fill
        return cpu, min(GIB * cpu * (2 if heavy else 1), most), numas

    def _apart(self, vms: tuple[Machine, ...], attempt: int) -> tuple[tuple[str, str], ...]:
        """Return pairs of machines on unlike hosts."""
        if not self._settings.apart:
            return ()
        rng, pairs = self._stream("apart", attempt), set[tuple[str, str]]()
        candidates = [(a.id, b.id) for k, a in enumerate(vms) for b in vms[:k] if a.host != b.host]
        pairs.update(rng.sample(candidates, min(self._settings.apart, len(candidates))))
        return tuple(sorted(pairs))

    # Events ----------------------------------------------------------------------------------

    def with_events(self, cluster: Cluster) -> Cluster:
        """Return a cluster with what happens to it, after which enough can still be gained."""
        pace = self._settings.delay + self._settings.churn
        if not pace:
            return cluster
        for attempt in range(ATTEMPTS):
            events, end = self._events(cluster, pace * cluster.turns, attempt)
            if can_gain(end, cluster.moves):
                return replace(cluster, pace=pace, tokens=self._settings.tokens, events=events)
        raise InputError(f"level {self._level}: after {pace} events there is nothing to gain")

    def _events(
        self, cluster: Cluster, count: int, attempt: int
    ) -> tuple[tuple[ClusterEvent, ...], Placement]:
        """Return what happens, and where machines are after it if none is moved."""
        rng, end = self._stream("events", attempt), Placement(cluster)
        arrivals = self._arrivals(cluster, count, attempt)
        present, changes = {vm.id: vm for vm in cluster.vms}, list[ClusterEvent]()
        for arrival in arrivals:
            leaves, name = rng.random() < DEPARTURE, rng.choice(sorted(present))
            vm = arrival if cluster.track == "plan" else self._sure(cluster, present, arrival)
            if len(present) > 1 and (leaves or vm is None):
                changes.append(ClusterEvent(leave=name))
                del present[name]
            elif vm is not None:
                changes.append(ClusterEvent(arrive=vm))
                present[vm.id] = vm
            end.happen(changes[-1])
            if vm is not None and vm.id in present and end.places[end.number[vm.id]] is None:
                del present[vm.id]  # turned away: it cannot leave
        return tuple(changes), end

    def _arrivals(self, cluster: Cluster, count: int, attempt: int) -> list[Machine]:
        """Return a machine for each event, in case it is an arrival."""
        sizes, memory = self._stream("arrivals", attempt), self._stream("arrived memory", attempt)
        first, width = len(cluster.vms) + 1, len(cluster.vms[0].id) - len("vm-")
        names = (f"vm-{k:0{width}d}" for k in range(first, first + count))
        return [Machine(name, *self._shape(sizes, memory)) for name in names]

    def _sure(
        self, cluster: Cluster, present: Mapping[str, Machine], vm: Machine
    ) -> Machine | None:
        """Return a machine that has room wherever others are, a smaller one if it must be."""
        while not is_sure(cluster.hosts, present.values(), vm):
            if vm.cpu == 1:
                return None
            vm = self._smaller(vm)
        return vm

    def _smaller(self, vm: Machine) -> Machine:
        cpu, numas = max(size for size in SIZES if size[0] < vm.cpu)
        return Machine(vm.id, cpu, GIB * cpu, numas)


class _Resident(NamedTuple):
    """A machine that is there: what it takes, and the numbers of its nodes."""

    shape: Shape
    nodes: tuple[int, ...]


class _Room:
    """What is free on hosts while machines come and go.

    Attributes:
        cpu, memory: what is free, by node; node n of host h is 2 h + n.
        taken: cores, of all nodes.
        present: machines by the number of their arrival.
    """

    def __init__(self, hosts: int) -> None:
        self.cpu, self.memory = [NODE.cpu] * NODES * hosts, [NODE.memory] * NODES * hosts
        self.taken, self._arrived = 0, 0
        self.present: dict[int, _Resident] = {}

    def put(self, shape: Shape, rng: Random) -> bool:
        """Put a machine at a random place with room, and return whether there is one."""
        numas = shape[2]
        firsts = self._firsts(*shape)
        if not firsts:
            return False
        first = rng.choice(firsts)
        vm = _Resident(shape, (first,) if numas == 1 else (first, first + 1))
        self.present[self._arrived] = vm
        self._arrived += 1
        self._take(vm, 1)
        return True

    def free(self, number: int) -> None:
        """Let a machine leave."""
        self._take(self.present.pop(number), -1)

    def fragments(self) -> int:
        """Return the free cores that are no whole chunk of their node."""
        return sum(cpu % CHUNK for cpu in self.cpu)

    def _firsts(self, cpu: int, memory: int, numas: int) -> list[int]:
        """Return the nodes that have room, or the first ones of pairs that have."""
        cpu, memory = cpu // numas, memory // numas
        nodes = enumerate(zip(self.cpu, self.memory, strict=True))
        roomy = [node for node, (c, m) in nodes if c >= cpu and m >= memory]
        if numas == 1:
            return roomy
        return [a for a, b in pairwise(roomy) if b - a == 1 and a % NODES == 0]

    def _take(self, vm: _Resident, sign: int) -> None:
        cpu, memory, numas = vm.shape
        self.taken += sign * cpu
        for node in vm.nodes:
            self.cpu[node] -= sign * cpu // numas
            self.memory[node] -= sign * memory // numas


def can_gain(placement: Placement, moves: int) -> bool:
    """Return whether a short search finds moves that gain two whole chunks.

    Args:
        placement: where machines are.
        moves: how many there may be.
    """
    enough = placement.fragments() - GAIN * placement.cluster.chunk
    if enough < 0:
        return False
    best = beam(placement, moves, enough=enough)
    return apply(placement, best).fragments() <= enough
