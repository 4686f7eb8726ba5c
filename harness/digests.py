"""Digests that tell two requests, programs or files apart."""

from hashlib import blake2b

import msgspec


def digest(value: object) -> str:
    """12 hex digits of a value's canonical JSON."""
    return blake2b(msgspec.json.encode(value, order="sorted"), digest_size=6).hexdigest()
