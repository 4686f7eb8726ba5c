"""The limit of a reply that a run has where nobody gave one: the same for all providers."""

from pathlib import Path

import msgspec
from msgspec.structs import replace

from harness.models.base import LIMITS, REPLY_LIMIT, Sampling

IN_BODY = set(LIMITS)


class _Drawn(msgspec.Struct):
    max_tokens: int | None = None


class _Began(msgspec.Struct):
    sampling: _Drawn = msgspec.field(default_factory=_Drawn)


class _Folder(msgspec.Struct):
    """A manifest, as far as it matters here."""

    configuration: _Began


def with_limit(sampling: Sampling) -> Sampling:
    """Return a sampling with a limit of each reply: its own, also one in `extra`, or the usual."""
    if sampling.max_tokens is not None or IN_BODY & sampling.extra.keys():
        return sampling
    return replace(sampling, max_tokens=REPLY_LIMIT)


def began_without(path: Path) -> bool:
    """Return whether a folder is there that an older version began without a limit.

    It goes on without one: what its models are asked does not change.
    """
    try:
        began = msgspec.json.decode((path / "manifest.json").read_bytes(), type=_Folder)
    except (OSError, msgspec.DecodeError):
        return False
    return began.configuration.sampling.max_tokens is None
