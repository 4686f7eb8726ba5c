"""VMR2L's files: what is read, what comes back as it was, what is refused with its reason."""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from generators.vms import generate
from generators.vms_vmr2l import read_vmr2l, write_vmr2l
from tasks.base import InputError
from tasks.vms_payload import Host, Machine, Numa
from tests.depth import often
from tests.factories.clusters import cluster, instance_of
from tests.harness.helpers import makespan


def node(number: int, cpu: int, free: int, memory: int, room: int) -> dict[str, Any]:
    return {
        "node": number,
        "total_cpu": cpu,
        "free_cpu": free,
        "memory_huge_total_mb": memory,
        "memory_huge_free_mb": room,
    }


def content() -> Any:
    """A host with load that is not listed, and one that is empty."""
    nodes = [node(0, 44, 10, 92 * 1024, 30_000), node(1, 44, 40, 92 * 1024, 80_000)]
    empty = [node(0, 44, 44, 92 * 1024, 92 * 1024), node(1, 44, 44, 92 * 1024, 92 * 1024)]
    hosts = [{"node_id": 7, "numa": nodes}, {"node_id": 8, "numa": empty, "rack": "r"}]
    vms = [
        {
            "instance_id": 70,
            "host_id": 7,
            "numa": [{"node": 0, "cpu": 16, "mem_mb": 32_000}],
            "allow_migration": False,
        },
        {
            "instance_id": "i-71",
            "host_id": 7,
            "numa": [{"node": k, "cpu": 4, "mem_mb": 8192} for k in (0, 1)],
        },
    ]
    return {"cluster_list": [{"host_info": hosts, "vm_instance": vms}]}


def written(folder: Path, value: Any) -> Path:
    path = folder / "m.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
    return path


def test_hosts_and_machines_are_those_of_the_file(tmp_path: Path) -> None:
    [instance] = read_vmr2l(written(tmp_path, content()), 4)
    assert (instance.id, instance.family, instance.level, instance.index) == ("m", "vms", 2, 4)
    assert instance.seed is None
    payload = instance.payload
    # free: 10 cores and 29 GiB; taken: 16 + 4 cores, 32 + 8 GiB; 14 cores are nobody's
    assert payload.hosts == (
        Host("7", (Numa(30, 29 + 32 + 8), Numa(44, 78 + 8))),
        Host("8", (Numa(44, 92), Numa(44, 92))),
    )
    assert payload.vms == (
        Machine("70", 16, 32, 1, "7", 0, pinned=True),
        Machine("i-71", 8, 16, 2, "7"),
    )
    assert (payload.moves, payload.chunk, payload.track) == (1, 16, "plan")


def test_a_file_of_several_clusters_has_as_many_instances(tmp_path: Path) -> None:
    several = {"cluster_list": content()["cluster_list"] * 2}
    assert [i.id for i in read_vmr2l(written(tmp_path, several), 0)] == ["m-1", "m-2"]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    instances = [generate(level, 0, 0, {}, reference=False) for level in (2, 3)]
    instances += [instance_of(cluster(f"vmr2l/{k}")) for k in range(often(120))]
    for instance in instances:
        ending, text = write_vmr2l(instance)
        path = tmp_path / f"again.{ending}"
        path.write_bytes(text)
        [again] = read_vmr2l(path, 0)
        bare = replace(instance.payload, apart=(), chunk=16, moves=again.payload.moves)
        assert again.payload == bare


def test_a_fortieth_of_the_machines_may_move(tmp_path: Path) -> None:
    _, text = write_vmr2l(generate(12, 0, 0, {}, reference=False))
    path = written(tmp_path, text.decode())
    [instance] = read_vmr2l(path, 0)
    assert instance.payload.moves == round(0.025 * len(instance.payload.vms)) > 1


def changed(**at: Any) -> Any:
    """The content with values put at paths such as `host_info.0.node_id`."""
    value = content()
    for path, new in at.items():
        *keys, last = [int(k) if k.isdigit() else k for k in path.split("__")]
        part = value["cluster_list"][0]
        for key in keys:
            part = part[key]
        part[last] = new
    return value


HALVES = [{"node": 0, "cpu": 4, "mem_mb": 1}, {"node": 1, "cpu": 5, "mem_mb": 1}]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{", "m.json: "),
        ("[]", "Expected `object`"),
        ({"cluster_list": []}, "cluster_list is empty"),
        (changed(host_info=[]), "at least one host"),
        (changed(vm_instance=[]), "at least one host and one vm"),
        (changed(host_info__0__numa=[]), "host 7: its NUMA nodes are"),
        (changed(host_info__0__numa__1__node=0), "are \\[0, 0\\], not 0 and 1"),
        (changed(host_info__0__numa__0__free_cpu=-1), "Expected `int` >= 0"),
        (changed(vm_instance__0__numa=[]), "vm 70: it takes from 0 nodes"),
        (changed(vm_instance__1__numa=HALVES), "vm i-71: it takes more from one"),
        (changed(vm_instance__0__host_id=9), "vm 70: unknown host '9'"),
        (changed(vm_instance__0__instance_id="i-71"), "more than once"),
    ],
)
def test_what_does_not_fit_is_refused(value: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read_vmr2l(written(tmp_path, value), 0)


def test_commands_read_solve_and_write_them(tmp_path: Path) -> None:
    source, out = tmp_path / "files", tmp_path / "out.jsonl"
    source.mkdir()
    for index in range(2):
        _, text = write_vmr2l(generate(2, 0, index, {}, reference=False))
        (source / f"c{index}.json").write_bytes(text)
    done = makespan("import", "vmr2l", source, "--out", out)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [(line["id"], line["reference"]["status"]) for line in lines] == [
        ("c0", "optimal"),
        ("c1", "optimal"),
    ]
    again = makespan("export", out, "--format", "vmr2l", "--out", tmp_path / "again")
    assert again.returncode == 0, again.stderr
    assert sorted(p.name for p in (tmp_path / "again").iterdir()) == ["c0.json", "c1.json"]
    assert (tmp_path / "again" / "c0.json").read_bytes() == (source / "c0.json").read_bytes()
    missing = makespan("import", "vmr2l", tmp_path / "no.json", "--out", out)
    assert missing.returncode == 2
