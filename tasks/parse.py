"""Reads the answer out of a reply: tolerant of the wrapping, strict in meaning.

The answer is the last JSON object in the text that carries the wanted key and is not itself
inside another object. Prose, code fences and thoughts around it do not matter (`tasks/thoughts.py`
tells what is a thought); an answer that stands in thoughts only is none.

- Doubtful JSON is no answer: a key given twice, NaN, a number beyond floats or too long to be
  meant, half of a surrogate pair. With the key, it also takes back the answers before it.
- A doubtful object hides what is in it. So does one that starts like JSON (`{"key":`) and breaks:
  up to where it breaks, and to its closing brace if it has one. Any other brace is prose.
- An answer is a mere draft if the reply was cut off in a thought, or in an object, after it.

That is `parse_object`, the strict reading. `read_object` mends what it refuses, where that can be
read in one way only (see `mending.py`): never a reply in which the strict reading finds an answer,
nor one that was cut off, nor doubtful JSON.
"""

import json
import re
from collections import Counter
from math import isfinite
from typing import Any

from tasks.base import Fields, Parsed, Reply, short
from tasks.means import FAILED
from tasks.mending import OPENING, Defect, Mend, lines, mended
from tasks.spelling import Ids
from tasks.thoughts import reasoning_of, without_thoughts

LONGEST = 200_000  # characters outside thoughts that are looked at, from the end
LONGEST_LOG = 4_000_000  # where answers may be logs of decisions, which policies give as text
WORK = 20  # how many times the text may be scanned before it is given up as hostile
_FENCE = re.compile(r"```[A-Za-z]*\s*\Z")
_FIRST_KEY = re.compile(r'\{\s*"(?:[^"\\\n]|\\[^\n])*"\s*:')
_PIECE = re.compile(r'[{}]|"(?:[^"\\\n]|\\[^\n])*"?')  # a brace, or a string on its line
_DEPTH = {"{": 1, "}": -1}
_HALF = re.compile("[\ud800-\udfff]")


def parse_object(reply: Reply, key: str, longest: int = LONGEST) -> Parsed:
    """Find the answer object `{key: ...}` of a reply.

    Args:
        reply: of a model.
        key: of the object.
        longest: characters outside thoughts that are looked at, from the end.

    Returns:
        The object; without one, `problem` says why in one line.
    """
    if reply.finish == FAILED:
        return Parsed(problem=reply.text)
    spoken, thinking = without_thoughts(reply.text)
    text = spoken[-longest:]
    parsed, end = _last_object(text, key)
    if reply.finish != "length":
        return parsed if parsed.problem is None else _with_place(parsed, reply, key)
    reason = parsed.problem
    if thinking:
        reason = "a thought is left open"
    elif _left_open(text, end):
        reason = "an object is left open"
    elif parsed.value is not None:
        return parsed
    return Parsed(problem=f"the reply was cut off at its token limit; {reason}")


def _with_place(parsed: Parsed, reply: Reply, key: str) -> Parsed:
    """Return why there is no answer, and that it stands in thoughts if that is so."""
    thought, _ = _last_object(reasoning_of(reply)[-LONGEST:], key)
    if thought.value is None:
        return parsed
    return Parsed(problem=f"{parsed.problem}; the answer stands in the reasoning only")


def read_object(reply: Reply, key: str, longest: int = LONGEST) -> Parsed:
    """Find the answer object `{key: ...}` of a reply, mended where it is not quite JSON.

    Args:
        reply: of a model.
        key: of the object.
        longest: characters outside thoughts that are looked at, from the end.

    Returns:
        The object, and in `mended` what was mended; without one, `problem` names the first defect
        of the last object that could not be read, and its place.
    """
    parsed = parse_object(reply, key, longest)
    if parsed.value is not None or reply.finish in ("length", FAILED):
        return parsed
    text = without_thoughts(reply.text)[0][-LONGEST:]
    scan = _MendingScan(text, key)
    if not text.strip() or scan.run() is not None:
        return parsed
    offset = len(reply.text) - len(text) + 1 if reply.text.endswith(text) else 1
    if scan.value is not None:
        how = _wrapping(text, *scan.span)
        return Parsed(value=scan.value, how=how, mended=(*lines(scan.mends, offset), *scan.renamed))
    if scan.defect is None:
        return _with_place(Parsed(problem=scan.problem), reply, key)
    [what] = lines([scan.defect], offset)
    return Parsed(problem=f'the object with "{key}" is broken: {what}')


def _last_object(text: str, key: str) -> tuple[Parsed, int]:
    """Return the answer, and where the last whole object ends."""
    if not text.strip():
        return Parsed(problem="the reply is empty"), 0
    scan = _Scan(text, key)
    problem = scan.run()
    if problem is not None:
        return Parsed(problem=problem), scan.end
    if scan.value is None:
        return Parsed(problem=scan.problem), scan.end
    return Parsed(value=scan.value, how=_wrapping(text, *scan.span)), scan.end


