"""Drivers that hold modules of the project: the same text runs in the sandbox and out here."""

import ast
import inspect
from types import ModuleType


def text_of(*modules: ModuleType) -> str:
    """Return modules as one text, in their order, without what they import of one another.

    Args:
        modules: what else they import must be what the sandbox lends.
    """
    names = {module.__name__.rpartition(".")[2] for module in modules}
    return "\n\n".join(_without_imports(inspect.getsource(module), names) for module in modules)


def _without_imports(text: str, names: set[str]) -> str:
    lines = text.splitlines()
    for node in ast.parse(text).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").rpartition(".")[2] in names:
            for number in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[number] = ""
    return "\n".join(lines) + "\n"
