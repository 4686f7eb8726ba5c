"""Virtual machines on hosts of two NUMA nodes: what an instance of `vms` holds.

A machine of one node takes all its cores and memory from one of the two nodes of its host; a
machine of two takes half of both from each. Memory is in GiB.
"""

from collections.abc import Iterable
from fractions import Fraction
from typing import Literal

from msgspec.structs import replace

from tasks.base import Noun
from tasks.checks import check_unique

NODES = 2  # of every host
CHUNK = 16  # cores of the machines for which room is wanted
Track = Literal["plan", "reactive"]


class Numa(Noun, frozen=True):
    """A NUMA node: cores and memory, of which machines take their share."""

    cpu: int
    memory: int

    def __post_init__(self) -> None:
        if self.cpu < 0 or self.memory < 0:
            raise ValueError(f"node: cpu {self.cpu} or memory {self.memory} is negative")


class Host(Noun, frozen=True):
    """A host and its two NUMA nodes, 0 and 1."""

    id: str
    numas: tuple[Numa, ...]

    def __post_init__(self) -> None:
        if len(self.numas) != NODES:
            raise ValueError(f"host {self.id}: {len(self.numas)} NUMA nodes, not {NODES}")


class Machine(Noun, frozen=True, omit_defaults=True):
    """A virtual machine.

    Attributes:
        id: of its own.
        cpu, memory: all that it takes.
        numas: how many NUMA nodes it takes them from, 1 or 2.
        host: the id of its host; empty before it has arrived.
        numa: the node, 0 or 1, of a machine that takes from one; None for one that takes from two.
        pinned: whether it may not be moved.
    """

    id: str
    cpu: int
    memory: int
    numas: int
    host: str = ""
    numa: int | None = None
    pinned: bool = False

    def __post_init__(self) -> None:
        if self.numas not in (1, NODES):
            raise ValueError(f"vm {self.id}: numas {self.numas} is not 1 or {NODES}")
        if self.cpu < 1 or self.memory < 0 or self.cpu % self.numas or self.memory % self.numas:
            raise ValueError(
                f"vm {self.id}: cpu {self.cpu} or memory {self.memory} is less than it can be,"
                f" or does not divide by its {self.numas} nodes"
            )
        if self.host and (self.numa in (0, 1)) != (self.numas == 1):
            raise ValueError(f"vm {self.id}: numa {self.numa} with {self.numas} nodes")


class ClusterEvent(Noun, frozen=True, omit_defaults=True):
    """A change that nobody chose: a machine leaves, by its id, or one arrives.

    An arrival goes to the host with the fewest free cores that has room, or is turned away.
    """

    leave: str = ""
    arrive: Machine | None = None

    def __post_init__(self) -> None:
        if bool(self.leave) == (self.arrive is not None):
            raise ValueError("event: it needs either a machine that leaves or one that arrives")


class Cluster(Noun, frozen=True, omit_defaults=True):
    """A cluster, checked when it is made: a wrong one cannot be built.

    Attributes:
        hosts: at least one, ids unique.
        vms: the machines as they are placed at first.
        moves: how many machines may be moved at the most, each once.
        chunk: cores free on a node count by whole chunks of so many; the rest are fragments.
        apart: pairs of machines that may not be on one host.
        track: `plan`, all moves in one reply; `reactive`, one move a turn.
        pace: events between a question and the moves of its reply, at the most.
        tokens: where above 0, an event takes so many tokens of output, and `pace` of them is the
            most; at 0 all of them happen.
        events: what happens, in its order; hidden from agents.
    """

    hosts: tuple[Host, ...]
    vms: tuple[Machine, ...]
    moves: int
    chunk: int = CHUNK
    apart: tuple[tuple[str, str], ...] = ()
    track: Track = "plan"
    pace: int = 0
    tokens: int = 0
    events: tuple[ClusterEvent, ...] = ()

    def __post_init__(self) -> None:
        if not self.hosts or not self.vms:
            raise ValueError("a cluster needs at least one host and one vm")
        if self.moves < 1 or self.chunk < 1 or self.pace < 0 or self.tokens < 0:
            raise ValueError("moves or chunk is below 1, or pace or tokens below 0")
        check_unique("hosts: id", (host.id for host in self.hosts))
        check_unique("vms: id", (vm.id for vm in (*self.vms, *arrivals(self.events))))
        _check_places(self)
        _check_apart(self)
        _check_events(self)

    @property
    def turns(self) -> int:
        """Return how many replies there are at the most."""
        return 1 if self.track == "plan" else self.moves


Payload = Cluster


def arrivals(events: Iterable[ClusterEvent]) -> list[Machine]:
    """Return the machines that arrive in some events, in their order."""
    return [event.arrive for event in events if event.arrive is not None]


def _check_places(cluster: Cluster) -> None:
    free = {
        (host.id, k): [node.cpu, node.memory]
        for host in cluster.hosts
        for k, node in enumerate(host.numas)
    }
    for vm in cluster.vms:
        if (vm.host, 0) not in free:
            raise ValueError(f"vm {vm.id}: unknown host {vm.host!r}")
        for k in range(NODES) if vm.numa is None else (vm.numa,):
            free[vm.host, k][0] -= vm.cpu // vm.numas
            free[vm.host, k][1] -= vm.memory // vm.numas
    for (host, k), (cpu, memory) in free.items():
        if cpu < 0 or memory < 0:
            raise ValueError(f"host {host}: its vms take more than node {k} has")


def _check_apart(cluster: Cluster) -> None:
    host_of = {vm.id: vm.host for vm in cluster.vms}
    for a, b in cluster.apart:
        if a not in host_of or b not in host_of or a == b:
            raise ValueError(f"apart: [{a!r}, {b!r}] are not two of the vms")
        if host_of[a] == host_of[b]:
            raise ValueError(f"apart: {a!r} and {b!r} are both on {host_of[a]!r}")


def _check_events(cluster: Cluster) -> None:
    """Refuse events that are too many or too few, or a departure of what is not there.

    With one move a turn an arrival has room wherever machines were moved to: so which machines are
    there at the end does not depend on the moves.
    """
    if len(cluster.events) != cluster.pace * cluster.turns:
        raise ValueError(f"events: {len(cluster.events)}, not {cluster.pace} a turn")
    present = {vm.id: vm for vm in cluster.vms}
    for k, event in enumerate(cluster.events, 1):
        if event.arrive is not None:
            if cluster.track == "reactive" and not is_sure(
                cluster.hosts, present.values(), event.arrive
            ):
                raise ValueError(f"event {k}: vm {event.arrive.id} may find no room")
            present[event.arrive.id] = replace(event.arrive, host="")
        elif present.pop(event.leave, None) is None:
            raise ValueError(f"event {k}: unknown vm {event.leave!r}")


def is_sure(hosts: Iterable[Host], vms: Iterable[Machine], vm: Machine) -> bool:
    """Return whether a machine finds room however others are placed, by the pigeonhole principle.

    Args:
        hosts: all of them.
        vms: the machines that are there.
        vm: a machine more; for one of two nodes nothing is sure.
    """
    nodes, vms = [node for host in hosts for node in host.numas], list(vms)
    free = sum(node.cpu for node in nodes) - sum(each.cpu for each in vms)
    if vm.numas != 1 or free <= len(nodes) * (vm.cpu - 1):
        return False
    ratio = max((Fraction(each.memory, each.cpu) for each in vms), default=Fraction(0))
    return all(
        node.cpu < vm.cpu or node.memory - ratio * (node.cpu - vm.cpu) >= vm.memory
        for node in nodes
    ) and any(node.cpu >= vm.cpu for node in nodes)
