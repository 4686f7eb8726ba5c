"""Identifiers tell which instances were drawn together, and nothing else does."""

from tasks.ids import cluster_of, instance_id


def test_seed_and_index_are_the_cluster_of_a_generated_instance() -> None:
    names = [instance_id("rcpsp", level, 7, 3, 2, {"edges": level}) for level in (5, 40)]
    assert [cluster_of(name) for name in names] == ["s7-i3", "s7-i3"]
    assert cluster_of(instance_id("fair-queue", 2, 7, 4, 1, {})) == "s7-i4"


def test_levels_with_streams_of_their_own_are_clusters_of_their_own() -> None:
    """What they share over settings at one level stays together."""
    names = [
        instance_id("tardiness", level, 7, 3, 2, {"tf": tf}, apart=True)
        for level, tf in ((5, 0.2), (5, 0.8), (40, 0.2))
    ]
    assert [cluster_of(name) for name in names] == ["5-s7-k3", "5-s7-k3", "40-s7-k3"]


def test_an_imported_instance_is_a_cluster_of_its_own() -> None:
    for name in ("j301_1", "wt40-001", "rcpsp-20-s0-i3", "rcpsp-20-s0-i3-1f0c9a2ex"):
        assert cluster_of(name) == name
