"""API keys: they come from the environment, go to the server they are for, and into no message."""

import os
import re
from collections.abc import Callable
from typing import Any

import msgspec

from tasks.base import InputError, Reply

NO_KEY = "none"  # what a server gets that was promised no key; the SDKs refuse an empty one
SHORTEST = 8  # a shorter value of a variable that only looks like a key's is no secret
LONG = 16  # a key of so many characters is in no text by chance, and may be told in part
_SECRET_NAME = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS?)$", re.IGNORECASE)
_USER_INFO = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_read: set[str] = set()


def read_key(variable: str) -> str:
    """The key in an environment variable; without a usable one, say which variable to set."""
    if not re.fullmatch(r"[A-Z_][A-Z0-9_]*", variable):
        raise InputError("`api_key_env` wants the name of a variable, in capitals, not a key")
    key = os.environ.get(variable, "").strip()
    if not key:
        raise InputError(f"no API key: set the environment variable {variable}")
    if not (key.isascii() and key.isprintable()):
        raise InputError(f"{variable} has a character that no API key has: set it again")
    if key != NO_KEY:
        _read.add(key)
    return key


def choose_key(usual: str, base_url: str | None, api_key_env: str | None) -> str:
    """The key for a server: the `usual` variable's is for the provider's own address only."""
    if api_key_env is not None:
        return read_key(api_key_env)
    return read_key(usual) if base_url is None else NO_KEY


def scrub(text: str) -> str:
    """Put `***` for every key that was read, every secret of the environment, and URL passwords.

    So for a part of a key that was read: its beginning, or its end behind a mask: `sk-a***wxyz`.
    """
    cleaned: str = scrubber()(text)
    for key in sorted(_read):
        if len(key) >= LONG:
            cleaned = re.sub(_parts(key), "***", cleaned)
    return cleaned


def _parts(key: str) -> str:
    """The pattern of what servers tell of a key that they refuse."""
    letters, mask = r"[\w-]", r"(?:[*•…]|\.\.)[*•….]*"
    start, end = re.escape(key[: LONG // 2]), re.escape(key[-LONG // 4 :])
    return f"{start}{letters}*(?:{mask}{letters}*)?|(?<!{letters}){letters}{{0,{LONG}}}{mask}{end}"


def redact(reply: Reply) -> Reply:
    """A reply without the keys that were read, which a server may say again."""
    long = [key for key in _read if len(key) >= LONG]
    if not long:
        return reply
    text = msgspec.json.encode(reply).decode()
    keys = [key for key in long if key in text]
    for key in sorted(keys, key=lambda k: (-len(k), k)):
        text = text.replace(key, "***")
    return msgspec.json.decode(text, type=Reply) if keys else reply


def scrubber() -> Callable[[Any], Any]:
    """`scrub` for all texts in a value of lists and dicts; the secrets are looked up once."""
    named = {
        value.strip()
        for name, value in os.environ.items()
        if _SECRET_NAME.search(name) and len(value.strip()) >= SHORTEST
    }
    secrets = sorted(_read | named, key=len, reverse=True)

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            for secret in secrets:
                value = value.replace(secret, "***")
            return _USER_INFO.sub("***", value)
        if isinstance(value, dict):
            return {clean(key): clean(part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [clean(part) for part in value]
        return value

    return clean
