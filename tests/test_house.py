"""The house itself: imports point one way, names are ours, nothing heavy loads early."""

import ast
import os
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from statistics import median

import pytest

from tests import measures
from tests.layout import PACKAGES, ROOT, sources

MAY_IMPORT = {
    "tasks": {"tasks"},
    "graders": {"tasks", "graders"},
    "generators": {"tasks", "graders", "generators"},
    "memory": {"tasks", "memory"},
    "harness": set(PACKAGES),
}
HEAVY = (
    "openai",
    "anthropic",
    "litellm",
    "pandas",
    "numpy",
    "datasets",
    "ortools",
    "rich",
    "aiohttp",
    "pydantic",
    "mcp",
    "huggingface_hub",
    "pyarrow",
    "ray",
)


def imported(path: Path) -> set[str]:
    """Top-level names a file imports anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add((node.module or "").partition(".")[0])
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_point_one_way(package: str) -> None:
    for path in sources(package):
        wrong = imported(path) & set(PACKAGES) - MAY_IMPORT[package]
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


def test_no_distribution_but_ours_owns_our_names() -> None:
    owners = packages_distributions()
    for package in PACKAGES:
        assert set(owners.get(package, ["makespan"])) <= {"makespan"}, package


@pytest.fixture(scope="module")
def code() -> list[measures.Source]:
    return measures.sources()


def test_functions_do_one_thing_and_files_have_one_subject(code: list[measures.Source]) -> None:
    """Counted in tokens, so that packing gains nothing."""
    functions = [function for file in code for function in file.functions()]
    assert [f"{f.name}: {f.tokens}" for f in functions if f.tokens > 300] == []
    assert median(function.tokens for function in functions) <= 65
    assert [file.path for file in code if file.text.count("\n") > 500] == []


def test_names_are_nouns_and_a_class_has_a_name_of_its_own(code: list[measures.Source]) -> None:
    assert measures.weak_share(code) < 0.005
    assert measures.repeated_classes(code) == {}


def test_docstrings_begin_with_what_is_done(code: list[measures.Source]) -> None:
    questions = measures.QUESTIONS
    assert [f.name for file in code for f in file.functions() if f.first_word in questions] == []


def test_the_formatter_decides_how_code_looks(code: list[measures.Source]) -> None:
    assert [file.path for file in code if "# fmt: " + "skip" in file.text] == []


def test_the_measures_count_as_they_say(tmp_path: Path) -> None:
    path = tmp_path / "some.py"
    path.write_text(
        'def f(known: int) -> int:\n    """Text."""\n    x = known  # why\n    return x\n'
    )
    source = measures.Source(path)
    [function] = source.functions()
    assert (function.tokens, function.documented, source.code_lines) == (15, True, 4)
    assert [binding.name for binding in source.bindings()] == ["known", "x"]
    assert measures.weak_share([source]) == 0.5


def test_one_catch_all_in_the_project() -> None:
    broad = []
    for package in PACKAGES:
        for path in sources(package):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ExceptHandler) and (
                    node.type is None
                    or getattr(node.type, "id", "") in ("Exception", "BaseException")
                ):
                    broad.append(path.relative_to(ROOT).as_posix())
    assert broad == ["harness/run/loop.py"]


def test_nothing_random_but_seeded_and_no_hash() -> None:
    """No global random state, no hash(), no wall clock where prompts and grades are made."""
    wrong = re.compile(
        r"\brandom\.(random|randint|choice|shuffle|seed)\(|(?<![\w.])hash\(|\btime\.time\(|datetime\.now"
    )
    for package in ("tasks", "graders", "generators", "memory"):
        for path in sources(package):
            assert not wrong.search(path.read_text("utf-8")), path


def test_no_test_module_imports_another() -> None:
    """What they share is in `tests/factories/` and in the modules beside it."""
    for path in sources("tests"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests"):
                names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
                wrong = [n for n in names if n.startswith("test_") or n == "conftest"]
                assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


def loaded(code: str) -> set[str]:
    """Which heavy modules are loaded after some code."""
    program = f"import sys\n{code}\nprint(*[m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
        env={**os.environ, "COLUMNS": "80"},
    )
    return set(done.stdout.split("\n")[-2].split())


def test_help_loads_nothing_heavy() -> None:
    code = "from harness.cli import main\ntry: main(['--help'])\nexcept SystemExit: print()"
    assert loaded(code) == set()


def test_grading_loads_nothing_heavy(tmp_path: Path) -> None:
    from generators.rcpsp import generate
    from harness.suites.instances import encode

    instance = generate(5, 0, 0, {}, reference=False)
    (tmp_path / "i.jsonl").write_bytes(encode(instance))
    (tmp_path / "a.jsonl").write_text('{"id": "' + instance.id + '", "text": "no"}\n')
    words = ["grade", f"{tmp_path}/i.jsonl", f"{tmp_path}/a.jsonl"]
    assert loaded(f"from harness.cli import main\nmain({words})") == set()


def test_no_registry_or_machine_is_named() -> None:
    halves = (
        ("pypi", r"\.org"),
        ("python", "hosted"),
        ("npm", "js"),
        ("/wo", "rk/"),
        ("/ro", "ot/"),
        ("/ho", r"me/\w"),
    )
    wrong = re.compile("|".join(a + b for a, b in halves))
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=False
    ).stdout.split()
    for name in listed:
        path = ROOT / name
        if path.is_file():
            text = path.read_bytes().decode("utf-8", "ignore")
            assert not wrong.search(text), name
