"""Prompts are templates, kept outside the code and versioned with the run.

A template renders to one user message, or to several turns where a line `--- system` (or
`--- user`) starts each. A run folder keeps the sources, and replay renders from those: whoever
verifies a stranger's run renders his templates, so that they reach nothing but their values.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from importlib.resources.abc import Traversable
from typing import Any, Literal, Protocol, TypeAlias, cast

from jinja2 import DictLoader, StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tasks.base import InputError, Message
from tasks.shipped import shipped

Role: TypeAlias = Literal["system", "user"]
DECIDED = 2**12  # reads of attributes of which it is remembered whether they are safe
_TURN = re.compile(r"^--- (system|user)\n", re.MULTILINE)


class _Sandbox(ImmutableSandboxedEnvironment):
    """The sandbox of templates; what it lets them read is decided once for a type and a name."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._decided: dict[tuple[type, str], bool] = {}

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Return whether a template may read an attribute, which the object's type decides."""
        place = (type(obj), attr)
        is_safe = self._decided.get(place)
        if is_safe is None:
            is_safe = super().is_safe_attribute(obj, attr, value)
            if len(self._decided) < DECIDED:
                self._decided[place] = is_safe
        return is_safe


class Prompts:
    """The templates of one run, by name (`family/variant.j2`)."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self.sources = dict(sorted(sources.items()))
        self._environment = _Sandbox(
            loader=DictLoader(self.sources),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,
            auto_reload=False,  # a run's sources never change
        )

    def __reduce__(self) -> tuple[type["Prompts"], tuple[dict[str, str]]]:
        """Pickle the sources alone: what Jinja compiles of them cannot be pickled."""
        return Prompts, (self.sources,)

    def messages(self, name: str, **values: Any) -> tuple[Message, ...]:
        """Render a template to the turns of a conversation.

        Args:
            name: of the template, `family/variant.j2`.
            values: what the template reads.

        Raises:
            InputError: there is no template of that name, or it cannot be rendered: it misses a
                value, is malformed, or does what no prompt may.
        """
        if name not in self.sources:
            raise InputError(f"no prompt template {name!r}; there are: {', '.join(self.sources)}")
        try:
            parts = _TURN.split(self._environment.get_template(name).render(**values))
        except TemplateError as error:
            raise InputError(f"prompt template {name}: {error}") from None
        lead = [Message("user", parts[0].strip())] if parts[0].strip() else []
        turns = zip(parts[1::2], parts[2::2], strict=True)
        return (*lead, *(Message(cast(Role, role), text.strip()) for role, text in turns))

    def names(self, folder: str) -> tuple[str, ...]:
        """Return the names of the templates in a folder, sorted."""
        return tuple(name for name in self.sources if name.startswith(f"{folder}/"))

    def digest(self, names: Iterable[str]) -> str:
        """Return 16 hex digits that change when a template of these names does."""
        texts = sorted((name, self.sources[name]) for name in names if name in self.sources)
        return hashlib.sha256(repr(texts).encode()).hexdigest()[:16]

    def only(self, names: Iterable[str]) -> "Prompts":
        """Return these templates without all others."""
        wanted = set(names)
        return Prompts({name: text for name, text in self.sources.items() if name in wanted})


class Speaking(Protocol):
    """A declared part that says something to a model.

    Attributes:
        templates: the names of what it says.
        template_folder: where its own are; None if they come with the project.
    """

    @property
    def templates(self) -> tuple[str, ...]:
        """The names of the templates, `family/variant.j2`."""

    @property
    def template_folder(self) -> Traversable | None:
        """The folder of its own templates; None if they come with the project."""


def prompts_of(parts: Iterable[Speaking]) -> Prompts:
    """Return the templates of declared parts: each part's own, and those that the project has.

    Raises:
        InputError: a part's template is nowhere, or two parts have unlike ones of one name.
    """
    shipped_sources, sources = installed().sources, dict[str, str]()
    for part in parts:
        own = dict(_walk(part.template_folder, "")) if part.template_folder else {}
        for name in part.templates:
            source = own.get(name, shipped_sources.get(name))
            if source is None:
                raise InputError(f"no prompt template {name!r}: its part does not bring it")
            if sources.setdefault(name, source) != source:
                raise InputError(f"two parts of the run have unlike prompt templates {name!r}")
    return Prompts(sources)


def installed() -> Prompts:
    """Return the templates that come with this version of the project."""
    return Prompts(dict(_walk(shipped("templates"), "")))


def _walk(folder: Traversable, prefix: str) -> list[tuple[str, str]]:
    """Return the names and sources of the templates in a folder and in those below it."""
    sources: list[tuple[str, str]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            sources += _walk(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".j2"):
            sources.append((f"{prefix}{entry.name}", entry.read_text(encoding="utf-8")))
    return sources
