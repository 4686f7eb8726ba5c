"""Text as memories store it: counted, without what would break a prompt, cut to a length."""

import re

_TURN = re.compile(r"^(?=--- (?:system|user)$)", re.MULTILINE)
_LAST_BREAK = re.compile(r"\s\S*\Z")


def tokens(text: str) -> int:
    """Return a quarter of the characters, rounded up: a declared unit, the same for every model."""
    return -(-len(text) // 4)


def plain(text: str) -> str:
    """Return a text that can be stored and rendered: no lone surrogate, no NUL, no turn's start.

    A line `--- system` or `--- user` would start a turn when a template renders it
    (`tasks.prompts`); it is indented by a space.
    """
    clean = text.encode("utf-8", "replace").decode().replace("\0", " ").replace("\r", "\n")
    return _TURN.sub(" ", clean).strip("\n")


def line(text: str) -> str:
    """Return plain text on one line, every run of white space a single space."""
    return " ".join(plain(text).split())


def cut(text: str, most: int) -> str:
    """Return at most `most` characters, the last word whole where there is room for one."""
    if len(text) <= most:
        return text
    return (_LAST_BREAK.sub("", text[: most + 1]) or text)[:most]
