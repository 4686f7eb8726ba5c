"""Reads the answer out of a reply: tolerant of the wrapping, strict in meaning.

The answer is the last JSON object in the text that carries the wanted key and is not itself
inside another object. Prose, reasoning and code fences around it do not matter. Doubtful JSON
does: a key given twice, NaN or Infinity, a number too long to be meant, comments and trailing
commas are not read.
"""

import json
import re
from typing import Any, NoReturn

from tasks.base import Fields, Parsed, Reply

LONGEST = 200_000  # characters of a reply that are looked at, from its end
WORK = 20  # how many times the text may be scanned before it is given up as hostile
_FENCE = re.compile(r"```[A-Za-z]*\s*\Z")
_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)


class _Doubtful(ValueError):
    """JSON that has more than one meaning."""


def parse_object(reply: Reply, key: str) -> Parsed:
    """Find the answer object `{key: ...}`; without one, `problem` says why in one line."""
    text = _THOUGHT.sub("", reply.text)[-LONGEST:]
    found = _last_object(text, key)
    if found.value is None and reply.finish == "length":
        return Parsed(problem=f"the reply was cut off at its token limit; {found.problem}")
    return found


def _last_object(text: str, key: str) -> Parsed:
    if not text.strip():
        return Parsed(problem="the reply is empty")
    best = Parsed(problem=f'no JSON object with the key "{key}" in the reply')
    position, budget = text.find("{"), WORK * len(text)
    while position >= 0:
        if budget < 0:
            return Parsed(problem="too many unclosed braces in the reply")
        try:
            value, end = _DECODER.raw_decode(text, position)
        except _Doubtful as doubt:
            best = Parsed(problem=str(doubt))
            end = position + 1
            budget -= len(text) - position
        except json.JSONDecodeError as error:
            budget -= max(1, error.pos - position)
            end = position + 1
        except RecursionError:
            return Parsed(problem="the JSON in the reply is nested too deeply")
        else:
            if key in value:
                best = Parsed(value=value, how=_how(text, position, end))
        position = text.find("{", end)
    return best


def _how(text: str, start: int, end: int) -> str:
    if not text[:start].strip() and not text[end:].strip():
        return "whole"
    return "fenced" if _FENCE.search(text[:start]) else "embedded"


def _once(pairs: list[tuple[str, Any]]) -> Fields:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Doubtful(f'the key "{twice}" is given twice')
    return fields


def _refuse(constant: str) -> NoReturn:
    raise _Doubtful(f"{constant} is not a number")


def _integer(digits: str) -> int:
    if len(digits) > 18:
        raise _Doubtful(f"a number of {len(digits)} digits")
    return int(digits)


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_refuse, parse_int=_integer)
