"""In a checkout: the five folders beside this package, by the names they have when installed."""

from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

FOLDERS = ("tasks", "graders", "generators", "memory", "harness")


class Neighbours(MetaPathFinder, Loader):
    """Finds `PACKAGE.tasks` and all below it as `tasks`: one module under two names."""

    def __init__(self, package: str) -> None:
        self._prefix = f"{package}."
        self._specs: dict[str, ModuleSpec | None] = {}

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Return a spec for a module of the five folders, None for any other."""
        name = fullname.removeprefix(self._prefix)
        if name == fullname or name.partition(".")[0] not in FOLDERS:
            return None
        return ModuleSpec(fullname, self)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module under its name in the checkout; ModuleNotFoundError without one."""
        module = import_module(spec.name.removeprefix(self._prefix))
        self._specs[spec.name] = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Give the module back its own spec: it has run already."""
        assert module.__spec__ is not None
        module.__spec__ = self._specs.pop(module.__spec__.name)
