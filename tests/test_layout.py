"""Rooms import one way: down the floors that are named here."""

from pathlib import Path

import pytest

from tests.layout import Graph, against, circles, file_graph, room_graph

# lowest first; what stands on one floor knows nothing of its neighbours
FLOORS = [
    ["harness", "harness/digests", "harness/garbage", "harness/progress", "tasks"],
    [
        "graders",
        "harness/costs",
        "harness/engines",
        "harness/failures",
        "harness/files",
        "harness/sandbox",
        "harness/screen",
        "harness/secrets",
        "memory",
    ],
    ["generators", "harness/formatting", "harness/log", "harness/sessions"],
    ["harness/agents"],
    ["harness/families"],
    ["harness/mcp", "harness/models", "harness/suites"],
    ["harness/store"],
    ["harness/calls"],
    ["harness/board", "harness/evolve"],
    ["harness/run"],
    ["harness/curve", "harness/replay", "harness/tune", "harness/watch"],
    ["harness/export", "harness/report"],
    ["harness/publish", "harness/schemas"],
    ["harness/cli"],
]
GROUND = 10  # loose files of harness/ at most: tools that everyone may use


@pytest.fixture(scope="module")
def graph() -> Graph:
    return file_graph()


def test_rooms_stand_on_their_floors(graph: Graph) -> None:
    assert against(FLOORS, room_graph(graph)) == []


def test_there_is_no_circle_of_rooms_or_of_files(graph: Graph) -> None:
    assert circles(room_graph(graph)) == []
    assert circles(graph) == []


def test_loose_files_are_few(graph: Graph) -> None:
    loose = [room for room in room_graph(graph) if room.count("/") == 1]
    folders = {path.parent.name for path in Path(__file__).parents[1].glob("harness/*/__init__.py")}
    assert len([room for room in loose if room.partition("/")[2] not in folders]) <= GROUND


def house(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_planted_circle_is_seen_wherever_it_hides(tmp_path: Path) -> None:
    """Also in a function, and by a name that is put together."""
    root = house(
        tmp_path,
        {
            "harness/board/load.py": "def f():\n    from harness.run.loop import main\n",
            "harness/run/loop.py": "from importlib import import_module\n"
            "def g(name): return import_module(f'{__package__}.{name}')\n",
            "harness/run/jobs.py": "from harness.board import load\n",
            "harness/run/__init__.py": "",
            "harness/board/__init__.py": "",
        },
    )
    planted = file_graph(root)
    assert circles(room_graph(planted)) == [["harness/board", "harness/run"]]
    assert circles(planted) == [["harness.board.load", "harness.run.jobs", "harness.run.loop"]]
    order = [["harness/run"], ["harness/board"]]
    assert against(order, room_graph(planted)) == [
        "harness/run imports harness/board, which is not below it"
    ]
