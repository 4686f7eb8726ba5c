"""JSON as columns of alike numbers, because deflate then sees repeats that lie far apart.

A text is cut into pieces after commas and line ends. Pieces that differ only in their numbers have
one shape; the numbers in one gap of a shape are a column. Long lists of numbers have columns of
their own. So prompts of different instances cost little more than their numbers, and a number that
prompt, reply and picture repeat costs little more than once. `whole` in `page.js` is the inverse.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from math import log2

Kind = tuple[str, str]  # a shape, after the one with words before it or ""

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
    """Return a text as lines: its shapes' order, the shapes, the other pieces, the columns.

    The order has a letter a piece: that of a shape's number from 1 on, or of 0 for the next run of
    pieces that have no shape. The columns stand in the order of the shapes and of their gaps.

    Args:
        text: without control characters, such as JSON.
    """
    pieces = _CUT.split(text)
    kinds = _kinds([_NUMBER.sub(_gap, piece) for piece in pieces])
    numbered, order, other = _Shapes(kinds), list[int](), list[str]()
    pairs = zip(pieces, kinds, strict=True)
    for kind, group in groupby(pairs, lambda pair: numbered.shape_of(pair[1])):
        run = [piece for piece, _ in group]
        if kind is None:
            order.append(0)
            other.append("".join(run))
        else:
            order += [numbered.add(kind, run)] * len(run)
    shapes = "\t".join(shape for _, shape in numbered.gaps)
    return "\n".join([_letters(order), shapes, "\t".join(other), *numbered.columns()])


class _Shapes:
    """The shapes that are common, in the order in which they come up, each with its numbers."""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        self._common = _common(kinds)
        self._numbers: dict[Kind, int] = {}
        self.gaps: dict[Kind, list[list[int]]] = {}

    def shape_of(self, kind: Kind) -> Kind | None:
        return kind if kind in self._common else None

    def add(self, kind: Kind, pieces: Sequence[str]) -> int:
        """Take the numbers of pieces of one shape, and return the shape's number."""
        self.gaps.setdefault(kind, []).extend(map(_numbers, pieces))
        return self._numbers.setdefault(kind, len(self._numbers) + 1)

    def columns(self) -> Iterator[str]:
        for lines in self.gaps.values():
            yield from map(_column, zip(*lines, strict=True))


def _common(kinds: Sequence[Kind]) -> set[Kind]:
    counts = Counter(kinds).most_common(MOST)
    return {kind for kind, count in counts if count >= FEW}


def _numbers(piece: str) -> list[int]:
    return [int(number[0]) for number in _NUMBER.finditer(piece)]


def _kinds(shapes: Sequence[str]) -> list[Kind]:
    """Return each piece's shape, with the last shape that has words if many pieces follow that."""
    words, after = "", list[Kind]()
    for shape in shapes:
        if _WORDS.search(shape):
            words = shape
            after.append(("", shape))
        else:
            after.append((words, shape))
    counts = Counter(after)
    return [kind if counts[kind] >= LONG else ("", kind[1]) for kind in after]


def _gap(number: re.Match[str]) -> str:
    return chr(len(number[1])) if number[1] else FREE


def _column(values: Sequence[int]) -> str:
    """Return the numbers or their steps, whichever vary less."""
    steps = _steps(values)
    if _bits(steps) < _bits(values):
        return STEPS + _letters(steps)
    return VALUES + _letters(values)


def _steps(values: Sequence[int]) -> list[int]:
    """Return how numbers change from 0 on, as numbers: 0, -1, 1, -2 as 0, 1, 2, 3."""
    changes = [b - a for a, b in pairwise((0, *values))]
    return [2 * c if c >= 0 else -2 * c - 1 for c in changes]


def _bits(values: Sequence[int]) -> float:
    """Return the bits that coding the values one by one takes at least (Shannon 1948)."""
    return sum(n * log2(len(values) / n) for n in Counter(values).values())


def _letters(values: Sequence[int]) -> str:
    return "".join([chr(FIRST + value) for value in values])
