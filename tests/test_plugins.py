"""A plug-in in a distribution of its own: the one that its page shows, word for word."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.factories.pages import shell
from tests.harness.helpers import PROGRAM

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "plugins.md"
FILE = re.compile(r"`([\w./-]+\.\w+)`:\n\n```\w+\n(.*?)```", re.DOTALL)


def write_plugin(folder: Path) -> None:
    """Write the files that the page shows."""
    files = FILE.findall(PAGE.read_text("utf-8"))
    assert len(files) == 8
    for name, text in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def install(source: Path, site: Path) -> None:
    """Build a distribution, and install it into a folder of its own."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--disable-pip-version-check", "--target", str(site)]
    subprocess.run([*command, str(source)], check=True, timeout=120)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the plug-in is installed."""
    folder = tmp_path_factory.mktemp("plugin")
    write_plugin(folder / "source")
    install(folder / "source", folder / "site")
    return folder / "site"


def makespan(site: Path, folder: Path, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command where the plug-in is installed."""
    paths = [str(site), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    return subprocess.run(
        [*PROGRAM, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.heavy
def test_the_page_does_what_it_says(site: Path, tmp_path: Path) -> None:
    printed = {}
    for line in shell(PAGE):
        words = shlex.split(line)[1:]
        ended = makespan(site, tmp_path, words)
        assert ended.returncode == 0, (line, ended.stdout, ended.stderr)
        printed[" ".join(words[:2])] = ended.stdout
    listed = printed["list"]
    for name in ("bag", "counting", "second-look", "greedy", "bag-order"):
        assert re.search(rf"^  {name} .*\(from makespan-bag\)$", listed, re.MULTILINE), name
    assert "policy/as-listed" in printed["board bags"]
    assert "greedy/one" in printed["board bags"]
    assert "full" in printed["board bags"]
    assert "changed 0 of 9" in printed["regrade bags"]
    assert len(list((tmp_path / "files").glob("*.bag"))) == 3
    assert (tmp_path / "bags.csv").read_text("utf-8").count("greedy/one") >= 3
    assert "more-items" in printed["evolve run"]
    manifest = json.loads((tmp_path / "looked" / "manifest.json").read_text("utf-8"))
    configuration = manifest["configuration"]
    assert configuration["agent"] == "second-look:looks=2"
    assert configuration["means"] == ["direct", "looks 3 times"]
    assert set(configuration["versions"]) == {"bag", "agent"}
    assert (tmp_path / "looked" / "templates" / "bag" / "again.j2").exists()
    year = json.loads((tmp_path / "year" / "manifest.json").read_text("utf-8"))
    assert year["configuration"]["versions"]["memory"].startswith("prompts ")


@pytest.mark.heavy
@pytest.mark.skipif(not (ROOT / "tasks").is_dir(), reason="needs the sources of a checkout")
def test_the_type_checker_holds_a_plugin_to_what_it_declares(tmp_path: Path) -> None:
    """In the repository the five folders have their own names, where its types are."""
    write_plugin(tmp_path)
    for path in (tmp_path / "makespan_bag").rglob("*.py"):
        path.write_text(re.sub(r"from makespan\.", "from ", path.read_text("utf-8")), "utf-8")
    family = tmp_path / "makespan_bag" / "family.py"
    swapped = family.read_text("utf-8").replace("    grade=grade,", "    grade=reward,")
    (tmp_path / "makespan_bag" / "swapped.py").write_text(swapped, "utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(tmp_path / "makespan_bag")],
        cwd=ROOT,
        env=os.environ | {"MYPYPATH": f"{tmp_path}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    errors = [line for line in ended.stdout.splitlines() if ": error: " in line]
    assert len(errors) == 1, ended.stdout
    assert "swapped.py" in errors[0]
    assert 'Argument "grade" to "Family"' in errors[0]


@pytest.mark.heavy
def test_one_without_its_plugin_says_so(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "bags.jsonl"
    words = ["generate", "bag", "--level", "4", "--out", str(file)]
    assert makespan(site, tmp_path, words).returncode == 0
    ended = makespan(tmp_path, tmp_path, ["run", str(file)])
    assert ended.returncode == 2
    assert "unknown family 'bag': there are rcpsp" in ended.stderr
    assert ended.stderr.count("\n") == 1


BROKEN = """\
[project]
name = "broken"
version = "1"
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project.entry-points."makespan.families"]
missing = "nowhere:FAMILY"
other = "broken_parts:OTHER"
misnamed = "broken_parts:MISNAMED"
misspelt = "broken_misspelt:FAMILY"
reader = "broken_reader:FAMILY"
seeker = "broken_seeker:FAMILY"
unable = "broken_unable:FAMILY"
rcpsp = "broken_parts:OTHER"
[tool.hatch.build.targets.wheel]
only-include = [
    "broken_parts.py",
    "broken_misspelt.py",
    "broken_reader.py",
    "broken_seeker.py",
    "broken_unable.py",
]
"""
PARTS = """\
from dataclasses import replace
from makespan.harness.families.registry import family
OTHER = "no family"
MISNAMED = replace(family("rcpsp"), name="another")
"""


MISSPELT = """\
from makespan.harness.families.family import Family
FAMILY = Family(nmae="misspelt")
"""


@pytest.mark.heavy
def test_a_broken_plugin_is_told_in_one_line_and_breaks_nothing_else(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "pyproject.toml").write_text(BROKEN)
    (source / "broken_parts.py").write_text(PARTS)
    (source / "broken_misspelt.py").write_text(MISSPELT)
    (source / "broken_reader.py").write_text('open("/nowhere/at/all")\n')
    (source / "broken_seeker.py").write_text('{}["a"]\n')
    (source / "broken_unable.py").write_text('raise RuntimeError("no such device")\n')
    install(source, tmp_path / "site")
    ended = makespan(tmp_path / "site", tmp_path, ["list"])
    assert ended.returncode == 0, ended.stderr
    own = " ".join(ended.stdout.split())  # the project's own comes first
    assert "families rcpsp start times" in own
    for name, why in (
        ("missing", "cannot be loaded: nowhere:FAMILY: ModuleNotFoundError"),
        ("other", "broken_parts:OTHER is no Family"),
        ("misnamed", "broken_parts:MISNAMED has the name 'another'"),
        ("misspelt", "cannot be loaded: broken_misspelt:FAMILY: TypeError: "),
        ("reader", "cannot be loaded: broken_reader:FAMILY: FileNotFoundError: "),
        ("seeker", "cannot be loaded: broken_seeker:FAMILY: KeyError: 'a'"),
        ("unable", "cannot be loaded: broken_unable:FAMILY: RuntimeError: no such device"),
    ):
        assert f"family {name!r} of broken" in ended.stdout
        told = makespan(tmp_path / "site", tmp_path, ["generate", name, "--level", "3"])
        assert told.returncode == 2
        assert why in told.stderr
        assert told.stderr.count("\n") == 1


@pytest.mark.heavy
def test_two_plugins_with_one_name_are_refused(site: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    write_plugin(source)
    project = source / "pyproject.toml"
    project.write_text(project.read_text("utf-8").replace('"makespan-bag"', '"makespan-sack"'))
    install(source, tmp_path / "site")
    both = Path(f"{tmp_path / 'site'}{os.pathsep}{site}")
    ended = makespan(both, tmp_path, ["generate", "bag", "--level", "3"])
    assert ended.returncode == 2
    assert "'bag' is in makespan-bag and makespan-sack: uninstall all but one" in ended.stderr
