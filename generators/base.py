"""What all generators share."""

from collections.abc import Mapping
from hashlib import sha256

import msgspec

from tasks.base import Scalar


def instance_id(
    family: str, level: int, seed: int, index: int, version: int, settings: Mapping[str, Scalar]
) -> str:
    """A readable id, unique over versions and settings: `rcpsp-20-s0-i3-1f0c9a2e`."""
    text = msgspec.json.encode([version, dict(settings)], order="sorted")
    return f"{family}-{level}-s{seed}-i{index}-{sha256(text).hexdigest()[:8]}"
