"""The one rule of spelling: what ids and numbers of an answer are read as, in every family.

- An id stands for itself. Any other text stands for the one id that is equal to it without blanks
  around it, case, and zeros before numbers; where two ids are, it stands for none.
- A whole number may be written as a float or as text (`25.0`, `"25"`), an id that is a number as a
  number; a list of one item may stand for the item.
- What is read as something else than it is written as, is mended, and told. The answer as it was
  written is kept beside: the strict reading mends nothing. What programs of a search answer is
  held to it (`how` is `given`).
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from msgspec.structs import replace

from tasks.base import Fields, Outcome, Parsed, short

MOST = 2**53  # up to which a float tells whole numbers apart
GIVEN = "given"  # an answer that is not read from a text
_ZEROS = re.compile(r"(?<![0-9.,])0+(?=[0-9])")
_INTEGER = re.compile(r"\s*([+-]?[0-9]{1,18})(?:\.0*)?\s*")


def folded(text: str) -> str:
    """Return a text without what spelling may change: blanks around it, case, leading zeros."""
    return _ZEROS.sub("", text.strip().casefold())


class Ids:
    """The ids that an answer may name, and what other spellings of them stand for."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._ids = tuple(ids)
        self._exact = frozenset(self._ids)
        self._folded: dict[str, str | None] = {}
        for name in self._ids:
            key = folded(name)
            self._folded[key] = None if key in self._folded else name

    def __contains__(self, value: object) -> bool:
        return isinstance(value, str) and value in self._exact

    def have(self, names: Iterable[Any]) -> bool:
        """Return whether all names are ids as they stand."""
        return all(map(self.__contains__, names))

    def read(self, value: object) -> str | None:
        """Return the id that a value stands for, None if it is none or could be two."""
        if isinstance(value, list) and len(value) == 1:
            [value] = value
        if isinstance(value, int | float):
            value = str(number) if (number := integer(value)) is not None else None
        if not isinstance(value, str):
            return None
        return value if value in self._exact else self._folded.get(folded(value))

    def renamed(self, fields: Fields) -> tuple[Fields, tuple[str, ...]]:
        """Return fields under the ids that their names stand for, and what was mended.

        A name stays where its id has a field already: then it is no spelling of it.
        """
        other = [name for name in fields if name not in self._exact]
        names = {name: self._folded.get(folded(name)) for name in other}
        targets = [target for target in names.values() if target is not None]
        changed = {
            name: target
            for name, target in names.items()
            if target is not None and target not in fields and targets.count(target) == 1
        }
        if not changed:
            return fields, ()
        mends = Mends()
        for name, target in changed.items():
            mends.add("id", name, target)
        return {changed.get(name, name): value for name, value in fields.items()}, mends.lines()


@lru_cache(maxsize=200)
def ids_of(ids: tuple[str, ...]) -> Ids:
    """Return the ids of an instance, made once for its many answers."""
    return Ids(ids)


def integer(value: object) -> int | None:
    """Return the whole number that a value stands for, None if it is none.

    Booleans, floats with a part or beyond 2^53, and text that is more than a number are none.
    """
    if isinstance(value, list) and len(value) == 1:
        [value] = value
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) <= MOST else None
    if isinstance(value, str):
        match = _INTEGER.fullmatch(value)
        return int(match[1]) if match else None
    return value if isinstance(value, int) else None


class Mends:
    """What was mended in an answer, by kind: the first of each, and how many."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def add(self, kind: str, written: object, read: object) -> None:
        """Note that something written is read as something else."""
        self._counts[kind] = self._counts.get(kind, 0) + 1
        if kind not in self._first:
            self._first[kind] = f"{kind} {short(repr(written))} read as {short(repr(read))}"

    def id_of(self, value: Any, ids: Ids) -> Any:
        """Return the id that a value stands for; the value itself if it stands for none."""
        name = value if value in ids else ids.read(value)
        if name is None or name == value:
            return value
        self.add("id", value, name)
        return name

    def number_of(self, value: Any) -> Any:
        """Return the whole number that a value stands for; the value itself if it is none."""
        if type(value) is int or (number := integer(value)) is None:
            return value
        self.add("number", value, number)
        return number

    def item_of(self, value: Any) -> Any:
        """Return the text in a list of nothing else; the value itself if it is none."""
        if not isinstance(value, list) or len(value) != 1 or not isinstance(value[0], str):
            return value
        self.add("value", value, value[0])
        return value[0]

    def text_of(self, value: Any) -> Any:
        """Return a whole number as text; the value itself if it is none."""
        if not isinstance(value, int | float) or (number := integer(value)) is None:
            return value
        self.add("id", value, str(number))
        return str(number)

    def lines(self) -> tuple[str, ...]:
        """Return a line for each kind."""
        return tuple(
            line + (f" ({self._counts[kind]} times)" if self._counts[kind] > 1 else "")
            for kind, line in self._first.items()
        )


def respelt(parsed: Parsed, value: Fields, mends: Iterable[str]) -> Parsed:
    """Return an answer with another value in its place, and a line for all that was mended.

    What was written stays beside it, unless the text had to be mended before.
    """
    lines = (*parsed.mended, *mends)
    if lines == parsed.mended:
        return parsed
    written = parsed.written if parsed.mended else parsed.value
    return replace(parsed, value=value, mended=lines, written=written)


def is_mended(outcome: Outcome) -> bool:
    """Return whether anything in the answers of an outcome was mended."""
    return any(parsed.mended for parsed in outcome.answers)


def as_written(parsed: Parsed) -> Parsed:
    """Return an answer as the strict reading has it."""
    if not parsed.mended:
        return parsed
    if parsed.written is None:
        return Parsed(problem=f"nothing that is read without mending {parsed.mended[0]}")
    return Parsed(value=parsed.written, how=GIVEN)


def strictly(outcome: Outcome) -> Outcome:
    """Return an outcome as the strict reading has it."""
    return replace(outcome, answers=tuple(as_written(parsed) for parsed in outcome.answers))
