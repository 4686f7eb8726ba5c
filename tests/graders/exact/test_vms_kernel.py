"""The kernel's beam makes the moves of the plain one."""

from random import Random

import pytest
from msgspec.structs import replace

from generators.vms import generate
from graders.exact import vms_kernel
from graders.exact.vms_kernel import beam, fits
from tasks.vms_payload import Host, Machine, Numa
from tasks.vms_placement import Placement
from tests.depth import often
from tests.factories.clusters import cluster

pytestmark = pytest.mark.skipif(
    vms_kernel.library() is None,
    reason="no compiled kernel: install again where there is a C compiler",
)


def compare_beams(placement: Placement, rng: Random) -> int:
    """Compare both for a draw of what a beam is asked, and return how many moves there are."""
    count, now = len(placement.places), placement.fragments()
    most, width = rng.choice([0, 1, 2, 3, count + 2]), rng.choice([1, 2, 3, 8])
    moved = rng.sample(range(count), rng.choice([0, 0, 1, 2]) % (count + 1))
    enough = rng.choice([None, *range(now)])
    assert fits(placement)
    moves = beam(placement, most, moved, width=width, enough=enough)
    assert moves == beam(placement, most, moved, width=width, enough=enough, compiled=False)
    return len(moves)


def test_moves_of_small_clusters_are_the_same() -> None:
    lengths = set()
    for k in range(often(3000)):
        rng = Random(f"twin/{k}")
        placement = Placement(cluster(f"twin/{k}", hosts=rng.choice([1, 2, 3, 4]), most=9))
        for vm in rng.sample(range(len(placement.places)), rng.choice([0, 0, 1])):
            placement.remove(vm)  # it has left
        lengths.add(compare_beams(placement, rng))
    assert lengths >= {0, 1, 2, 3}


@pytest.mark.parametrize("settings", [{}, {"heavy": 0.5, "apart": 20}])
def test_moves_of_generated_clusters_are_the_same(settings: dict[str, float]) -> None:
    for level in (2, 7, 12):
        for index in range(often(40)):
            payload = generate(level, 5, index, settings, reference=False).payload
            compare_beams(Placement(payload), Random(f"{level}/{index}"))


def test_what_might_overflow_is_left_to_python() -> None:
    payload = cluster("far")
    for cpu, memory, chunk in ((2**62, 9, 3), (9, 2**70, 3), (2**40, 9, 2**40)):
        hosts = tuple(Host(host.id, (Numa(cpu, memory),) * 2) for host in payload.hosts)
        vms = (Machine("v1", 1, 1, 1, hosts[0].id, 0),)
        far = Placement(replace(payload, hosts=hosts, vms=vms, apart=(), chunk=chunk))
        assert not fits(far)
        assert beam(far, 1) == beam(far, 1, compiled=False)
    assert fits(Placement(replace(payload, chunk=2**50)))
    assert not fits(Placement(replace(payload, chunk=2**61)))
