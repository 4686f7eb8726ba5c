"""With the base only everything works but what names its extra, and every extra is declared."""

import ast
import json
import pickle
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from harness.cli.parser import build_parser
from harness.models.base import Sampling
from harness.models.build import Server, build_model
from tasks.extras import MissingExtra, extra, require
from tests.base_only import absent_packages, base_distributions, play, project, python
from tests.layout import PACKAGES, ROOT, sources
from tests.optional import needs

FAMILIES = {"rcpsp": 5, "tardiness": 5, "calendar": 4, "tools": 4}
HELPERS = ("extra", "require", "MissingExtra.of")
OF_AN_EXTRA = {  # modules that are imported only where an extra is
    "harness.mcp.client": "mcp",
    "harness.mcp.outside": "mcp",
    "harness.mcp.server": "mcp",
    "harness.mcp.serving": "mcp",
    "harness.schemas.models": "schemas",
}
EVERYTHING = """
import json, sys
from importlib import import_module
absent, modules = json.loads(sys.stdin.read())
sys.modules |= dict.fromkeys(absent)
refused = {}
for name in modules:
    try:
        import_module(name)
    except ModuleNotFoundError as error:
        refused[name] = error.name
print(json.dumps(refused))
"""
SEARCH = ("--model", "policy/mutate", "--calls", 2, "--limit", 1)
IN_ARENAS = (  # loaded by the packages that they are for
    "inspect_tasks.py",
    "nemo_server.py",
    "openenv_app.py",
    "reasoning_gym_sets.py",
    "verifiers_env.py",
    "verifiers_v1.py",
)
NUMPY = "import numpy\n\n\ndef priority(p, d, t, P, n):\n    return float(numpy.abs(d))\n"


@pytest.mark.heavy
def test_the_base_is_small() -> None:
    assert base_distributions() - {"colorama"} == {
        "jinja2",
        "makespan",
        "markdown-it-py",
        "markupsafe",
        "mdurl",
        "msgspec",
        "pygments",
        "rich",
    }
    assert {"numpy", "ortools", "openai", "aiohttp", "mcp", "pyarrow"} <= set(absent_packages())


@pytest.mark.heavy
@pytest.mark.skipif(not (ROOT / "tasks").is_dir(), reason="needs the sources of a checkout")
def test_every_module_loads_but_those_of_an_extra() -> None:
    modules = [
        path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
        for package in (*PACKAGES, "makespan")
        for path in sources(package)
        if path.name not in ("__main__.py", *IN_ARENAS)
    ]
    refused = json.loads(python(EVERYTHING, [absent_packages(), modules]))
    assert set(refused) == set(OF_AN_EXTRA)
    assert len(modules) > 200


# What works ----------------------------------------------------------------------------------


