"""Reads and writes clusters in the format of VMR2L's data sets (Ding et al., EuroSys 2025).

A file is `{"cluster_list": [{"host_info": [...], "vm_instance": [...]}, ...]}`. A host has its NUMA
nodes with cores and memory, in all and free; a machine its host and, for each node that it takes
from, the node, cores and memory in MB. Other fields are passed over.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from tasks.base import Fields, InputError, Instance
from tasks.encoding import as_utf8
from tasks.vms import VERSION
from tasks.vms_payload import NODES, Cluster, Host, Machine, Numa

MB = 1024  # in a GiB
SHARE = 0.025  # moves over machines: two to three per cent, as the paper has it
Count: TypeAlias = Annotated[int, Meta(ge=0, le=10**9)]


class _HostNode(msgspec.Struct, frozen=True):
    """A NUMA node of a host."""

    free_cpu: Count
    memory_huge_free_mb: Count
    node: int | None = None


class _Host(msgspec.Struct, frozen=True):
    """A host of a file."""

    node_id: int | str
    numa: tuple[_HostNode, ...]


class _Share(msgspec.Struct, frozen=True):
    """What a machine takes from a node."""

    node: Annotated[int, Meta(ge=0, le=1)]
    cpu: Count
    mem_mb: Count


class _Instance(msgspec.Struct, frozen=True):
    """A machine of a file."""

    instance_id: int | str
    host_id: int | str
    numa: tuple[_Share, ...]
    allow_migration: bool = True


class _Cluster(msgspec.Struct, frozen=True):
    """A cluster of a file."""

    host_info: tuple[_Host, ...]
    vm_instance: tuple[_Instance, ...]


class _File(msgspec.Struct, frozen=True):
    """A file."""

    cluster_list: tuple[_Cluster, ...]


def read_vmr2l(path: Path, index: int) -> list[Instance[Cluster]]:
    """Read the clusters of a file, numbered from `index`, with the number of hosts as level.

    What a node has is what is free on it and what the file's machines take: load that is not listed
    is nowhere. Memory is in GiB, that of machines rounded up, what is free down. An agent may move
    2.5 % of the machines, at least one.

    Args:
        path: of the file.
        index: the position of the file among those read.

    Raises:
        InputError: `FILE: what is wrong`.
    """
    try:
        clusters = msgspec.json.decode(as_utf8(path.read_bytes()), type=_File).cluster_list
        if not clusters:
            raise ValueError("cluster_list is empty; expected at least one cluster")
        return [
            _instance(path.stem if len(clusters) == 1 else f"{path.stem}-{k}", cluster, index)
            for k, cluster in enumerate(clusters, 1)
        ]
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:  # what msgspec and the nouns raise
        raise InputError(f"{path}: {error}") from None


def _instance(name: str, cluster: _Cluster, index: int) -> Instance[Cluster]:
    payload = _payload(cluster)
    return Instance(
        id=name,
        family="vms",
        level=len(payload.hosts),
        seed=None,
        index=index,
        settings={"source": "vmr2l", "track": payload.track},
        version=VERSION,
        payload=payload,
    )


def _payload(cluster: _Cluster) -> Cluster:
    vms = tuple(_machine(each) for each in cluster.vm_instance)
    hosts = tuple(_host(each, vms) for each in _with_vms(cluster.host_info))
    return Cluster(hosts, vms, max(1, round(SHARE * len(vms))))


def _with_vms(hosts: Sequence[_Host]) -> Iterable[_Host]:
    for host in hosts:
        nodes = [node.node for node in host.numa]
        if len(nodes) != NODES or nodes not in ([0, 1], [None, None]):
            raise ValueError(f"host {host.node_id}: its NUMA nodes are {nodes}, not 0 and 1")
        yield host


def _machine(vm: _Instance) -> Machine:
    shares = {share.node: share for share in vm.numa}
    if not 1 <= len(shares) == len(vm.numa) <= NODES:
        raise ValueError(f"vm {vm.instance_id}: it takes from {len(vm.numa)} nodes, not 1 or 2")
    first = next(iter(shares.values()))
    if any((s.cpu, s.mem_mb) != (first.cpu, first.mem_mb) for s in shares.values()):
        raise ValueError(f"vm {vm.instance_id}: it takes more from one of its nodes")
    numas = len(shares)
    return Machine(
        str(vm.instance_id),
        cpu=first.cpu * numas,
        memory=-(-first.mem_mb // MB) * numas,
        numas=numas,
        host=str(vm.host_id),
        numa=first.node if numas == 1 else None,
        pinned=not vm.allow_migration,
    )


def _host(host: _Host, vms: Iterable[Machine]) -> Host:
    own = [vm for vm in vms if vm.host == str(host.node_id)]
    nodes = []
    for k, node in enumerate(host.numa):
        taken = [vm for vm in own if vm.numa in (k, None)]
        cpu = node.free_cpu + sum(vm.cpu // vm.numas for vm in taken)
        memory = node.memory_huge_free_mb // MB + sum(vm.memory // vm.numas for vm in taken)
        nodes.append(Numa(cpu, memory))
    return Host(str(host.node_id), tuple(nodes))


def write_vmr2l(instance: Instance[Cluster]) -> tuple[str, bytes]:
    """Return the ending of a file's name and its content: the cluster as it is shown.

    Args:
        instance: what happens in it, pairs kept apart and the most moves have no place there.
    """
    cluster = instance.payload
    hosts = [_host_row(host, cluster.vms) for host in cluster.hosts]
    vms = [_vm_row(vm) for vm in cluster.vms]
    content = {"cluster_list": [{"host_info": hosts, "vm_instance": vms}]}
    return "json", msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n"


def _host_row(host: Host, vms: Iterable[Machine]) -> Fields:
    own = [vm for vm in vms if vm.host == host.id]
    rows = []
    for k, node in enumerate(host.numas):
        taken = [vm for vm in own if vm.numa in (k, None)]
        rows.append(
            {
                "node": k,
                "total_cpu": node.cpu,
                "free_cpu": node.cpu - sum(vm.cpu // vm.numas for vm in taken),
                "memory_huge_total_mb": node.memory * MB,
                "memory_huge_free_mb": (node.memory - sum(vm.memory // vm.numas for vm in taken))
                * MB,
            }
        )
    return {"node_id": host.id, "numa": rows}


def _vm_row(vm: Machine) -> Fields:
    nodes = range(NODES) if vm.numa is None else (vm.numa,)
    share = {"cpu": vm.cpu // vm.numas, "mem_mb": vm.memory // vm.numas * MB}
    return {
        "instance_id": vm.id,
        "host_id": vm.host,
        "numa": [{"node": node, **share} for node in nodes],
        "allow_migration": not vm.pinned,
    }
