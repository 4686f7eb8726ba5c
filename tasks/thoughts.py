"""Thoughts of a model: those in the text of a reply, between `<think>` and `</think>`, and others.

A thought ends at `</think>`, and one that is left open hides the rest. A `</think>` alone ends a
thought that the prompt began, or an outer one. Who writes about a tag does not think: one in
quotes, in backticks or in a string of JSON is prose, and so is a `</think>` alone inside a sentence
after which nothing comes that could be an answer.
"""

import re
from bisect import bisect
from collections.abc import Iterator

from tasks.base import Reply

_TAG = re.compile(r"</?think>")
_QUOTE = re.compile(r'\\.|"')
_LINE_END = re.compile(r"\n")
_QUOTES = ('"', "'", "`")
_BEFORE = re.compile(r"[\w,:;(][ \t]+\Z|[ \t][\"'`(*]+\Z")  # a sentence goes on to the tag
_AFTER = re.compile(r"[ \t]+[a-z(]|[,;:.!?)\"'`*]")  # and goes on after it
_ANSWERS = ("{", "```")  # how an answer begins: an object, or a program


def without_thoughts(text: str) -> tuple[str, bool]:
    """Return the text outside thoughts, and whether a thought is left open."""
    spoken, _, is_open = _parts(text)
    return "".join(spoken), is_open


def reasoning_of(reply: Reply) -> str:
    """Return all that a reply tells of the model's thoughts: beside its text, and in it."""
    thoughts = "\n\n".join(filter(str.strip, _parts(reply.text)[1])).strip()
    return "\n\n".join(filter(None, (reply.reasoning, thoughts)))


def _parts(text: str) -> tuple[list[str], list[str], bool]:
    """Return what is spoken, what is thought, and whether a thought is left open."""
    pieces, outer = list[tuple[str, bool]](), 0  # a piece, and whether it is a thought
    start, inside = 0, False
    for tag in _tags(text):
        is_close = tag[0] == "</think>"
        if inside and not is_close:
            continue
        if is_close and not inside:  # all before it was a thought
            outer = len(pieces)
        pieces.append((text[start : tag.start()], is_close))
        start, inside = tag.end(), not is_close
    pieces.append((text[start:], inside))
    spoken = [piece for piece, is_thought in pieces[outer:] if not is_thought]
    thoughts = [piece for k, (piece, is_thought) in enumerate(pieces) if is_thought or k < outer]
    return spoken, thoughts, inside


def _tags(text: str) -> Iterator[re.Match[str]]:
    """Yield the tags that begin and end thoughts; those that are prose are left out."""
    last = max(text.rfind(answer) for answer in _ANSWERS)
    inside, strings = False, _Strings(text)
    for tag in _TAG.finditer(text):
        is_close = tag[0] == "</think>"
        is_late = is_close and not inside and tag.end() > last
        is_prose = is_late and _is_in_sentence(text, tag)
        if is_prose or _is_quoted(text, tag) or strings.hold(tag):
            continue
        inside = not is_close
        yield tag


class _Strings:
    """The strings of a text: between two double quotes of a line, as JSON has them."""

    def __init__(self, text: str) -> None:
        self._quotes = [m.start() for m in _QUOTE.finditer(text) if m[0] == '"']
        self._ends = [m.start() for m in _LINE_END.finditer(text)] + [len(text)]

    def hold(self, tag: re.Match[str]) -> bool:
        """Return whether a tag stands in a string that is closed on its line, as are all others."""
        line = bisect(self._ends, tag.start())
        start = self._ends[line - 1] if line else 0
        first, before, after = (
            bisect(self._quotes, place) for place in (start, tag.start(), self._ends[line])
        )
        return (before - first) % 2 == 1 and (after - before) % 2 == 1


def _is_quoted(text: str, tag: re.Match[str]) -> bool:
    """Return whether a tag stands between two quotes of a kind; fences are none."""
    before, after = text[max(0, tag.start() - 2) : tag.start()], text[tag.end() : tag.end() + 2]
    quote = before[-1:]
    return quote in _QUOTES and after[:1] == quote and before != "``" and after != "``"


def _is_in_sentence(text: str, tag: re.Match[str]) -> bool:
    """Return whether words of one line stand on both sides of a tag."""
    before = text[max(0, tag.start() - 40) : tag.start()]
    return bool(_BEFORE.search(before) and _AFTER.match(text, tag.end()))