def words(name: str, level: int) -> tuple[object, ...]:
    return ("generate", name, "--level", level, "--no-reference")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with instances of each family, made with the base only."""
    place = tmp_path_factory.mktemp("base")
    ends = play(
        [
            (*words(name, level), "--count", 3, "--out", place / f"{name}.jsonl")
            for name, level in FAMILIES.items()
        ]
    )
    assert [(end.status, end.out) for end in ends] == [(0, "")] * len(FAMILIES), ends
    return place


def runs(folder: Path) -> Iterator[tuple[object, ...]]:
    for name in FAMILIES:
        policy = {"rcpsp": "edf", "tardiness": "exact", "calendar": "count"}.get(name, "all-ready")
        model = ("--model", f"policy/{policy}")
        yield ("run", folder / f"{name}.jsonl", *model, "--out", folder / name)


@pytest.mark.heavy
def test_the_base_generates_plays_grades_and_reads(folder: Path) -> None:
    """Of all families, from instances to boards and pages."""
    commands: list[Sequence[object]] = [
        ("list",),
        *runs(folder),
        ("solve", folder / "tardiness.jsonl", "--out", folder / "solved.jsonl"),
        (
            "grade",
            folder / "tardiness.jsonl",
            folder / "solved.jsonl",
            "--references",
            folder / "solved.jsonl",
        ),
        ("run", "tardiness", "--limit", 10, "--out", folder / "ramp"),
        ("run", "tools", "--level", 2, "--limit", 2, "--out", folder / "references"),
        *(("board", folder / name) for name in (*FAMILIES, "ramp")),
        *((name, folder / "rcpsp") for name in ("resume", "regrade")),
        ("watch", folder / "rcpsp", "--once"),
        ("report", folder / "rcpsp", "--html", folder / "page.html"),
        ("board", folder / "ramp", "--csv", folder / "b.csv", "--svg", folder / "b.svg"),
        ("export", folder / "ramp", "--format", "csv", "--out", folder / "flat.csv"),
        ("evolve", "run", "tardiness-priority", *SEARCH, "--out", folder / "search"),
    ]
    for line, end in zip(commands, play(commands), strict=True):
        assert end.status == 0, (line, end)
        assert "needs the package" not in end.out + end.err, line
    assert (folder / "page.html").stat().st_size > 10_000


@pytest.mark.heavy
def test_help_of_every_command_needs_no_extra() -> None:
    actions = build_parser()._subparsers
    assert actions is not None
    [commands] = actions._group_actions
    names = list(dict(commands.choices or {}))
    assert len(names) > 15
    ends = play([("--help",), *((name, "--help") for name in names)])
    assert {end.status for end in ends} == {0}


# What needs an extra -------------------------------------------------------------------------


def refused(folder: Path) -> list[tuple[str, str, Sequence[object]]]:
    """(extra, package, command) of what does not work with the base only."""
    file, count = folder / "rcpsp.jsonl", iter(range(100))

    def out() -> tuple[object, ...]:
        return ("--out", folder / f"never-{next(count)}")

    def asked(model: str) -> tuple[object, ...]:
        return ("run", file, "--model", model, "--base-url", "http://127.0.0.1:1/v1", *out())

    tools = ("tools", "--level", 2, "--limit", 1, "--model", "policy/all-ready")
    return [
        ("solvers", "ortools", ("run", "quickstart", *out())),
        ("solvers", "ortools", ("generate", "rcpsp", "--level", 5, *out())),
        ("solvers", "ortools", ("run", file, "--model", "policy/exact", *out())),
        ("openai", "openai", asked("openai/m")),
        ("openai", "openai", asked("openai-responses/m")),
        ("anthropic", "anthropic", asked("anthropic/m")),
        ("litellm", "litellm", asked("litellm/m")),
        ("stats", "numpy", ("audit", folder / "calendar.jsonl")),
        (
            "stats",
            "numpy",
            ("compare", folder / "ramp", "--model", "policy/atc", "--model", "policy/spt"),
        ),
        ("stats", "numpy", ("run", folder / "tardiness.jsonl", *program(folder), *out())),
        ("mcp", "anyio", ("run", *tools, "-T", "transport=http", *out())),
        ("mcp", "anyio", ("mcp", "serve", folder / "one.jsonl")),
        ("ray", "ray", ("generate", "tardiness", "--level", 5, "--engine", "ray", *out())),
        ("ics", "icalendar", ("export", folder / "calendar.jsonl", "--format", "ics", *out())),
        ("hf", "pyarrow", ("export", folder / "ramp", "--format", "parquet", *out())),
        ("hf", "huggingface_hub", ("publish", folder / "ramp", "--repo", "o/n", "--dry-run")),
    ]


def program(folder: Path) -> tuple[str, str]:
    """The option that lets a program which imports numpy answer."""
    path = folder / "program.py"
    path.write_text(NUMPY)
    return ("--model", f"policy/file:{path}")


@pytest.mark.heavy
def test_what_needs_an_extra_says_which_before_anything_is_asked(folder: Path) -> None:
    ramp = ("run", "tardiness", "--limit", 5, "--out", folder / "ramp")
    one = ("generate", "tools", "--level", 2, "--out", folder / "one.jsonl")
    rows = refused(folder)
    ends = play([ramp, one, *(line for *_, line in rows)])
    for (name, package, line), end in zip(rows, ends[2:], strict=True):
        assert end.status == 2, (line, end)
        last = end.err.splitlines()[-1]
        assert last.startswith(f"makespan {line[0]}: "), end
        assert last.endswith(
            f" needs the package {package}: pip install 'makespan[{name}]'"
            f" (in a clone: pip install -e '.[{name}]')"
        ), last
        assert "Traceback" not in end.err


@pytest.mark.heavy
def test_a_run_whose_board_needs_numpy_is_done_all_the_same(folder: Path) -> None:
    """A ramp's level at which half succeed is a fit: no board is better than one without it."""
    file, out = folder / "levels.jsonl", folder / "levels"
    made = [folder / f"level-{level}.jsonl" for level in (4, 8)]
    for level, path in zip((4, 8), made, strict=True):
        assert play([(*words("rcpsp", level), "--count", 6, "--out", path)])[0].status == 0
    file.write_bytes(b"".join(path.read_bytes() for path in made))
    run, board = play([("run", file, "--model", "policy/edf", "--out", out), ("board", out)])
    assert (run.status, run.out) == (0, "")
    needs = "the level at which half succeed needs the package numpy: pip install 'makespan[stats]'"
    assert f"no board: {needs}" in run.err
    assert f"then makespan board {out}" in run.err
    assert (board.status, board.out) == (2, "")
    assert board.err.startswith(f"makespan board: {needs}")


