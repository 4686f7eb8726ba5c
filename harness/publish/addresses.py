"""Addresses of private servers, which nobody outside can reach or needs to know."""

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from harness.store.manifest import Manifest
from tasks.base import Fields

HIDDEN = "private-server"
_ENDINGS = (".localhost", ".local", ".localdomain", ".internal", ".intranet", ".lan", ".home.arpa")
_URL = re.compile(r"""\b(?:https?|wss?)://[^\s"'<>()\\]*[^\s"'<>()\\.,:;!?]""", re.IGNORECASE)
_IP = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?(?![\d.])|\blocalhost(?::\d+)?\b")
_TOLD = frozenset({"problem", "problems", "command", "setup"})  # columns that may tell others


def is_private(address: str) -> bool:
    """Return whether a server's address says nothing to others: no name that all can look up.

    That is so of a bare number (loopback, a private network, a machine of one's own), of a name
    without a dot and of endings that are for private networks.
    """
    try:
        host = (urlsplit(address).hostname or "").rstrip(".").lower()
    except ValueError:  # no address at all
        return True
    try:
        ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(_ENDINGS)
    return True


class AddressHider:
    """Puts a neutral word for the private servers of a run in all that is published of it."""

    def __init__(self, manifest: Manifest) -> None:
        addresses = [spec.base_url for spec in manifest.configuration.models if spec.base_url]
        self._words = dict(_words(dict.fromkeys(filter(is_private, addresses))))

    def text(self, text: str) -> str:
        """Return a text without the addresses of the run's private servers."""
        for address in sorted(self._words, key=len, reverse=True):
            text = text.replace(address, self._words[address])
        return text

    def row(self, row: Fields) -> Fields:
        """Return a row of a table without them; where errors are told, without any such address."""
        return {
            name: without_addresses(self._value(value)) if name in _TOLD else self._value(value)
            for name, value in row.items()
        }

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self._value(part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [self._value(part) for part in value]
        return value


def _words(addresses: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Yield each address, and its host with the port, with the word that stands for it."""
    for number, address in enumerate(addresses, 1):
        word = HIDDEN if number == 1 else f"{HIDDEN}-{number}"
        yield address.rstrip("/"), word
        place = urlsplit(address).netloc.rpartition("@")[2]
        if ":" in place:
            yield place, word


def without_addresses(value: Any) -> Any:
    """Return a text without any private server's address; another value as it is."""
    if not isinstance(value, str):
        return value
    named = _URL.sub(lambda url: HIDDEN if is_private(url[0]) else url[0], value)
    return _IP.sub(HIDDEN, named)
