"""Generic code knows no family by name: it reads what families declare."""

import ast
from collections.abc import Iterator
from pathlib import Path

from harness.families.registry import FAMILIES, module_of
from harness.families.stated import COLUMNS

ROOT = Path(__file__).parents[3]
OWN = [  # where the parts of families are
    *(f"harness/families/{module_of(name)}.py" for name in (*FAMILIES.own, "registry")),
    *(f"harness/report/{module_of(name)}{end}" for name in FAMILIES.own for end in (".py", "_")),
    "harness/report/timeline_text.py",  # the calls of `tools` in a terminal
    "harness/evolve/domains/",
]
SHARED = ("tasks.tools_clock", "tasks.tools_plan")  # how calls and lists of calls are written


def generic() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((ROOT / "harness").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if not any(name.startswith(own) for own in OWN):
            yield name, ast.parse(path.read_text("utf-8"))


def test_no_name_of_a_family_stands_in_generic_code() -> None:
    """But `tools`, also the word of providers for what models call, and a module of Python's."""
    names = set(FAMILIES.own) - {"tools"}
    modules = ("harness/sandbox/program.py", "calendar")  # that programs may import
    wrong = [
        f"{name}:{node.lineno}: {node.value}"
        for name, tree in generic()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in names
        if (name, node.value) != modules
    ]
    assert wrong == []


def test_no_module_of_a_family_is_imported_by_generic_code() -> None:
    modules = {
        f"{folder}.{module_of(name)}"
        for folder in ("tasks", "graders", "graders.exact", "generators", "harness.families")
        for name in FAMILIES.own
    }
    wrong = [
        f"{name}: {node.module}"
        for name, tree in generic()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        if node.module in modules
        or (
            any(node.module.startswith(f"{each}_") for each in modules)
            and node.module not in SHARED
        )
    ]
    assert wrong == []


def test_no_metric_of_one_family_stands_in_generic_code() -> None:
    """But the gain of a memory, which every family with rounds has by `Rounds.learning_gain`, and
    what stated confidence is worth, which every family of one question may have.
    """
    columns = {column.name for each in FAMILIES.own for column in FAMILIES[each].columns}
    columns -= {"learning_gain", *(column.name for column in COLUMNS)}
    wrong = [
        f"{name}:{node.lineno}: {node.value}"
        for name, tree in generic()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in columns
    ]
    assert wrong == []
