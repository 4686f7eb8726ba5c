"""The layout of the house: which room imports which, measured from the code itself.

A room is a top folder, a folder of `harness/`, or a loose file of it. Imports inside functions and
modules named to `import_module` count like any other. `python -m tests.layout` prints the rooms by
floor, and the number of arrows between them.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("tasks", "graders", "generators", "memory", "harness")
Graph = Mapping[str, set[str]]


def modules(root: Path = ROOT) -> dict[str, Path]:
    """Return the file of each module of the project, by its dotted name."""
    paths = sorted(path for package in PACKAGES for path in (root / package).rglob("*.py"))
    dotted = {path: path.relative_to(root).with_suffix("").as_posix() for path in paths}
    return {name.replace("/", ".").removesuffix(".__init__"): path for path, name in dotted.items()}


def sources(package: str) -> list[Path]:
    """Return the files of a package, in order."""
    return sorted((ROOT / package).rglob("*.py"))


def file_graph(root: Path = ROOT) -> dict[str, set[str]]:
    """Return for each module the modules of the project that it imports, anywhere in its code."""
    files = modules(root)
    return {name: set(_imports(path, name, files)) - {name} for name, path in files.items()}


def _imports(path: Path, name: str, files: Mapping[str, Path]) -> Iterator[str]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in files)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                if full in files or node.module in files:
                    yield full if full in files else node.module
        elif isinstance(node, ast.Call) and _is_import_module(node):
            pattern = _pattern(node.args[0], package)
            yield from (other for other in files if pattern.fullmatch(other))


def _is_import_module(node: ast.Call) -> bool:
    called = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
    return called == "import_module" and bool(node.args)


def _pattern(argument: ast.expr, package: str) -> re.Pattern[str]:
    """Return what the name given to `import_module` may be; what is computed there may be any."""
    if isinstance(argument, ast.Constant):
        return re.compile(re.escape(str(argument.value)))
    if not isinstance(argument, ast.JoinedStr):
        return re.compile("(?!)")  # a variable: what it names is the caller's
    parts = []
    for value in argument.values:
        if isinstance(value, ast.Constant):
            parts.append(re.escape(str(value.value)))
        elif ast.unparse(value) in ("{__package__}", "f'{__package__}'"):
            parts.append(re.escape(package))
        else:
            parts.append(r"[\w.]*")
    return re.compile("".join(parts))


def room_of(module: str) -> str:
    """Return the room of a module: `graders`, `harness/board` or `harness/files.py`."""
    parts = module.split(".")
    if parts[0] != "harness" or len(parts) == 1:
        return parts[0]
    return f"harness/{parts[1]}"


def room_graph(graph: Graph) -> dict[str, set[str]]:
    """Return for each room the other rooms that it imports from."""
    rooms: dict[str, set[str]] = {room_of(module): set() for module in graph}
    for module, others in graph.items():
        rooms[room_of(module)] |= {room_of(other) for other in others} - {room_of(module)}
    return rooms


def circles(graph: Graph) -> list[list[str]]:
    """Return the groups of nodes that reach one another, each sorted (Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    groups: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph.get(node, ())):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            place = stack.index(node)
            groups.append(sorted(stack[place:]))
            del stack[place:]

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return [group for group in groups if len(group) > 1]


def against(order: Iterable[Iterable[str]], rooms: Graph) -> list[str]:
    """Return the imports that do not go down: `order` has the floors, the lowest first."""
    floor = {room: number for number, names in enumerate(order) for room in names}
    missing = [f"{room} is on no floor" for room in sorted(rooms) if room not in floor]
    return missing + [
        f"{room} imports {other}, which is not below it"
        for room in sorted(rooms)
        for other in sorted(rooms[room])
        if room in floor and floor.get(other, -1) >= floor[room]
    ]


def floors(rooms: Graph) -> list[list[str]]:
    """Return the rooms by floor, the lowest first; rooms must have no circle."""
    heights: dict[str, int] = {}

    def height(room: str) -> int:
        if room not in heights:
            heights[room] = 1 + max((height(other) for other in rooms[room]), default=-1)
        return heights[room]

    highest = max(map(height, rooms))
    return [sorted(r for r in rooms if heights[r] == number) for number in range(highest + 1)]


def main() -> int:
    """Print rooms, arrows, circles and floors; return 1 if there is a circle."""
    graph = file_graph()
    rooms = room_graph(graph)
    knots = circles(rooms) + circles(graph)
    print(f"{len(rooms)} rooms, {sum(map(len, rooms.values()))} arrows between them")
    print("circles:", "; ".join(" - ".join(knot) for knot in knots) or "none")
    if not circles(rooms):
        for number, names in reversed(list(enumerate(floors(rooms)))):
            print(f"{number:3}  {', '.join(names)}")
    return int(bool(knots))


if __name__ == "__main__":
    sys.exit(main())
