"""Reads what judges say in a pipeline: rankings, critiques, verdicts, tests.

Nothing here raises: what cannot be read is None, and whoever asked counts it.
"""

import json
import re

from tasks.thoughts import without_thoughts

_NUMBER = re.compile(r"\[(\d{1,6})\]")
_PART = re.compile(r"^[ \t>*#-]*\[(\d{1,6})\]", re.MULTILINE)
_ITEM = re.compile(r"^[ \t]*(?:[-*]|\d{1,3}[.)])[ \t]+(\S.*)$", re.MULTILINE)
_VERDICT = re.compile(r"\[(correct|incorrect)\]", re.IGNORECASE)
_RESULT = re.compile(r"\[(passed|failed)\]", re.IGNORECASE)


def spoken(text: str) -> str:
    """Return a reply without its thoughts and the space around it."""
    return without_thoughts(text)[0].strip()


def ranking(text: str, count: int) -> list[int] | None:
    """Return the places of all candidates, the best first; None where no rank can be read.

    The first line with numbers in brackets counts; candidates that it leaves out come last, in
    their order.

    Args:
        text: of the reply.
        count: of the candidates, which are numbered from 1.
    """
    for line in spoken(text).splitlines():
        numbers = [int(number) - 1 for number in _NUMBER.findall(line)]
        places = list(dict.fromkeys(place for place in numbers if 0 <= place < count))
        if places:
            return places + [place for place in range(count) if place not in places]
    return None


def critiques(text: str, count: int) -> tuple[str, ...] | None:
    """Return what is said of each of so many candidates; None if one is not spoken of."""
    whole = spoken(text)
    marks = [mark for mark in _PART.finditer(whole) if 1 <= int(mark[1]) <= count]
    ends = [*(mark.start() for mark in marks), len(whole)][1:]
    parts: dict[int, str] = {}
    for mark, end in zip(marks, ends, strict=True):
        parts.setdefault(int(mark[1]), whole[mark.end() : end].strip(" \t\n:"))
    if len(parts) < count:
        return None
    return tuple(parts[number] for number in range(1, count + 1))


def verdict(text: str) -> bool | None:
    """Return the last word on an answer; None if there is none."""
    words = _VERDICT.findall(spoken(text))
    return words[-1].lower() == "correct" if words else None


def passed(text: str, count: int) -> int | None:
    """Return how many of so many tests are said to be passed; None if nothing is said of any."""
    words = [word.lower() for word in _RESULT.findall(spoken(text))][:count]
    return words.count("passed") if words else None


def tests(text: str, cap: int) -> tuple[str, ...] | None:
    """Return the tests in a reply, so many at most: a JSON list of texts, else the items of a list.

    None if there are none.
    """
    whole = spoken(text)
    start, end = whole.find("["), whole.rfind("]")
    items: list[str] = []
    if 0 <= start < end:
        items = _texts(whole[start : end + 1])
    items = items or [item.strip() for item in _ITEM.findall(whole)]
    return tuple(items[:cap]) or None


def _texts(text: str) -> list[str]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return []
    texts = [_whole(value).strip() for value in values if isinstance(value, str)]
    return [text for text in texts if text]


def _whole(text: str) -> str:
    """Return a text of JSON whose halves of surrogate pairs, which no prompt can hold, are `?`."""
    return text.encode("utf-8", "replace").decode()
