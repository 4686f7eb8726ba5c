"""What is done to text before a memory keeps it, and how it is counted."""

import re

_TURN = re.compile(r"^(?=--- (?:system|user)$)", re.MULTILINE)
_LAST_BREAK = re.compile(r"\s\S*\Z")


def tokens(text: str) -> int:
    """A quarter of the characters, rounded up: a declared unit, the same for every model."""
    return -(-len(text) // 4)


def plain(text: str) -> str:
    """Text that can be stored and rendered: no lone surrogates, no NUL, no start of a turn.

    A line `--- system` or `--- user` would start a turn when a template renders it
    (`tasks.prompts`); it is indented by a space.
    """
    kept = text.encode("utf-8", "replace").decode().replace("\0", " ").replace("\r", "\n")
    return _TURN.sub(" ", kept).strip("\n")


def line(text: str) -> str:
    """The same on one line, every run of white space a single space."""
    return " ".join(plain(text).split())


def cut(text: str, most: int) -> str:
    """At most so many characters, the last word whole where there is room for one."""
    if len(text) <= most:
        return text
    return (_LAST_BREAK.sub("", text[: most + 1]) or text)[:most]
