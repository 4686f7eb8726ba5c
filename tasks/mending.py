"""Mends an object of almost JSON: gives the JSON that it stands for, and what was wrong where.

Mended is what can be read in one way only: commas after the last item, comments, quotes that are
single or typographic, line breaks in strings, blanks that JSON does not know, and one brace or
bracket too few or too many. All else is a `Defect`: what is missing is not made up.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from tasks.base import short

_CLOSERS = {"{": "}", "[": "]"}
_SPACE = re.compile(r"[ \t\n\r]+")
_ODD_SPACE = re.compile(r"[\s\ufeff\u200b]+")
_COMMENT = re.compile(r"//[^\n]*|#[^\n]*|/\*.*?\*/", re.DOTALL)
_ATOM = re.compile(
    r"(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null|NaN|-?Infinity)"
    r"(?![\w.+-])"
)
_STRAIGHT = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_DOUBLE = "\u201c\u201d\u201e\u201f"  # typographic double quotes
_APOSTROPHES = "'\u2018\u2019\u201a\u201b"  # single quotes, the straight one too
_CURLY = re.compile(f'[{_DOUBLE}](?:[^{_DOUBLE}"\\\\]|\\\\.)*["{_DOUBLE}]', re.DOTALL)
_SINGLE = re.compile(rf"[{_APOSTROPHES}](?:[^{_APOSTROPHES}\\\n]|\\.)*[{_APOSTROPHES}]")
_TO_ESCAPE = re.compile('\\\\.|["\x00-\x1f]', re.DOTALL)
_CONTROL = re.compile("[\x00-\x1f]")
_ESCAPED = re.compile(r"""(?:[^\\]|\\(?:["\\/bfnrt']|u[0-9a-fA-F]{4}))*""")
_NEXT = re.compile(r"\s*([\]}])")
_WORD = re.compile(r"\w+")
_STRINGS = {
    '"': _STRAIGHT,
    **dict.fromkeys(_DOUBLE, _CURLY),
    **dict.fromkeys(_APOSTROPHES, _SINGLE),
}
OPENING = re.compile(rf"""\{{\s*(?:["{_DOUBLE}{_APOSTROPHES}}}#]|//|/\*)""")  # of an object

# what may stand next
_KEY, _COLON, _VALUE, _COMMA = "a key", "a colon", "a value", "a comma or a closing brace"


class Defect(ValueError):
    """Something in an object that cannot be read in one way only, and where it stands."""

    def __init__(self, reason: str, position: int) -> None:
        super().__init__(reason)
        self.reason, self.position = reason, position


class Mend(NamedTuple):
    """Something that was mended, and where it stands."""

    what: str
    position: int


class Mended(NamedTuple):
    """The JSON that a text stands for, where the text ends, and what was mended."""

    json: str
    end: int
    mends: tuple[Mend, ...]


def mended(text: str, start: int) -> Mended:
    """Return the JSON of the object that opens at `start`.

    Raises:
        Defect: it cannot be read, or in several ways.
    """
    pass_over = _Pass(text, start)
    while pass_over.stack or pass_over.position == start:
        pass_over.step()
    return Mended("".join(pass_over.parts), pass_over.position, tuple(pass_over.mends))


def lines(mends: Iterable[Mend], offset: int) -> tuple[str, ...]:
    """Return a line for each kind of what was mended: its first place, and how often it came.

    Args:
        mends: in their order.
        offset: what to add to a position to get the character of the reply, from 1.
    """
    places: dict[str, list[int]] = {}
    for mend in mends:
        places.setdefault(mend.what, []).append(mend.position + offset)
    return tuple(
        f"{what} at character {at[0]}" + (f" ({len(at)} times)" if len(at) > 1 else "")
        for what, at in places.items()
    )


@dataclass
class _Pass:
    """A pass over an object from its opening brace to its end.

    Attributes:
        position: of the next character.
        parts: the JSON so far.
        stack: the closing brackets that are wanted, the last one first wanted.
        awaited: what may stand next.
        comma: where a comma stands that no item has followed yet.
        fresh: whether the last thing read is an opening bracket.
        balanced: whether no bracket was put in or left out so far.
    """

    text: str
    position: int
    parts: list[str] = field(default_factory=list)
    mends: list[Mend] = field(default_factory=list)
    stack: list[str] = field(default_factory=list)
    awaited: str = _VALUE
    comma: int | None = None
    fresh: bool = False
    balanced: bool = True

    def step(self) -> None:
        """Read the next token; raise Defect where there is none that may stand here."""
        if self._blank():
            return
        character = self.text[self.position : self.position + 1]
        if not character or self.text.startswith("```", self.position):
            self._end()
        elif character in "}]":
            self._close(character)
        elif character == "," and self.awaited is _COMMA:
            self.comma, self.awaited = self.position, self._item()
            self.position += 1
        elif character == ":" and self.awaited is _COLON:
            self._put(":", 1, _VALUE)
        else:
            self._token(character)

    def _item(self) -> str:
        """Return what an item of the innermost brackets begins with."""
        return _KEY if self.stack[-1] == "}" else _VALUE

    def _mend(self, what: str) -> None:
        self.mends.append(Mend(what, self.position))

    def _put(self, part: str, length: int, awaited: str) -> None:
        """Take a token of so many characters; what it stands for is added to the JSON."""
        self.parts.append(part)
        self.position += length
        self.awaited, self.fresh = awaited, False

    def _blank(self) -> bool:
        """Skip blanks or a comment; return whether there were any."""
        for pattern, what in ((_SPACE, ""), (_ODD_SPACE, "an odd blank"), (_COMMENT, "a comment")):
            match = pattern.match(self.text, self.position)
            if match:
                if what:
                    self._mend(what)
                self.position = match.end()
                return True
        return False

    def _token(self, character: str) -> None:
        """Read an opening bracket, a string, a number or a word."""
        if self.awaited not in (_KEY, _VALUE):
            raise Defect(f"{self.awaited} is missing", self.position)
        if self.comma is not None:
            self.parts.append(",")
            self.comma = None
        if character in _STRINGS:
            self._string(_STRINGS[character])
        elif self.awaited is _KEY:
            raise Defect(self._stranger(), self.position)
        elif character in _CLOSERS:
            self.stack.append(_CLOSERS[character])
            self._put(character, 1, self._item())
            self.fresh = True
        else:
            self._atom()

    def _atom(self) -> None:
        match = _ATOM.match(self.text, self.position)
        if match is None:
            raise Defect(self._stranger(), self.position)
        self._put(match[0], len(match[0]), _COMMA)

    def _stranger(self) -> str:
        """Return what stands where there should be a key or a value."""
        word = _WORD.match(self.text, self.position)
        if word:
            return f"{short(word[0])} without quotes"
        return f"{self.text[self.position]!r} in place of {self.awaited}"

    def _string(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.position)
        if match is None:
            raise Defect("a string without an end", self.position)
        if not _ESCAPED.fullmatch(match[0], 1, len(match[0]) - 1):
            raise Defect("an escape that JSON does not know", self.position)
        if pattern is not _STRAIGHT:
            self._mend("single quotes" if match[0][0] == "'" else "typographic quotes")
        elif "\\'" in _TO_ESCAPE.findall(match[0]):
            self._mend("an escaped apostrophe")
        if _CONTROL.search(match[0]):
            self._mend("a line break in a string")
        content = _TO_ESCAPE.sub(_escaped, match[0][1:-1])
        self._put(f'"{content}"', len(match[0]), _COLON if self.awaited is _KEY else _COMMA)

    def _close(self, character: str) -> None:
        """Read a closing bracket."""
        if self.awaited is not _COMMA and not self.fresh and self.comma is None:
            raise Defect(f"{self.awaited} is missing", self.position)
        if character != self.stack[-1]:
            self._unmatched(character)
            return
        if self.comma is not None:
            self.mends.append(Mend("a trailing comma", self.comma))
            self.comma = None
        self.stack.pop()
        self._put(character, 1, _COMMA)

    def _unmatched(self, character: str) -> None:
        """Put the missing bracket before another that is wanted, or leave one out; once only."""
        if not self.balanced or self.fresh or self.comma is not None:
            raise Defect(f"{character} in place of {self.stack[-1]}", self.position)
        self.balanced = False
        if len(self.stack) > 1 and character == self.stack[-2]:
            self._mend(f"a missing {self.stack[-1]}")
            self._put(self.stack.pop(), 0, _COMMA)
        else:
            self._leave_out(character)

    def _leave_out(self, character: str) -> None:
        """Pass over a bracket that closes nothing, if the one that is wanted stands next."""
        following = _NEXT.match(self.text, self.position + 1)
        if following is None or following[1] != self.stack[-1]:
            raise Defect(f"{character} in place of {self.stack[-1]}", self.position)
        self._mend(f"a {character} too many")
        self.position += 1

    def _end(self) -> None:
        """Close the object at the end of the text if nothing else is missing."""
        if self.awaited is not _COMMA or len(self.stack) > 1 or not self.balanced:
            missing = len(self.stack)
            reason = f"{missing} closing braces are" if missing > 1 else "the end of the object is"
            raise Defect(f"{reason} missing", self.position)
        self._mend("a missing }")
        self._put(self.stack.pop(), 0, _COMMA)


def _escaped(match: re.Match[str]) -> str:
    r"""Return a character of a string as JSON writes it; `\'` is no escape there."""
    text = match[0]
    if text[0] == "\\":
        return "'" if text == "\\'" else text
    return f"\\u{ord(text):04x}"
