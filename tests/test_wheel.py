"""The wheel: one top-level package, which a user's own modules of our names do not disturb."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.wheel import build, install

FOLDERS = ("tasks", "graders", "generators", "memory", "harness")
SCRIPT = """
import sys
from makespan.generators.rcpsp import generate
from makespan.tasks.base import Instance
import tasks, memory
instance = generate(5, 0, 0, {})
assert isinstance(instance, Instance)
from makespan.schemas import answer_model
assert answer_model("rcpsp", instance).__module__ == "makespan.harness.schemas.models"
assert (tasks.OWNER, memory.OWNER) == ("a user", "a user")
print(instance.id, *sorted(name for name in sys.modules if name.startswith("harness")))
"""


@pytest.fixture(scope="module")
def installed() -> Iterator[Path]:
    """A folder with the package as it is installed."""
    pytest.importorskip("hatchling")
    with TemporaryDirectory() as folder:
        install(build(Path(folder)), Path(folder) / "site")
        yield Path(folder) / "site"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A user's folder, whose modules have the names of ours."""
    for name in ("tasks.py", "harness.py", "memory/__init__.py", "results/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text('OWNER = "a user"\n')
    return tmp_path


def run(site: Path, project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a user's folder with the installed package before the checkout's."""
    code = f"import sys; sys.path[:0] = [{str(project)!r}, {str(site)!r}]; "
    return subprocess.run(
        [sys.executable, "-c", code + words[0], *words[1:]],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


MAIN = "from makespan.harness.cli import main; sys.exit(main())"


def test_one_top_level_package_is_installed(installed: Path) -> None:
    names = {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")}
    assert names == {"makespan"}
    inside = {path.name for path in (installed / "makespan").iterdir() if path.is_dir()}
    assert inside - {"__pycache__"} >= set(FOLDERS)
    assert (installed / "makespan" / "py.typed").exists()


def test_a_script_beside_modules_of_our_names_uses_the_package(
    installed: Path, project: Path
) -> None:
    (project / "script.py").write_text(SCRIPT)
    done = run(installed, project, "exec(open('script.py').read())")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()[1:] == []  # no harness of anybody's was loaded
    assert done.stdout.startswith("rcpsp-5-s0-i0-")


@pytest.mark.parametrize(
    "words",
    [
        "list",
        "generate rcpsp --level 5",
        "schema instance --family rcpsp",
        "run quickstart --limit 2 --out out",
        "run tools --level 2 --limit 1 --model policy/optimal -T transport=stdio --out out",
        "evolve run tardiness-priority --model policy/mutate --calls 2 --limit 1 --out out",
    ],
)
def test_commands_work_beside_modules_of_our_names(
    installed: Path, project: Path, words: str
) -> None:
    done = run(installed, project, MAIN, *words.split())
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_statements_that_cannot_be_rewritten_are_refused() -> None:
    from tests.wheel import hook

    with pytest.raises(ValueError, match=r"line 2: import tasks\.base: use from"):
        hook().rewritten("import os\nimport tasks.base\n")


def test_only_statements_are_rewritten() -> None:
    from tests.wheel import hook

    source = 'from tasks.base import Noun\nTEXT = "from tasks.base import"  # from tasks import x\n'
    text = hook().rewritten(source + "def f():\n    from harness import files\n")
    assert text == (
        "from makespan.tasks.base import Noun\n"
        'TEXT = "from tasks.base import"  # from tasks import x\n'
        "def f():\n    from makespan.harness import files\n"
    )


def test_in_a_checkout_both_names_are_one_module() -> None:
    code = (
        "import makespan.tasks.base, makespan.harness.cli.run; import tasks.base, harness.cli.run\n"
        "assert makespan.tasks.base is tasks.base\n"
        "assert makespan.harness.cli.run is harness.cli.run\n"
        "assert tasks.base.__spec__.name == tasks.base.__name__ == 'tasks.base'\n"
        "try: import makespan.nothing\n"
        "except ModuleNotFoundError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("No module named 'makespan.nothing'\n", "")
