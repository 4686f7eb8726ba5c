"""Names of generated instances, and what they tell of where an instance came from."""

import re
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256

import msgspec

from tasks.base import Scalar

_SHARED = re.compile(r"[a-z][a-z0-9-]*-\d+-(s\d+-i\d+)-[0-9a-f]{8}")
_APART = re.compile(r"[a-z][a-z0-9-]*-(\d+-s\d+-k\d+)-[0-9a-f]{8}")


def instance_id(
    family: str,
    level: int,
    seed: int,
    index: int,
    version: int,
    settings: Mapping[str, Scalar],
    *,
    apart: bool = False,
) -> str:
    """Return a readable id, unique over versions and settings: `rcpsp-20-s0-i3-1f0c9a2e`.

    Args:
        family: its name.
        level: the difficulty.
        seed: of the streams that drew it.
        index: its number under the seed, from 0.
        version: of the family's generator.
        settings: all of them; their digest is the last part of the id.
        apart: each level draws with a stream of its own and shares nothing with the others of its
            index, which then stands behind a `k`: `tardiness-20-s0-k3-7be1c402`.
    """
    text = msgspec.json.encode([version, dict(settings)], order="sorted")
    number = f"{'k' if apart else 'i'}{index}"
    return f"{family}-{level}-s{seed}-{number}-{sha256(text).hexdigest()[:8]}"


@lru_cache(maxsize=2**15)  # statistics ask for the same ones many times
def cluster_of(identifier: str) -> str:
    """Return the name of the cluster of an instance: those that may share ingredients with it.

    Instances of one seed and index may share ingredients, whatever their levels and settings, so
    their scores are no independent trials.

    Returns:
        `s0-i3` for `rcpsp-20-s0-i3-1f0c9a2e`. Where only settings share ingredients, the level
        belongs to it: `20-s0-k3` for `tardiness-20-s0-k3-7be1c402`. The identifier itself for an
        instance that was not generated: it shares nothing.
    """
    generated = _SHARED.fullmatch(identifier) or _APART.fullmatch(identifier)
    return generated[1] if generated else identifier
