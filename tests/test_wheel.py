"""The wheel: one top-level package, which a user's own modules of our names do not disturb.

And what it is said to run on is true; and alone, with the base only, it does its work.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from packaging.tags import sys_tags
from packaging.utils import parse_wheel_filename

from tests.base_only import base_distributions
from tests.layout import ROOT
from tests.wheel import ELSEWHERE, build, hook, install

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
def wheel() -> Iterator[Path]:
    """The wheel of this checkout."""
    pytest.importorskip("hatchling")
    with TemporaryDirectory() as folder:
        yield build(Path(folder))


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """A folder with the package as it is installed."""
    install(wheel, wheel.parent / "site")
    return wheel.parent / "site"


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


@pytest.mark.heavy
def test_one_top_level_package_is_installed(installed: Path) -> None:
    names = {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")}
    assert names == {"makespan"}
    inside = {path.name for path in (installed / "makespan").iterdir() if path.is_dir()}
    assert inside - {"__pycache__"} >= set(FOLDERS)
    assert (installed / "makespan" / "py.typed").exists()


@pytest.mark.heavy
def test_a_script_beside_modules_of_our_names_uses_the_package(
    installed: Path, project: Path
) -> None:
    (project / "script.py").write_text(SCRIPT)
    done = run(installed, project, "exec(open('script.py').read())")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()[1:] == []  # no harness of anybody's was loaded
    assert done.stdout.startswith("rcpsp-5-s0-i0-")


@pytest.mark.heavy
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
    with pytest.raises(ValueError, match=r"line 2: import tasks\.base: use from"):
        hook().rewritten("import os\nimport tasks.base\n")


def test_only_statements_are_rewritten() -> None:
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


# What it runs on ----------------------------------------------------------------------------


def readelf(path: Path) -> tuple[set[str], set[str]]:
    """The libraries that a library is linked to and the versions of symbols it takes from them."""
    words = ["readelf", "--wide", "--dynamic", "--version-info", str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    _, _, needs = done.stdout.partition("Version needs section")
    return set(re.findall(r"\(NEEDED\).*\[(.*)\]", done.stdout)), set(
        re.findall(r"Name: (\S+)", needs)
    )


@pytest.mark.heavy
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="not Linux")
def test_the_tag_of_the_wheel_is_one_that_its_symbols_allow(wheel: Path, installed: Path) -> None:
    *_, tags = parse_wheel_filename(wheel.name)
    [tag] = tags
    assert (tag.interpreter, tag.abi) == ("py3", "none")
    assert tag in set(sys_tags()), "it would not install here"
    libraries = sorted(path for name in hook().KERNELS for path in installed.rglob(f"lib{name}.*"))
    if not libraries:
        assert tag.platform == "any"
        return
    found = re.fullmatch(r"(many|musl)linux_(\d+)_(\d+)_(\w+)", tag.platform)
    assert found, f"{tag.platform} is refused by indexes"
    if shutil.which("readelf") and found[1] == "many":
        names = set[str]().union(*(readelf(path)[1] for path in libraries))
        names -= {"GLIBC_ABI_DT_RELR"}
        newest = max(tuple(map(int, re.findall(r"\d+", name)[:2])) for name in names)
        least = (2, 5) if found[4] in ("x86_64", "i686") else (2, 17)
        tagged = (int(found[2]), int(found[3]))
        assert tagged == max(least, newest) or (tagged == (2, 36) and newest < tagged)


@pytest.mark.heavy
@pytest.mark.skipif(shutil.which("readelf") is None, reason="no readelf")
def test_needs_of_libraries_are_read_as_readelf_reads_them() -> None:
    folders = [Path(path) for path in sys.path if path.endswith("site-packages")]
    paths = sorted(path for folder in folders for path in folder.rglob("*.so"))
    elves = [path for path in paths[::9] if path.read_bytes()[:4] == b"\x7fELF"][:20]
    assert elves
    for path in elves:
        elf = hook().Elf(path.read_bytes())
        assert (elf.libraries(), elf.versions()) == readelf(path), path


@pytest.mark.parametrize(
    ("libraries", "versions", "platform"),
    [
        (["libc.so.6"], ["GLIBC_2.2.5", "GLIBC_2.14"], "manylinux_2_14_x86_64"),
        (["libc.so.6"], ["GLIBC_2.2.5"], "manylinux_2_5_x86_64"),
        (["libc.so.6"], ["GLIBC_2.14", "GLIBC_2.4", "GLIBC_2.9"], "manylinux_2_14_x86_64"),
        (["libc.so.6"], ["GLIBC_2.4", "GLIBC_ABI_DT_RELR"], "manylinux_2_36_x86_64"),
        (["libc.so.6"], ["GLIBC_2.4", "GLIBC_PRIVATE"], "linux_x86_64"),
        (["libc.so.6", "libgomp.so.1"], ["GLIBC_2.4"], "linux_x86_64"),
    ],
)
def test_what_a_library_needs_decides_the_tag(
    libraries: list[str], versions: list[str], platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = hook()
    monkeypatch.setattr(module.Elf, "__init__", lambda _self, _content: None)
    monkeypatch.setattr(module.Elf, "libraries", lambda _self: set(libraries))
    monkeypatch.setattr(module.Elf, "versions", lambda _self: set(versions))
    assert module.wheel_platform("linux_x86_64", [b""]) == platform
    other = platform.replace("_2_5_", "_2_17_").replace("_2_14_", "_2_17_")
    assert module.wheel_platform("linux_aarch64", [b""]) == other.replace("x86_64", "aarch64")
    assert module.wheel_platform("macosx_11_0_arm64", [b""]) == "macosx_11_0_arm64"


# With the base only -------------------------------------------------------------------------


@pytest.mark.slow  # it installs from the index that pip is set to
def test_a_fresh_environment_with_the_base_only_works(wheel: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True, timeout=300)
    pip = [str(tmp_path / "venv" / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    pins = ["--constraint", str(ROOT / "constraints.txt")]
    subprocess.run([*pip, "install", "--quiet", *pins, str(wheel)], check=True, timeout=600)
    listed = subprocess.run([*pip, "list", "--format=json"], capture_output=True, check=True)
    names = {row["name"].lower().replace("_", "-") for row in json.loads(listed.stdout)}
    assert names - {"pip", "setuptools"} == base_distributions()

    def makespan(*words: str) -> subprocess.CompletedProcess[str]:
        program = str(tmp_path / "venv" / "bin" / "makespan")
        return subprocess.run(
            [program, *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    for family in ("rcpsp", "tardiness", "calendar", "tools"):
        file, out = f"{family}.jsonl", f"run-{family}"
        words = ["--level", "4", "--count", "2", "--no-reference", "--out", file]
        assert makespan("generate", family, *words).returncode == 0
        policy = {"rcpsp": "edf", "tardiness": "exact", "calendar": "count"}.get(family, "random")
        for done in (
            makespan("run", file, "--model", f"policy/{policy}", "--out", out),
            makespan("board", out),
            makespan("regrade", out),
        ):
            assert (done.returncode, done.stderr.count("needs the package")) == (0, 0), done
    in_workers = ("generate", "rcpsp", "--level", "5", "--count", "4", "--jobs", "2")
    for done in (makespan("run", "quickstart", "--out", "q"), makespan(*in_workers)):
        assert (done.returncode, done.stdout) == (2, "")
        assert "needs the package ortools: pip install 'makespan[solvers]'" in done.stderr
        assert "Traceback" not in done.stderr


def test_what_needs_the_build_hook_is_not_run_with_the_wheel() -> None:
    files = (ROOT / "tests").rglob("test_*.py")
    needing = {f.name for f in files if "from tests.wheel import" in f.read_text("utf-8")}
    assert "test_kernels.py" in needing
    assert needing <= set(ELSEWHERE)
