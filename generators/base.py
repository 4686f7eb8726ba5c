"""What all generators share."""

from collections.abc import Mapping
from hashlib import sha256
from typing import TypeVar

import msgspec

from tasks.base import InputError, Scalar

S = TypeVar("S", bound=msgspec.Struct)


def instance_id(
    family: str, level: int, seed: int, index: int, version: int, settings: Mapping[str, Scalar]
) -> str:
    """A readable id, unique over versions and settings: `rcpsp-20-s0-i3-1f0c9a2e`."""
    text = msgspec.json.encode([version, dict(settings)], order="sorted")
    return f"{family}-{level}-s{seed}-i{index}-{sha256(text).hexdigest()[:8]}"


def settings_as(kind: type[S], family: str, given: Mapping[str, Scalar]) -> S:
    """Settings as the family's own type, text read as numbers; InputError names a bad one."""
    try:
        return msgspec.convert(dict(given), kind, strict=False)
    except msgspec.ValidationError as error:
        known = f"; there are {', '.join(kind.__struct_fields__)}"
        more = known if "unknown field" in str(error) else ""
        raise InputError(f"settings of {family}: {error}{more}") from None
