"""JSON as columns of alike numbers, because deflate then sees what is alike and what is told twice.

A text is cut after commas and line ends. Pieces that differ in their numbers only have one shape,
and the numbers of a gap of it are a column; those of long lists are columns of their own. Prompts
of different instances so cost little more than their numbers, and a number that prompt, reply and
picture tell costs little more than once. `whole` in `page.js` puts the text together again.
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import groupby, pairwise
from math import log2

Kind = tuple[str, str]

FEW = 4  # a shape of fewer pieces is kept as words
LONG = 32  # pieces without words after the same words, that are columns of their own
MOST = 50_000  # shapes, each of which has a letter below the surrogates
FIRST = 11  # the letter of 0; those before it part pieces, columns and sections
FREE = "\x05"  # a gap for a number as it is; \x01 to \x04 are for so many digits
VALUES, STEPS = "v", "s"  # what a column holds: numbers, or how they change
_WORDS = re.compile("[A-Za-z]")
_CUT = re.compile(r"(?<=,)|(?<=\\n)")
_NUMBER = re.compile("((?<=[A-Za-z])[0-9]{1,4}|0[0-9]{1,3})|[0-9]{1,4}")


def columns(text: str) -> str:
    """A text without control characters as lines: its shapes' order, the shapes, the rest, columns.

    The order has a letter a piece: that of a shape's number from 1 on, or of 0 for the next part
    of the rest. The columns stand in the order of the shapes and of their gaps.
    """
    cut = _CUT.split(text)
    kinds = _kinds([_NUMBER.sub(_gap, piece) for piece in cut])
    common = {kind for kind, count in Counter(kinds).most_common(MOST) if count >= FEW}
    found: dict[Kind, list[list[int]]] = {}
    numbers: dict[Kind, int] = {}
    order, rest = [], []
    pairs = zip(cut, kinds, strict=True)
    for kind, group in groupby(pairs, lambda pair: pair[1] if pair[1] in common else None):
        pieces = [piece for piece, _ in group]
        if kind is None:
            order.append(0)
            rest.append("".join(pieces))
        else:
            order += [numbers.setdefault(kind, len(numbers) + 1)] * len(pieces)
            lines = found.setdefault(kind, [])
            lines += ([int(n[0]) for n in _NUMBER.finditer(piece)] for piece in pieces)
    made = [_column(column) for lines in found.values() for column in zip(*lines, strict=True)]
    shapes = "\t".join(shape for _, shape in numbers)
    return "\n".join([_letters(order), shapes, "\t".join(rest), *made])


def _kinds(shapes: Sequence[str]) -> list[Kind]:
    """Each piece's shape; before it the last one with words, if many without follow that."""
    words, after = "", list[Kind]()
    for shape in shapes:
        if _WORDS.search(shape):
            words = shape
            after.append(("", shape))
        else:
            after.append((words, shape))
    often = Counter(after)
    return [kind if often[kind] >= LONG else ("", kind[1]) for kind in after]


def _gap(number: re.Match[str]) -> str:
    return chr(len(number[1])) if number[1] else FREE


def _column(values: Sequence[int]) -> str:
    """The numbers or their steps (0, -1, 1, -2 as 0, 1, 2, 3), whichever vary less."""
    changes = [b - a for a, b in pairwise((0, *values))]
    steps = [2 * c if c >= 0 else -2 * c - 1 for c in changes]
    if _bits(steps) < _bits(values):
        return STEPS + _letters(steps)
    return VALUES + _letters(values)


def _bits(values: Sequence[int]) -> float:
    """Shannon's bound for coding them one by one."""
    return sum(n * log2(len(values) / n) for n in Counter(values).values())


def _letters(values: Sequence[int]) -> str:
    return "".join([chr(FIRST + value) for value in values])
