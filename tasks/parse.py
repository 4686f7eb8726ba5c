"""Reads the answer out of a reply: tolerant of the wrapping, strict in meaning.

The answer is the last JSON object in the text that carries the wanted key and is not itself
inside another object. Prose, code fences and thoughts around it do not matter; a thought ends at
`</think>`, and one that is left open hides the rest.

- Doubtful JSON is no answer: a key given twice, NaN, a number beyond floats or too long to be
  meant, half of a surrogate pair. With the key, it also takes back the answers before it.
- A doubtful object hides what is in it. So does one that starts like JSON (`{"key":`) and breaks:
  up to where it breaks, and to its closing brace if it has one. Any other brace is prose.
- An answer is a mere draft if the reply was cut off in a thought, or in an object, after it.
"""

import json
import re
from collections import Counter
from math import isfinite
from typing import Any

from tasks.base import Fields, Parsed, Reply, short

LONGEST = 200_000  # characters outside thoughts that are looked at, from the end
WORK = 20  # how many times the text may be scanned before it is given up as hostile
_FENCE = re.compile(r"```[A-Za-z]*\s*\Z")
_TAG = re.compile(r"</?think>")
_FIRST_KEY = re.compile(r'\{\s*"(?:[^"\\\n]|\\[^\n])*"\s*:')
_PIECE = re.compile(r'[{}]|"(?:[^"\\\n]|\\[^\n])*"?')  # a brace, or a string on its line
_HALF = re.compile("[\ud800-\udfff]")


def parse_object(reply: Reply, key: str) -> Parsed:
    """Find the answer object `{key: ...}`; without one, `problem` says why in one line."""
    spoken, thinking = without_thoughts(reply.text)
    text = spoken[-LONGEST:]
    found, end = _last_object(text, key)
    if reply.finish != "length":
        return found
    if thinking:
        why: str | None = "a thought is left open"
    elif _left_open(text, end):
        why = "an object is left open"
    elif found.value is None:
        why = found.problem
    else:
        return found
    return Parsed(problem=f"the reply was cut off at its token limit; {why}")


def without_thoughts(text: str) -> tuple[str, bool]:
    """What is said aloud, and whether a thought is left open.

    A `</think>` alone ends a thought that the prompt began, or an outer one: all before it goes.
    """
    spoken: list[str] = []
    start, inside = 0, False
    for tag in _TAG.finditer(text):
        if tag[0] == "</think>":
            if not inside:
                spoken.clear()
            start, inside = tag.end(), False
        elif not inside:
            spoken.append(text[start : tag.start()])
            inside = True
    if not inside:
        spoken.append(text[start:])
    return "".join(spoken), inside


def _last_object(text: str, key: str) -> tuple[Parsed, int]:
    """The answer, and where the last whole object ends."""
    if not text.strip():
        return Parsed(problem="the reply is empty"), 0
    value: Fields | None = None
    problem = f'no JSON object with the key "{key}" in the reply'
    reader, span, end, budget = _Reader(), (0, 0), 0, WORK * len(text)
    begun = _FIRST_KEY.search(text)
    while begun:
        start = begun.start()
        closed = _closing(text, start)
        budget -= (closed or len(text)) - start
        if budget < 0:
            return Parsed(problem="too many unclosed braces in the reply"), end
        try:
            fields = reader.read(text[start:closed])
        except json.JSONDecodeError as error:
            begun = _FIRST_KEY.search(text, closed or max(start + error.pos, begun.end()))
            continue
        except RecursionError:
            return Parsed(problem="the JSON in the reply is nested too deeply"), end
        end = closed or len(text)
        if reader.doubt and (key in fields or value is None):
            value, problem = None, reader.doubt
        elif key in fields:
            value, span = fields, (start, end)
        begun = _FIRST_KEY.search(text, end)
    if value is None:
        return Parsed(problem=problem), end
    return Parsed(value=value, how=_how(text, *span)), end


def _closing(text: str, start: int) -> int | None:
    """The end of the brace pair that opens at `start`; braces in strings do not count."""
    depth = 0
    for piece in _PIECE.finditer(text, start):
        depth += {"{": 1, "}": -1}.get(piece[0], 0)
        if depth == 0:
            return piece.end()
    return None


def _left_open(text: str, start: int) -> bool:
    """Whether a brace that opens at `start` or later is not closed."""
    end: int | None = start
    while end is not None:
        position = text.find("{", end)
        if position < 0:
            return False
        end = _closing(text, position)
    return True


def _how(text: str, start: int, end: int) -> str:
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
        """The object that is the text; JSONDecodeError if it is none."""
        self.doubt = ""
        fields: Fields = self._decoder.decode(text)
        return fields

    def _object(self, pairs: list[tuple[str, Any]]) -> Fields:
        if any(_HALF.search(text) for text in _strings(pairs)):
            self.doubt = self.doubt or "half of a surrogate pair is not a character"
        fields = dict(pairs)
        if len(fields) < len(pairs) and not self.doubt:
            [(twice, _)] = Counter(name for name, _ in pairs).most_common(1)
            self.doubt = f"the key {json.dumps(short(twice))} is given twice"
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
    """The keys and the strings of an object, also those in lists; inner objects saw to theirs."""
    found: list[str] = []
    waiting: list[Any] = [item for pair in pairs for item in pair]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, list):
            waiting += one
    return found