@needs("openai", "aiohttp")
def test_an_sdk_without_what_it_needs_for_aiohttp_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import openai

    class Refusing(openai.DefaultAioHttpClient):
        def __init__(self, **_: object) -> None:
            raise RuntimeError("To use the aiohttp client you must have installed the extra")

        def __del__(self) -> None:
            """Close nothing: it was never open."""

    monkeypatch.setattr(openai, "DefaultAioHttpClient", Refusing)
    with pytest.raises(MissingExtra, match=r"needs the package httpx_aiohttp: .*makespan\[openai"):
        build_model("openai/m", Sampling(), Server("http://127.0.0.1:1/v1"))


# The helper ----------------------------------------------------------------------------------


def test_a_package_that_is_there_but_broken_is_not_called_missing() -> None:
    with pytest.raises(ImportError, match="no libfoo") as caught, extra("solvers", "it"):
        raise ImportError("no libfoo")
    assert not isinstance(caught.value, MissingExtra)


def test_what_is_missing_in_a_worker_is_told_by_its_parent() -> None:
    error = MissingExtra.of("stats", "it", "numpy")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy)) == (MissingExtra, str(error))


def test_what_is_required_is_looked_for_and_not_loaded() -> None:
    require("stats", "it", "json")
    with pytest.raises(MissingExtra, match=r"^it needs the package nowhere: pip install 'makespan"):
        require("stats", "it", "nowhere")


@pytest.mark.heavy
@pytest.mark.skipif(not (ROOT / "tasks").is_dir(), reason="needs the sources of a checkout")
def test_every_extra_that_is_named_is_declared() -> None:
    named = {
        name
        for package in (*PACKAGES, "makespan")
        for path in sources(package)
        for name in names_of_extras(path.read_text("utf-8"))
    }
    assert named <= set(project())
    assert {"solvers", "stats", "anthropic", "openai", "mcp", "hf", "ray", "ics"} <= named


def names_of_extras(text: str) -> Iterator[str]:
    """The extras that a module names in a call of the helper."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in HELPERS and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant):
                yield str(first.value)


def test_the_extras_of_the_documents_are_declared() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    texts = [page.read_text("utf-8") for page in pages if page.exists()]
    named = {
        name
        for text in texts
        for words in re.findall(r"(?:makespan|-e '?\.)\[([a-z,]+)\]", text)
        for name in words.split(",")
    }
    assert named <= set(project())


def test_all_and_run_are_made_of_the_other_extras() -> None:
    table = project()
    single = set(table) - {"base", "all", "dev", "run", "solvers"}
    [everything] = table["all"]
    names = set(everything.removeprefix("makespan[").removesuffix("]").split(","))
    assert names == (single - {"openai", "stats"}) | {"run"}
    assert table["run"] == ["makespan[openai,solvers,stats]"]
