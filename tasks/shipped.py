"""What is shipped with the tasks beside their code: templates, suites, organisations."""

from importlib.resources import files
from importlib.resources.abc import Traversable


def shipped(name: str) -> Traversable:
    """Return a folder or file beside the tasks' modules, such as `suites`."""
    return files(__package__) / name
