"""The part of a board that is shown, by the names of models and of families."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from tasks.base import InputError, Noun


class Selection(Noun, frozen=True):
    """The models and families that are shown.

    Attributes:
        models: names, or patterns of names with `*`, `?` and `[...]`; none means all.
        families: names; none means all.
    """

    models: tuple[str, ...] = ()
    families: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Return whether nothing is left out."""
        return not self.models and not self.families

    @property
    def words(self) -> str:
        """Return what is shown, in a line."""
        models = f"models {', '.join(self.models)}" if self.models else ""
        families = f"families {', '.join(self.families)}" if self.families else ""
        return " of ".join(part for part in (models, families) if part)

    def has_model(self, name: str) -> bool:
        """Return whether a model is shown in the families that are."""
        return not self.models or any(matches(pattern, name) for pattern in self.models)

    def has_family(self, name: str) -> bool:
        """Return whether a family is shown."""
        return not self.families or name in self.families

    def has(self, model: str, family: str) -> bool:
        """Return whether a model's episodes of a family are shown."""
        return self.has_family(family) and self.has_model(model)

    def require(self, models: Iterable[str], families: Iterable[str]) -> None:
        """Raise InputError if a pattern or a name is of nothing that there is.

        Args:
            models: all there are.
            families: all there are.
        """
        models, families = list(dict.fromkeys(models)), list(dict.fromkeys(families))
        for pattern in self.models:
            if not any(matches(pattern, name) for name in models):
                raise InputError(f"`models` {pattern}: {nothing_like('model', pattern, models)}")
        for name in self.families:
            if name not in families:
                raise InputError(f"`families` {name}: {nothing_like('family', name, families)}")


WHOLE = Selection()


def matches(pattern: str, name: str) -> bool:
    """Return whether a name is what a pattern says, or is of its form."""
    return name == pattern or fnmatchcase(name, pattern)


def nothing_like(kind: str, word: str, names: Sequence[str]) -> str:
    """Return that no name is like a word, with the names that are near, or all.

    Args:
        kind: what the names are of.
        word: a name or a pattern.
        names: those that there are.
    """
    near = get_close_matches(word, names, n=3, cutoff=0.6)
    if near:
        return f"no such {kind} in the folders: did you mean {' or '.join(near)}?"
    return f"no such {kind} in the folders: there are {', '.join(names)}"


def only_model(pattern: str, names: Iterable[str]) -> str:
    """Return the one model that a pattern is of; a name is of itself alone.

    Raises:
        InputError: it is of none, or of several.
    """
    models = list(dict.fromkeys(names))
    like = [pattern] if pattern in models else [n for n in models if matches(pattern, n)]
    if not like:
        raise InputError(f"`models` {pattern}: {nothing_like('model', pattern, models)}")
    if len(like) > 1:
        raise InputError(
            f"`models` {pattern} is of {len(like)} models, {', '.join(like)}: give one of them"
        )
    return like[0]
