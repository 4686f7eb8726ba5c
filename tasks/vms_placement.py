"""Where machines are: what is free, what has room, what is left in fragments.

Hosts, nodes and machines are numbers here. Numa n of host h is 2 h + n.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple, TypeAlias

from tasks.base import Fields
from tasks.vms_payload import Cluster, ClusterEvent, Machine

BOTH = 2  # the node of a machine that takes from two
WORDS = {BOTH: "both"}  # how an answer writes it


class Location(NamedTuple):
    """A host and the node on it: 0, 1, or BOTH."""

    host: int
    numa: int


class Size(NamedTuple):
    """What a machine takes from each of its nodes, and from how many."""

    cpu: int
    memory: int
    numas: int


Move: TypeAlias = tuple[int, Location]  # a machine, by its number, and where it goes


class Placement:
    """Machines on hosts; changed by moves and events.

    A machine that has gone, or was turned away, has the place None.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.host_of = {host.id: k for k, host in enumerate(cluster.hosts)}
        nodes = [node for host in cluster.hosts for node in host.numas]
        self.cpu = [node.cpu for node in nodes]
        self.memory = [node.memory for node in nodes]
        self.names: list[str] = []
        self.number: dict[str, int] = {}
        self.sizes: list[Size] = []
        self.pinned: list[bool] = []
        self.places: list[Location | None] = []
        for vm in cluster.vms:
            numa = BOTH if vm.numa is None else vm.numa
            self._enter(vm, Location(self.host_of[vm.host], numa))
        self.partners: dict[int, list[int]] = {}
        for a, b in cluster.apart:
            self.partners.setdefault(self.number[a], []).append(self.number[b])
            self.partners.setdefault(self.number[b], []).append(self.number[a])

    def copy(self) -> "Placement":
        """Return one that can be changed by itself."""
        other = Placement.__new__(Placement)
        other.__dict__.update(self.__dict__)
        for name in ("cpu", "memory", "names", "sizes", "pinned", "places"):
            setattr(other, name, list(getattr(self, name)))
        other.number = dict(self.number)
        return other

    # What is free ----------------------------------------------------------------------------

    @property
    def free(self) -> int:
        """Return the free cores."""
        return sum(self.cpu)

    def fragments(self) -> int:
        """Return the free cores that are no whole chunk of their node."""
        chunk = self.cluster.chunk
        return sum(cpu % chunk for cpu in self.cpu)

    def present(self) -> Iterator[int]:
        """Yield the machines that are there."""
        return (vm for vm, place in enumerate(self.places) if place is not None)

    def everywhere(self, vm: int) -> tuple[Location, ...]:
        """Return all places that a machine could have, with room or not, in their order."""
        return locations(len(self.cpu) // 2, self.sizes[vm].numas)

    def lacking(self, vm: int, place: Location) -> tuple[str, int, int] | None:
        """Return what a place lacks for a machine that is nowhere: resource, node, amount."""
        cpu, memory, _ = self.sizes[vm]
        for node in nodes_of(place):
            if self.cpu[node] < cpu:
                return "cpu", node % 2, cpu - self.cpu[node]
            if self.memory[node] < memory:
                return "memory", node % 2, memory - self.memory[node]
        return None

    def has_room(self, vm: int, place: Location) -> bool:
        """Return whether a place has room for a machine that is nowhere."""
        return self.lacking(vm, place) is None

    def partner_on(self, vm: int, host: int) -> int | None:
        """Return a machine on a host from which another must be kept apart; None if there is none.

        Args:
            vm: the other.
            host: its number.
        """
        for other in self.partners.get(vm, ()):
            place = self.places[other]
            if place is not None and place.host == host:
                return other
        return None

    # Changes ---------------------------------------------------------------------------------

    def put(self, vm: int, place: Location) -> None:
        """Place a machine that is nowhere, where there is room."""
        self._take(vm, place, -1)
        self.places[vm] = place

    def remove(self, vm: int) -> Location:
        """Remove a machine that is there, and return its place."""
        place = self.places[vm]
        assert place is not None
        self._take(vm, place, 1)
        self.places[vm] = None
        return place

    def move(self, vm: int, place: Location) -> bool:
        """Move a machine if it is there and may go there; return whether it was moved."""
        if self.places[vm] is None:
            return False
        before = self.remove(vm)
        may = self.has_room(vm, place) and self.partner_on(vm, place.host) is None
        self.put(vm, place if may else before)
        return may

    def happen(self, event: ClusterEvent) -> None:
        """Let an event happen; a departure of what was turned away is none."""
        if event.arrive is None:
            vm = self.number[event.leave]
            if self.places[vm] is not None:
                self.remove(vm)
            return
        self._enter(event.arrive, None)
        vm = len(self.names) - 1
        place = self.best_fit(vm)
        if place is not None:
            self.put(vm, place)

    def best_fit(self, vm: int) -> Location | None:
        """Return the place with room on the host with the fewest free cores; None if none has."""
        places = (place for place in self.everywhere(vm) if self.has_room(vm, place))
        return min(
            places,
            key=lambda p: (self.cpu[2 * p.host] + self.cpu[2 * p.host + 1], p.host, p.numa),
            default=None,
        )

    def _enter(self, vm: Machine, place: Location | None) -> None:
        self.number[vm.id] = len(self.names)
        self.names.append(vm.id)
        self.sizes.append(Size(vm.cpu // vm.numas, vm.memory // vm.numas, vm.numas))
        self.pinned.append(vm.pinned)
        self.places.append(None)
        if place is not None:
            self.put(len(self.names) - 1, place)

    def _take(self, vm: int, place: Location, sign: int) -> None:
        cpu, memory, _ = self.sizes[vm]
        for node in nodes_of(place):
            self.cpu[node] += sign * cpu
            self.memory[node] += sign * memory

    # As answers and prompts have it ----------------------------------------------------------

    def entry(self, move: Move) -> Fields:
        """Return a move as an answer writes it."""
        vm, (host, numa) = move
        return {
            "vm": self.names[vm],
            "host": self.cluster.hosts[host].id,
            "numa": WORDS.get(numa, numa),
        }

    def rows(self, moved: Iterable[int] = ()) -> list[Fields]:
        """Return hosts with their nodes and machines, for a prompt.

        Args:
            moved: machines that may not be moved any more, beside those that are pinned.
        """
        fixed = set(moved)
        rows: list[Fields] = [
            {"id": host.id, "nodes": self._node_rows(k), "vms": []}
            for k, host in enumerate(self.cluster.hosts)
        ]
        for vm in self.present():
            cpu, memory, numas = self.sizes[vm]
            place = self.places[vm]
            assert place is not None
            rows[place.host]["vms"].append(
                {
                    "id": self.names[vm],
                    "cpu": cpu * numas,
                    "memory": memory * numas,
                    "numa": WORDS.get(place.numa, place.numa),
                    "fixed": vm in fixed or self.pinned[vm],
                }
            )
        return rows

    def _node_rows(self, host: int) -> list[Fields]:
        return [
            {
                "cpu": node.cpu,
                "memory": node.memory,
                "free_cpu": self.cpu[2 * host + k],
                "free_memory": self.memory[2 * host + k],
            }
            for k, node in enumerate(self.cluster.hosts[host].numas)
        ]


@cache
def locations(hosts: int, numas: int) -> tuple[Location, ...]:
    """Return the places that hosts have for a machine of one node, or two, in their order."""
    nodes = (BOTH,) if numas == BOTH else (0, 1)
    return tuple(Location(host, numa) for host in range(hosts) for numa in nodes)


def nodes_of(place: Location) -> tuple[int, ...]:
    """Return the numbers of the nodes of a place."""
    host, numa = place
    return (2 * host, 2 * host + 1) if numa == BOTH else (2 * host + numa,)
