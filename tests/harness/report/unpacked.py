"""The twin of the page's `whole`: the text that was packed as columns."""

import json
import re
import zlib
from base64 import b64decode
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Any

FIRST = 11


def value(packed: str) -> Any:
    """What `compress` was given."""
    return json.loads(whole(zlib.decompress(b64decode(packed)).decode()))


def whole(packed: str) -> str:
    """What `columns` was given."""
    order, shapes, rest, *columns = packed.split("\n")
    read = iter([_numbers(column) for column in columns])
    parts = iter(rest.split("\t"))
    pieces = [_filled(shape, read) for shape in shapes.split("\t")]
    letters = (ord(letter) - FIRST for letter in order)
    return "".join(pieces[k - 1]() if k else next(parts) for k in letters)


def _numbers(column: str) -> Iterator[int]:
    codes = [ord(letter) - FIRST for letter in column[1:]]
    if column[0] == "v":
        return iter(codes)
    return accumulate(-(code + 1) // 2 if code % 2 else code // 2 for code in codes)


def _filled(shape: str, read: Iterator[Iterator[int]]) -> Callable[[], str]:
    words = re.split("([\x01-\x05])", shape)
    numbers = [next(read) for _ in words[1::2]]

    def piece() -> str:
        told = [next(column) for column in numbers]
        gaps = [
            str(n) if gap == "\x05" else str(n).zfill(ord(gap))
            for gap, n in zip(words[1::2], told, strict=True)
        ]
        return "".join(a + b for a, b in zip(words[::2], [*gaps, ""], strict=True))

    return piece
