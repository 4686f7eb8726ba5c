"""What of a part can be set, as its settings' type says it: names, types, defaults and bounds."""

import re
from collections.abc import Iterator, Sequence
from inspect import getdoc
from typing import Any

import msgspec
from msgspec import inspect

from tasks.base import Noun, Scalar

_WORDS = {
    inspect.BoolType: "true or false",
    inspect.IntType: "whole number",
    inspect.FloatType: "number",
    inspect.StrType: "text",
}
_ATTRIBUTE = re.compile(r"^ {4}(\w+(?:, \w+)*): (.*)$")


class SettingFacts(Noun, frozen=True):
    """What can be said of one setting.

    Attributes:
        type: in words, such as `whole number`; empty where only `choices` are allowed.
        default: None where it follows from others, such as the level.
        least: the smallest number allowed; None if there is no such bound.
        most: the largest number allowed; None if there is no such bound.
        choices: words that are allowed, beside what the type says.
        about: what it does, in a line; empty where that is not documented.
    """

    name: str
    type: str
    default: Scalar
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    about: str = ""

    @property
    def range(self) -> str:
        """Return what is allowed, in words."""
        bounds = ""
        if self.least is not None and self.most is not None:
            bounds = f", {_text(self.least)} to {_text(self.most)}"
        elif self.least is not None:
            bounds = f", from {_text(self.least)} on"
        elif self.most is not None:
            bounds = f", up to {_text(self.most)}"
        number = self.type + bounds if self.type else ""
        return " or ".join(filter(None, [number, ", ".join(self.choices)]))


def _text(bound: float) -> str:
    return f"{bound:,.0f}" if bound == int(bound) else f"{bound:g}"


def settings_facts(kind: type[Noun]) -> list[SettingFacts]:
    """Return what can be set, in the order in which it is declared.

    Args:
        kind: the type; bounds of its fields stand in their annotations (`msgspec.Meta`), and
            what they do in the section `Attributes` of its documentation.
    """
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    lines = dict(_attributes(getdoc(kind) or ""))
    return [_facts(field, lines.get(field.name, "")) for field in info.fields]


def _facts(field: inspect.Field, about: str) -> SettingFacts:
    parts = field.type.types if isinstance(field.type, inspect.UnionType) else (field.type,)
    number = next((p for p in parts if isinstance(p, inspect.IntType | inspect.FloatType)), None)
    return SettingFacts(
        field.encode_name,
        " or ".join(_WORDS[type(part)] for part in parts if type(part) in _WORDS),
        default=None if field.default is msgspec.NODEFAULT else field.default,
        least=_bound(number, "ge", "gt"),
        most=_bound(number, "le", "lt"),
        choices=tuple(_choices(parts)),
        about=about,
    )


def _bound(number: Any, closed: str, opened: str) -> float | None:
    """Return the bound of a number's type, whether or not it is allowed itself."""
    if number is None:
        return None
    inside: float | None = getattr(number, closed)
    outside: float | None = getattr(number, opened)
    return outside if inside is None else inside


def _choices(parts: Sequence[inspect.Type]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, inspect.LiteralType):
            yield from map(str, part.values)


def _attributes(text: str) -> Iterator[tuple[str, str]]:
    """Yield each name of a documentation's section `Attributes` with what is said of it."""
    names: list[str] = []
    words: list[str] = []
    for line in [*text.partition("Attributes:\n")[2].split("\n"), ""]:
        start = _ATTRIBUTE.match(line)
        if (start or not line.strip()) and names:
            yield from ((name, " ".join(words).rstrip(".")) for name in names)
            names = []
        if start:
            names, words = start[1].split(", "), [start[2]]
        elif names:
            words.append(line.strip())
