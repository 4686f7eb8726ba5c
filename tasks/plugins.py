"""Declared parts by name: the project's own, and those that other distributions bring.

A distribution names a part of its own by an entry point of the part's group, for example
`[project.entry-points."makespan.families"]` with `toy = "toy_package:FAMILY"`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from msgspec import MsgspecError

from tasks.base import InputError
from tasks.near import did_you_mean

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


class Declared(Protocol):
    """A declared part: it knows its own name."""

    @property
    def name(self) -> str:
        """The name by which it is asked for."""


K = TypeVar("K", bound=Declared)
BROKEN = (  # what loading a part raises: it is missing, misspelt, refused, or lacks what it needs
    ImportError,
    AttributeError,
    NameError,
    SyntaxError,
    TypeError,
    ValueError,
    LookupError,
    ArithmeticError,
    AssertionError,
    OSError,
    RuntimeError,
    MsgspecError,
)


class Parts(Mapping[str, K], Generic[K]):
    """The declared parts of one sort, by name, each loaded when it is first wanted.

    The project's own come first. Other distributions are looked at for a name that is none of
    these, and when all are listed.
    """

    def __init__(
        self,
        sort: str,
        group: str,
        kind: type[K],
        *,
        names: Sequence[str],
        load: Callable[[str], K],
    ) -> None:
        """Declare a sort of parts.

        Args:
            sort: what one of them is called in messages, such as `family`.
            group: of the entry points by which other distributions name theirs.
            kind: the type of a declaration.
            names: of the project's own.
            load: returns the declaration of one of these.
        """
        self.sort, self.group, self.own = sort, group, tuple(names)
        self._kind, self._load = kind, load
        self._loaded: dict[str, K] = {}

    def __getitem__(self, name: str) -> K:
        """Return a declaration; KeyError if there is none, InputError if it cannot be loaded."""
        if name not in self._loaded:
            self._loaded[name] = self._load(name) if name in self.own else self._plugged(name)
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        yield from self.own
        yield from sorted({point.name for point in self._entry_points()} - set(self.own))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def part(self, name: str) -> K:
        """Return a declaration.

        Raises:
            InputError: there is none of that name, or it cannot be loaded.
        """
        try:
            return self[name]
        except KeyError:
            choices = list(self)
            raise InputError(
                f"unknown {self.sort} {name!r}: there are {', '.join(choices)}"
                f"{did_you_mean(name, choices)}"
            ) from None

    def origin(self, name: str) -> str | None:
        """Return the distribution that brings a part; None for the project's own."""
        if name in self.own:
            return None
        return _distribution(self._entry_point(name))

    def _entry_points(self) -> Sequence["EntryPoint"]:
        from importlib.metadata import entry_points

        return list(entry_points(group=self.group))

    def _entry_point(self, name: str) -> "EntryPoint":
        points = {_distribution(p): p for p in self._entry_points() if p.name == name}
        if not points:
            raise KeyError(name)
        if len(points) > 1:
            origins = " and ".join(sorted(points))
            raise InputError(f"{self.sort} {name!r} is in {origins}: uninstall all but one")
        [point] = points.values()
        return point

    def _plugged(self, name: str) -> K:
        """Load a part of another distribution, and check that it is what its entry point says."""
        point = self._entry_point(name)
        where = f"{self.sort} {name!r} of {_distribution(point)}"
        try:
            part = point.load()
        except BROKEN as error:
            raise InputError(
                f"{where} cannot be loaded: {point.value}: {type(error).__name__}: {error}"
            ) from error
        if not isinstance(part, self._kind):
            raise InputError(f"{where}: {point.value} is no {self._kind.__name__}")
        if part.name != name:
            raise InputError(f"{where}: {point.value} has the name {part.name!r}")
        return part


def _distribution(point: "EntryPoint") -> str:
    return point.dist.name if point.dist else "another distribution"
