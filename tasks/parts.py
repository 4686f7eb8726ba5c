"""Settings of the parts of a run (agents, memories, models), in one spelling everywhere.

`NAME`, `NAME:key=value,key=value`, or with a file or another part's name first:
`NAME:inner,key=value`. A number that stands first is the first setting: `NAME:5`. A part is known
by its shortest spelling: settings in the order in which they are declared, and none that has its
default. Where settings say so (`BARE_WORD`), a word that stands first is the first setting, too.
"""

from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec

from tasks.base import InputError, Noun
from tasks.near import did_you_mean
from tasks.plugins import Parts
from tasks.refusals import reason_of


class NoSettings(Noun, frozen=True):
    """The settings of a part that has none."""


class PartName(NamedTuple):
    """A part as it was spelled: its name, what stands first behind the colon, and its settings."""

    name: str
    inner: str
    settings: dict[str, str]


def read_part(text: str) -> PartName:
    """Return a part as it is spelled; InputError where a setting is no `key=value`."""
    name, _, written = text.partition(":")
    words = written.split(",") if written else []
    inner = words.pop(0) if words and "=" not in words[0] else ""
    settings: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not (key and equals):
            raise InputError(f"{text!r}: {word!r} is not of the form key=value")
        if key in settings:
            raise InputError(f"{text!r}: {key} is given twice")
        settings[key] = value
    return PartName(name, inner, settings)


def settings_of(part: PartName, kind: type[Noun]) -> Any:
    """Return a part's settings as the declared ones.

    Raises:
        InputError: a setting that the part does not have, or a value that it cannot have.
    """
    names = kind.__struct_fields__
    for key in part.settings:
        if key not in names:
            choices = f"it has {', '.join(names)}" if names else "it has no settings"
            near = did_you_mean(key, names)
            raise InputError(f"{part.name}: unknown setting {key!r}: {choices}{near}")
    try:
        return msgspec.convert(part.settings, kind, strict=False)
    except msgspec.ValidationError as error:
        raise InputError(f"{part.name}: {reason_of(kind, part.settings, error)}") from None


class Kind(Protocol):
    """A part as it is declared: its name, and the type of its settings."""

    @property
    def name(self) -> str:
        """The name by which it is asked for."""

    @property
    def settings(self) -> type[Noun]:
        """The type of its settings."""


K = TypeVar("K", bound=Kind)


def read_kind(text: str, kinds: Parts[K]) -> tuple[K, Any]:
    """Return the declared part that `NAME:key=value,...` means, and its settings.

    A number that stands first is the first setting: `checker:3` is `checker:checks=3`.

    Args:
        text: the part as it is spelled.
        kinds: the declared parts of its sort.

    Raises:
        InputError: there is no such part, or it has no such setting.
    """
    part = read_part(text)
    kind = kinds.part(part.name)
    names = kind.settings.__struct_fields__
    if names and (part.inner.isdecimal() or (part.inner and has_bare_word(kind.settings))):
        part = _with_first(part, names[0], text)
    if part.inner:
        raise InputError(f"{kinds.sort} {part.name} takes no {part.inner!r}, only settings")
    return kind, settings_of(part, kind.settings)


def has_bare_word(settings: type[Noun]) -> bool:
    """Return whether a word that stands first is the first setting."""
    return bool(getattr(settings, "BARE_WORD", False))


def _with_first(part: PartName, first: str, text: str) -> PartName:
    """Return a part whose number or word, which stood first, is its first setting."""
    if first in part.settings:
        raise InputError(f"{text!r}: {first} is given twice")
    return part._replace(inner="", settings={first: part.inner, **part.settings})


def spelled(name: str, settings: Noun, inner: str = "") -> str:
    """Return the shortest spelling of a part."""
    fields = msgspec.structs.fields(type(settings))
    values = [(field.encode_name, getattr(settings, field.name), field.default) for field in fields]
    words = [f"{key}={_written(value)}" for key, value, default in values if value != default]
    if has_bare_word(type(settings)) and words and values[0][1] != values[0][2]:
        words[0] = _written(values[0][1])
    words = [inner, *words] if inner else words
    return f"{name}:{','.join(words)}" if words else name


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)