class _Scan:
    """A pass over a text in search of the last object with a key.

    `value` and `span` are that object and its place; without one, `problem` says why. `end` is
    where the last whole object ends, with the key or without.
    """

    first_key = _FIRST_KEY

    def __init__(self, text: str, key: str) -> None:
        self.text, self.key = text, key
        self.value: Fields | None = None
        self.problem = f'no JSON object with the key "{key}" in the reply'
        self.span = (0, 0)
        self.end = 0
        self._budget = WORK * len(text)
        self._reader = _Reader()

    def run(self) -> str | None:
        """Read object after object; return why the text was given up, None if it was read."""
        opening = self.first_key.search(self.text)
        while opening:
            start = opening.start()
            closing = _closing(self.text, start)
            self._budget -= (closing or len(self.text)) - start
            if self._budget < 0:
                return "too many unclosed braces in the reply"
            try:
                fields, end = self._read(start, closing)
            except Broken as broken:
                position = closing or max(broken.position, opening.end())
            except RecursionError:
                return "the JSON in the reply is nested too deeply"
            else:
                position = self.end = end
                self._take(fields, start)
            opening = self.first_key.search(self.text, position)
        return None

    def _read(self, start: int, closing: int | None) -> tuple[Fields, int]:
        """Return the object that opens at `start`, and where it ends; raise Broken."""
        try:
            return self._reader.read(self.text[start:closing]), closing or len(self.text)
        except json.JSONDecodeError as error:
            raise Broken(start + error.pos) from None

    def _take(self, fields: Fields, start: int) -> None:
        """Note the object that ends at `end`; a doubtful one takes back the answers before it."""
        doubt = self._reader.doubt
        if doubt and (self.key in fields or self.value is None):
            self.value, self.problem = None, doubt
        elif self.key in fields:
            self.value, self.span = fields, (start, self.end)


class Broken(Exception):
    """An object that cannot be read, and where it breaks."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


class _MendingScan(_Scan):
    """A pass that mends objects before it reads them.

    `mends` and `renamed` are what was mended in the object that was found; `defect` is what could
    not be, in the last object that has the key and cannot be read.
    """

    first_key = OPENING

    def __init__(self, text: str, key: str) -> None:
        super().__init__(text, key)
        self.mends: tuple[Mend, ...] = ()
        self.renamed: tuple[str, ...] = ()
        self.defect: Mend | None = None
        self._key_ids = Ids([key])
        self._mends: tuple[Mend, ...] = ()

    def _read(self, start: int, closing: int | None) -> tuple[Fields, int]:
        try:
            json_text, end, self._mends = mended(self.text, start)
            return self._reader.read(json_text), end
        except Defect as defect:
            if self.key in self.text[start : closing or len(self.text)]:
                self.defect = Mend(defect.reason, defect.position)
            raise Broken(defect.position) from None

    def _take(self, fields: Fields, start: int) -> None:
        fields, renamed = self._key_ids.renamed(fields)
        super()._take(fields, start)
        if self.key in fields:
            self.mends, self.renamed, self.defect = self._mends, renamed, None


def _closing(text: str, start: int) -> int | None:
    """Return the end of the brace pair that opens at `start`, None if it is not closed.

    Braces in strings do not count.
    """
    depth = 0
    for piece in _PIECE.finditer(text, start):
        depth += _DEPTH.get(piece[0], 0)
        if depth == 0:
            return piece.end()
    return None


def _left_open(text: str, start: int) -> bool:
    """Return whether a brace that opens at `start` or later is not closed."""
    end: int | None = start
    while end is not None:
        position = text.find("{", end)
        if position < 0:
            return False
        end = _closing(text, position)
    return True


def _wrapping(text: str, start: int, end: int) -> str:
    """Return what surrounds an object: nothing (`whole`), a fence, or prose (`embedded`)."""
    if not text[:start].strip() and not text[end:].strip():
        return "whole"
    return "fenced" if _FENCE.search(text[:start]) else "embedded"


class _Reader:
    """Reads JSON to its end also where it is doubtful; `doubt` then says why, in one line."""

    def __init__(self) -> None:
        self.doubt = ""
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_constant=self._constant,
            parse_int=self._integer,
            parse_float=self._float,
        )

    def read(self, text: str) -> Fields:
        """Return the object that the text is.

        Raises:
            JSONDecodeError: it is none.
        """
        self.doubt = ""
        fields: Fields = self._decoder.decode(text)
        return fields

    def _object(self, pairs: list[tuple[str, Any]]) -> Fields:
        if any(_HALF.search(text) for text in _strings(pairs)):
            self.doubt = self.doubt or "half of a surrogate pair is not a character"
        fields = dict(pairs)
        if len(fields) < len(pairs) and not self.doubt:
            [(name, _)] = Counter(name for name, _ in pairs).most_common(1)
            self.doubt = f"the key {json.dumps(short(name))} is given twice"
        return fields

    def _constant(self, name: str) -> None:
        self.doubt = self.doubt or f"{name} is not a number"

    def _integer(self, digits: str) -> int:
        if len(digits) > 18:
            self.doubt = self.doubt or f"a number of {len(digits)} digits"
            return 0
        return int(digits)

    def _float(self, digits: str) -> float:
        number = float(digits)
        if not isfinite(number):
            self.doubt = self.doubt or f"the number {short(digits)} is too large"
        return number


def _strings(pairs: list[tuple[str, Any]]) -> list[str]:
    """Return the keys and strings of an object, those in lists too.

    Strings of inner objects are not among them: the decoder hands those over by themselves.
    """
    strings: list[str] = []
    stack: list[Any] = [value for pair in pairs for value in pair]
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            strings.append(value)
        elif isinstance(value, list):
            stack += value
    return strings
