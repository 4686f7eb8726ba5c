"""Builds and installs the wheel; `python -m tests.wheel PYTHON` runs the tests against it.

The tests import the five folders by their names in a checkout. For that run they are copied to a
folder without a checkout, where these names lead to the installed package.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

ROOT = Path(__file__).parents[1]
ELSEWHERE = (  # tests of the checkout itself
    "test_docs.py",
    "test_house.py",
    "test_layout.py",
    "test_drivers.py",
    "test_declarations.py",
    "test_hops.py",
    "test_wheel.py",
    "test_kernels.py",
    "test_tardiness_kernel.py",
    "benchmarks",
    "__pycache__",
)
NEIGHBOURS = """
import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
NAMES = ("tasks", "graders", "generators", "memory", "harness")
class Installed:
    specs = {}
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in NAMES:
            return ModuleSpec(name, self)
    def create_module(self, spec):
        module = import_module("makespan." + spec.name)
        self.specs[spec.name] = module.__spec__
        return module
    def exec_module(self, module):
        module.__spec__ = self.specs.pop(module.__spec__.name)
sys.meta_path.insert(0, Installed())
"""


def hook() -> ModuleType:
    """Return the build hook as a module."""
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build(folder: Path) -> Path:
    """Build the wheel of the checkout in a copy of it, and return its path."""
    copy = folder / "copy"
    ignored = shutil.ignore_patterns(".*", "__pycache__", "runs", "build", "dist")
    shutil.copytree(ROOT, copy, ignore=ignored)
    words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")]
    subprocess.run(words, cwd=copy, check=True, capture_output=True, timeout=300)
    [wheel] = (folder / "dist").glob("*.whl")
    return wheel


def install(wheel: Path, site: Path) -> None:
    """Unpack a wheel, which is all that installing it without dependencies does."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)


def main(python: str, words: list[str]) -> int:
    """Install the wheel for `python`, run the tests with it, and return pytest's status."""
    python = str(Path.cwd() / python)  # not resolved: the link is what makes an environment
    with TemporaryDirectory() as place:
        folder = Path(place)
        wheel = build(folder)
        pip = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall"]
        subprocess.run([*pip, str(wheel)], check=True)
        site = Path(_output(python, "import sysconfig; print(sysconfig.get_path('purelib'))"))
        (site / "makespan_neighbours.py").write_text(NEIGHBOURS)
        (site / "makespan_neighbours.pth").write_text("import makespan_neighbours\n")
        work = folder / "work"
        shutil.copytree(ROOT / "tests", work / "tests", ignore=shutil.ignore_patterns(*ELSEWHERE))
        shutil.copytree(ROOT / "docs", work / "docs")
        shutil.copytree(ROOT / "results" / "boards", work / "results" / "boards")
        shutil.copy(ROOT / "pyproject.toml", work)
        data = os.environ.get("MAKESPAN_DATA") or str(ROOT.parent / "shared" / "data")
        environment = {**os.environ, "MAKESPAN_DATA": data}
        command = [python, "-m", "pytest", *words]
        return subprocess.run(command, cwd=work, env=environment, check=False).returncode


def _output(python: str, code: str) -> str:
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
