"""The forms of answers to questions about time: how each is shown, its schema, how it is read.

A date and a time have two spellings and no more: the one asked for, and one that is
mended, by the rule of spelling (`tasks/spelling.py`), which holds for names and numbers too.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from tasks.base import Fields
from tasks.schemas import array_schema
from tasks.spelling import Mends, ids_of
from tasks.temporal_calendar import MONTHS

_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_WORDS = re.compile(rf"([1-9][0-9]?) ({'|'.join(MONTHS)}) ([0-9]{{4}})", re.ASCII)
_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_SHORT = re.compile(r"[0-9]:[0-5][0-9]", re.ASCII)
_TEXT: Fields = {"type": "string"}
_WHOLE: Fields = {"type": "integer"}


@dataclass(frozen=True)
class Form:
    """A form of an answer.

    Attributes:
        shape: what stands in the prompt where the answer is to be.
        schema: of the answer, by the names that it may be made of; None are any.
        spelled: the answer as asked for, of what is written; what cannot be read stays as it is.
        fits: whether an answer is of the form, which makes it no right one.
    """

    shape: str
    schema: Callable[[Sequence[str] | None], Fields]
    spelled: Callable[[Any, Sequence[str], Mends], Any]
    fits: Callable[[Any], bool]


def is_date(value: object) -> bool:
    """Return whether a value is a day of the calendar as `YYYY-MM-DD`."""
    if not isinstance(value, str) or not _ISO.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def is_time(value: object) -> bool:
    """Return whether a value is a time of the day as `HH:MM`, 00:00 to 23:59."""
    return isinstance(value, str) and _TIME.fullmatch(value) is not None


def _date(value: Any, _: Sequence[str], mends: Mends) -> Any:
    value = mends.item_of(value)
    match = _WORDS.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return value
    return _mended(value, f"{match[3]}-{MONTHS.index(match[2]) + 1:02d}-{int(match[1]):02d}", mends)


def _time(value: Any, _: Sequence[str], mends: Mends) -> Any:
    value = mends.item_of(value)
    if not isinstance(value, str) or not _SHORT.fullmatch(value):
        return value
    return _mended(value, f"0{value}", mends)


def _mended(value: str, text: str, mends: Mends) -> str:
    mends.add("time", value, text)
    return text


def _number(value: Any, _: Sequence[str], mends: Mends) -> Any:
    return mends.number_of(value)


def _name(value: Any, options: Sequence[str], mends: Mends) -> Any:
    return mends.id_of(value, ids_of(tuple(options)))


def _names(value: Any, options: Sequence[str], mends: Mends) -> Any:
    if not isinstance(value, list):
        return value
    return [_name(entry, options, mends) for entry in value]


def _minute(value: Any, options: Sequence[str], mends: Mends) -> Any:
    return _number(_name(value, options, mends), options, mends)


def _is_whole(value: object) -> bool:
    return type(value) is int


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_minute(value: object) -> bool:
    return _is_whole(value) or _is_text(value)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _choice(options: Sequence[str] | None) -> Fields:
    return _TEXT if options is None else {"type": "string", "enum": list(options)}


def _choices(options: Sequence[str] | None) -> Fields:
    return array_schema(_choice(options), most=None if options is None else len(options))


FORMS: dict[str, Form] = {
    "date": Form('"YYYY-MM-DD"', lambda _: _TEXT, _date, fits=is_date),
    "time": Form('"HH:MM"', lambda _: _TEXT, _time, fits=is_time),
    "number": Form("<whole number>", lambda _: _WHOLE, _number, fits=_is_whole),
    "name": Form('"<one of them>"', _choice, _name, fits=_is_text),
    "names": Form('["<one of them>", ...]', _choices, _names, fits=_are_texts),
    "order": Form('["<first>", "<second>", ...]', _choices, _names, fits=_are_texts),
    "minute": Form(
        '<whole number, or "impossible">',
        lambda options: {"anyOf": [_WHOLE, _choice(options)]},
        _minute,
        fits=_is_minute,
    ),
}
