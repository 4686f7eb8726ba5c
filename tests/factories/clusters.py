"""Small clusters, and what is true of their moves by trying all of them.

What is counted here knows nothing of the project's own placements.
"""

from collections.abc import Iterator
from random import Random
from typing import Any

from msgspec.structs import replace

from tasks.base import Instance, Reference
from tasks.vms_payload import Cluster, ClusterEvent, Host, Machine, Numa

State = tuple[tuple[str, Any] | None, ...]  # (host, node or None) of each machine


def cluster(seed: object, *, moves: int = 3, hosts: int = 2, most: int = 6) -> Cluster:
    """A cluster of a few machines on small nodes, some pinned, some kept apart."""
    rng = Random(f"clusters/{seed}")
    names = [f"h{k}" for k in range(1, hosts + 1)]
    size = rng.randint(5, 8)
    nodes = {h: [Numa(size, rng.choice([size, 2 * size])) for _ in range(2)] for h in names}
    free = {(h, k): [n.cpu, n.memory] for h in names for k, n in enumerate(nodes[h])}
    vms = []
    for k in range(1, rng.randint(3, most) + 1):
        numas = 2 if rng.random() < 0.2 else 1
        cpu, memory = rng.randint(1, 4) * numas, rng.randint(0, 5) * numas
        places: list[tuple[str, Any]] = [(h, None) for h in names] if numas == 2 else list(free)
        rng.shuffle(places)
        for host, numa in places:
            used = [free[host, j] for j in ((0, 1) if numa is None else (numa,))]
            if all(c >= cpu // numas and m >= memory // numas for c, m in used):
                for each in used:
                    each[0] -= cpu // numas
                    each[1] -= memory // numas
                pinned = rng.random() < 0.1
                vms.append(Machine(f"v{k}", cpu, memory, numas, host, numa, pinned))
                break
    pairs = [(a.id, b.id) for a in vms for b in vms if a.id < b.id and a.host != b.host]
    apart = tuple(rng.sample(pairs, min(len(pairs), rng.choice([0, 0, 1]))))
    tops = tuple(Host(h, tuple(nodes[h])) for h in names)
    return Cluster(tops, tuple(vms), moves, chunk=rng.choice([3, 4]), apart=apart)


def instance_of(payload: Cluster, reference: Reference | None = None) -> Instance[Cluster]:
    """An instance of a cluster."""
    best = reference or Reference("none")
    return Instance("c", "vms", len(payload.hosts), None, 0, {}, 1, payload, best)


def start(payload: Cluster) -> State:
    """Where the machines are at first."""
    return tuple((vm.host, vm.numa) for vm in payload.vms)


def free_of(payload: Cluster, state: State) -> dict[tuple[str, int], list[int]]:
    """Free cores and memory of each node."""
    free = {
        (h.id, k): [node.cpu, node.memory] for h in payload.hosts for k, node in enumerate(h.numas)
    }
    for vm, place in zip(payload.vms, state, strict=True):
        if place is not None:
            for k in (0, 1) if place[1] is None else (place[1],):
                free[place[0], k][0] -= vm.cpu // vm.numas
                free[place[0], k][1] -= vm.memory // vm.numas
    return free


def fragments(payload: Cluster, state: State) -> int:
    """Free cores that are no whole chunk of their node."""
    return sum(cpu % payload.chunk for cpu, _ in free_of(payload, state).values())


def allowed(payload: Cluster, state: State) -> bool:
    """Whether no node is over its capacity, and no two machines are together that may not."""
    if any(c < 0 or m < 0 for c, m in free_of(payload, state).values()):
        return False
    host_of = {vm.id: place[0] for vm, place in zip(payload.vms, state, strict=True) if place}
    return all(host_of.get(a) is None or host_of.get(a) != host_of.get(b) for a, b in payload.apart)


def steps(payload: Cluster, state: State) -> Iterator[tuple[int, State]]:
    """Every move that is allowed in a state: the machine, and the state after it."""
    for k, vm in enumerate(payload.vms):
        if vm.pinned or state[k] is None:
            continue
        for host in payload.hosts:
            for numa in (None,) if vm.numas == 2 else (0, 1):
                after = (*state[:k], (host.id, numa), *state[k + 1 :])
                if after != state and allowed(payload, after):
                    yield k, after


def fewest(payload: Cluster) -> int:
    """The fewest fragments after at most so many moves, each of another machine."""
    first = start(payload)
    states, best = {first}, fragments(payload, first)
    for _ in range(payload.moves):
        states = {
            after
            for state in states
            for k, after in steps(payload, state)
            if state[k] == first[k]  # it was not moved yet: a move never leads back
        }
        best = min([best, *(fragments(payload, state) for state in states)])
    return best


def with_events(payload: Cluster, seed: object, pace: int) -> Cluster:
    """The same with departures and arrivals before the moves of a plan."""
    rng, present = Random(f"events/{seed}"), [vm.id for vm in payload.vms]
    changes = []
    for k in range(pace * payload.turns):
        if len(present) > 1 and rng.random() < 0.5:
            changes.append(ClusterEvent(leave=present.pop(rng.randrange(len(present)))))
        else:
            changes.append(ClusterEvent(arrive=Machine(f"w{k}", rng.randint(1, 3), 1, 1)))
    return replace(payload, pace=pace, events=tuple(changes))


# Plans ---------------------------------------------------------------------------------------

Entry = dict[str, Any]  # a move as an answer writes it


class Hands:
    """Machines on hosts, counted anew from all that are there at every look."""

    def __init__(self, payload: Cluster) -> None:
        self.payload = payload
        self.sizes = {vm.id: vm for vm in payload.vms}
        self.places: dict[str, tuple[str, Any]] = {vm.id: (vm.host, vm.numa) for vm in payload.vms}

    def free(self, without: str = "") -> dict[tuple[str, int], list[int]]:
        """Free cores and memory of each node, one machine left out."""
        nodes = {
            (h.id, k): [n.cpu, n.memory] for h in self.payload.hosts for k, n in enumerate(h.numas)
        }
        for name, (host, numa) in self.places.items():
            if name != without:
                vm = self.sizes[name]
                for k in (0, 1) if numa is None else (numa,):
                    nodes[host, k][0] -= vm.cpu // vm.numas
                    nodes[host, k][1] -= vm.memory // vm.numas
        return nodes

    def fits(self, name: str, host: str, numa: Any) -> bool:
        """Whether there is room for a machine, its own place given up."""
        vm, nodes = self.sizes[name], self.free(without=name)
        return all(
            nodes[host, k][0] >= vm.cpu // vm.numas and nodes[host, k][1] >= vm.memory // vm.numas
            for k in ((0, 1) if numa is None else (numa,))
        )

    def together(self, name: str, host: str) -> bool:
        """Whether a machine would be with one from which it is to be apart."""
        others = {b if a == name else a for a, b in self.payload.apart if name in (a, b)}
        return any(self.places.get(other, ("", 0))[0] == host for other in others)

    def places_of(self, name: str) -> list[tuple[str, Any]]:
        """All places of a machine's kind, in order."""
        numas = (None,) if self.sizes[name].numas == 2 else (0, 1)
        return [(host.id, numa) for host in self.payload.hosts for numa in numas]

    def happen(self, event: ClusterEvent) -> None:
        """A machine leaves, or comes to the host with the fewest free cores that has room."""
        if event.arrive is None:
            self.places.pop(event.leave, None)
            return
        name, nodes = event.arrive.id, self.free()
        self.sizes[name] = event.arrive
        hosts = sorted(
            self.payload.hosts, key=lambda host: nodes[host.id, 0][0] + nodes[host.id, 1][0]
        )
        places = [(h, n) for host in hosts for h, n in self.places_of(name) if h == host.id]
        for host, numa in places:
            if self.fits(name, host, numa):
                self.places[name] = (host, numa)
                return

    def wrong(self, entry: Entry, moved: set[str]) -> str | None:
        """The kind of what is wrong with a move, if anything is."""
        name, host = entry["vm"], entry["host"]
        numa = None if entry["numa"] == "both" else entry["numa"]
        if name not in self.places:
            return "unknown"
        if name in moved:
            return "again"
        if self.sizes[name].pinned:
            return "pinned"
        if (host, numa) not in self.places_of(name) or (host, numa) == self.places[name]:
            return "destination"
        if self.together(name, host):
            return "apart"
        return None if self.fits(name, host, numa) else "no_room"

    def move(self, entry: Entry) -> None:
        """Move a machine."""
        numa = None if entry["numa"] == "both" else entry["numa"]
        self.places[entry["vm"]] = (entry["host"], numa)


def played_by_hand(payload: Cluster, entries: list[Entry]) -> tuple[str | None, int, int]:
    """The first kind of violation of a plan, the fragments at the end, and moves left out."""
    shown, moved, kinds = Hands(payload), set[str](), list[str | None]()
    for entry in entries[: payload.moves]:
        kinds.append(shown.wrong(entry, moved))
        if kinds[-1] is None:
            shown.move(entry)
            moved.add(entry["vm"])
    kinds += ["too_many"] * (len(entries) > payload.moves)
    kind, after, stale = next((k for k in kinds if k), None), Hands(payload), 0
    for event in payload.events:
        after.happen(event)
    for entry in entries if kind is None else []:
        if after.wrong(entry, set()) is None:
            after.move(entry)
        else:
            stale += 1
    return kind, sum(cpu % payload.chunk for cpu, _ in after.free().values()), stale


def random_entries(payload: Cluster, seed: object) -> list[Entry]:
    """Moves, most of which can be made one after another."""
    rng, hands, entries = Random(f"entries/{seed}"), Hands(payload), list[Entry]()
    names, hosts = [*hands.places, "nobody"], [*(h.id for h in payload.hosts), "nowhere"]
    for _ in range(rng.choice([0, 1, 2, 2, 3, 3, 3, 4])):
        careful = rng.random() < 0.85
        options = [
            {"vm": n, "host": h, "numa": "both" if k is None else k}
            for n in hands.places
            for h, k in hands.places_of(n)
        ]
        moved = {entry["vm"] for entry in entries}
        legal = [entry for entry in options if hands.wrong(entry, moved) is None]
        if careful and legal:
            entries.append(rng.choice(legal))
            hands.move(entries[-1])
        elif rng.random() < 0.8:
            entries.append(rng.choice(options))
        else:
            numa = rng.choice([0, 1, "both"])
            entries.append({"vm": rng.choice(names), "host": rng.choice(hosts), "numa": numa})
    return entries
