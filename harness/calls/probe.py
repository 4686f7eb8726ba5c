"""A look at a server of one's own: how many calls it works on at once.

It changes how many calls are under way and nothing else: it asks no model, and is no attempt.
"""

import asyncio
import ipaddress
from http.client import HTTPException
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

import msgspec

from harness.calls.limiter import ConcurrencyLimiter
from harness.log import Log

SECONDS = 2.0  # a server of one's own that says nothing in this time says nothing

MOST_BYTES = 2**20


class _Properties(msgspec.Struct):
    """What llama.cpp tells of itself at `/props`, as far as it matters here."""

    total_slots: int


class SlotProbe:
    """Looks once, before the first call, and narrows the gate to the slots of the server."""

    def __init__(self, model: str, base_url: str) -> None:
        """Make one for a model and the address of its server."""
        self._model, self._base_url = model, base_url
        self._lock, self._done = asyncio.Lock(), False

    async def narrow(self, limiter: ConcurrencyLimiter, log: Log) -> None:
        """Let no more calls through at once than the server has slots, and say so."""
        async with self._lock:
            if self._done:
                return
            self._done = True
            slots = await asyncio.to_thread(slots_of, self._base_url)
            if slots is not None and slots < limiter.ceiling:
                limiter.narrow(slots)
                what = "one call" if slots == 1 else f"{slots} calls"
                log.say(f"{self._model}: its server works on {what} at once, so no more are sent")


def slots_of(base_url: str) -> int | None:
    """Return the slots of a server; None if it does not tell.

    Args:
        base_url: of its chat completions; `/props` stands beside `/v1`.
    """
    address = base_url.rstrip("/").removesuffix("/v1") + "/props"
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(address, timeout=SECONDS) as response:
            text = response.read(MOST_BYTES)
        slots = msgspec.json.decode(text, type=_Properties).total_slots
    except (OSError, HTTPException, ValueError):  # no server, none of this kind, no JSON
        return None
    return slots if slots > 0 else None


def is_near(base_url: str) -> bool:
    """Return whether an address is on this machine or in a private network.

    Names other than localhost are not looked up.
    """
    name = urlsplit(base_url).hostname or ""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or address.is_private
