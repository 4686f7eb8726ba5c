"""What all generators share."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from tasks.base import InputError, Scalar

S = TypeVar("S", bound=msgspec.Struct)


def settings_as(kind: type[S], family: str, given: Mapping[str, Scalar]) -> S:
    """Settings as the family's own type, text read as numbers; InputError names a bad one."""
    try:
        return msgspec.convert(dict(given), kind, strict=False)
    except msgspec.ValidationError as error:
        known = f"; there are {', '.join(kind.__struct_fields__)}"
        more = known if "unknown field" in str(error) else ""
        raise InputError(f"settings of {family}: {error}{more}") from None
