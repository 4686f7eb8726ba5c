"""What the journal has of one path of an episode: a call with its attempts, or another effect."""

from typing import NamedTuple

import msgspec

from tasks.base import Reply

Row = tuple[str, str, str | None]  # path, request and reply (JSON) of an attempt


class Answered(msgspec.Struct, frozen=True):
    """The journal's record of one path: how often it was tried, and the reply if any."""

    attempts: int
    request: str | None = None
    reply: Reply | None = None


class Performed(NamedTuple):
    """The journal's record of an effect that is no call: its request, and its outcome as JSON."""

    request: str
    outcome: str
