"""Every option that a command declares is read by it."""

import argparse
import json
import signal
from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.cli import command_of
from harness.cli.arguments import OneLineParser
from harness.cli.parser import build_parser
from tasks.base import Failure, InputError
from tests.factories.pipelines import TUNE

pytestmark = pytest.mark.heavy

UNSAID = {"help", "version"}  # argparse does these itself
NAMES = {"command", "action", "act"}  # of the command, not of what it does


NOBODY = ("--model", "openai/m", "--base-url", "http://127.0.0.1:9/v1", "--max-attempts", 1)


class Reading(Namespace):
    """Options that remember which of them were read."""

    def __init__(self) -> None:
        self.__dict__["_read"] = set()

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("_"):
            object.__getattribute__(self, "__dict__")["_read"].add(name)
        return super().__getattribute__(name)


def leaves(parser: OneLineParser, words: tuple[str, ...] = ()) -> Iterator[Any]:
    """Yield the words of each command with the names of its options."""
    parser.complete()
    inner = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not inner:
        shown = [a for a in parser._actions if a.default != argparse.SUPPRESS]
        yield words, {action.dest for action in shown} - UNSAID - NAMES
    for action in inner:
        for name, each in action.choices.items():
            yield from leaves(each, (*words, name))


DECLARED = dict(leaves(build_parser()))


def perform(read: set[str], *words: object) -> None:
    """Run a command in this process, and note the options that it reads."""
    options = Reading()
    build_parser().parse_args([str(word) for word in words], namespace=options)
    command = command_of(options)
    options.__dict__["_read"].clear()
    try:
        command(options)
    finally:
        read |= options.__dict__["_read"]


@contextmanager
def interrupted() -> Iterator[None]:
    """Ctrl-C after a moment."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


Go = Callable[..., None]


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], set[str]]:
    """What each command reads when it is used, one way or another."""
    root = tmp_path_factory.mktemp("options")
    reads: dict[tuple[str, ...], set[str]] = defaultdict(set)

    def go(*words: object) -> None:
        [leaf] = [leaf for leaf in DECLARED if tuple(map(str, words))[: len(leaf)] == leaf]
        perform(reads[leaf], *words)

    use_instances(go, root)
    use_runs(go, root)
    use_searches(go, root)
    return reads


def use_instances(go: Go, root: Path) -> None:
    file, tools = root / "i.jsonl", root / "tools.jsonl"
    go("list", "rcpsp", "--json")
    go("generate", "rcpsp", "--level", 4, "--count", 6, "-T", "axes=none", "--out", file)
    go("generate", "tools", "--level", 2, "--out", tools)
    go("export", file, "--format", "psplib", "--out", root / "sm")
    go("import", "psplib", *sorted((root / "sm").glob("*.sm")), "--out", root / "back.jsonl")
    go("solve", file, "--time-limit", 9, "--out", root / "solved.jsonl")
    made = json.loads(file.read_text().splitlines()[0])["id"]
    (root / "answers.jsonl").write_text(json.dumps({"id": made, "text": "no"}) + "\n")
    go("grade", file, root / "answers.jsonl", "--out", root / "graded.jsonl")
    go("mcp", "serve", tools)
    go("schema", "instance", "--family", "rcpsp")
    go("prompt", file)


def use_runs(go: Go, root: Path) -> None:
    file, tools, run = root / "i.jsonl", root / "tools.jsonl", root / "run"
    policies = ("--model", "policy/serial", "--model", "policy/sgs-lft")
    go("run", file, *policies, "--out", run, "--limit", 1)
    go("run", "rcpsp", "--level", 4, "--limit", 1, *policies, "--out", root / "other")
    with pytest.raises(InputError, match=r"n20\.jsonl"):
        go("run", "tardiness-paper", "--model", "policy/edf", "--data", root)
    for command in ("resume", "regrade", "board", "audit", "show"):
        go(command, run)
    go("runs", root)
    go("merge", run, "--out", root / "merged")
    go("watch", run, "--once")
    stop = ("--fail-on-error", 0, "--max-connections", 1)
    with pytest.raises(Failure, match="no server"):
        go("run", file, *NOBODY, *stop, "--out", root / "errors")
    with interrupted():
        go("watch", root / "errors", "--every", 0.01)
    go("compare", run, *policies)
    go("show", run, json.loads(file.read_text().splitlines()[0])["id"], *policies[:2])
    go("publish", run, "--repo", "a/b", "--dry-run")
    go("publish", run, "--out", root / "published", "--license", "mit")
    go("report", run, "--html", root / "page.html")
    use_records(go, root)
    go("run", tools, "--model", "policy/optimal", "--out", root / "tooled")
    go("timeline", root / "tooled", "--id", json.loads(tools.read_text())["id"])


def use_records(go: Go, root: Path) -> None:
    suite, run = root / "tiny.toml", root / "committed"
    suite.write_text('name = "tiny"\n[[entry]]\nfamily = "tardiness"\nlevel = 3\ncount = 1\n')
    go("commit", suite, "--out", root / "secret.json")
    secret = ("--commitment", root / "secret.json")
    go("run", suite, *secret, "--model", "policy/edd", "--out", run)
    go("reveal", root / "secret.json", run)
    go("verify", run)
    go("submit", run, "--out", root / "sent.zip")
    go("verify", root / "sent.zip", "--into", root / "received")


def use_searches(go: Go, root: Path) -> None:
    search, small = root / "search", ("tardiness-priority", "--calls", 1, "--limit", 4)
    go("evolve", "run", *small, "--model", "policy/mutate", "--out", search)
    go("resume", search)
    go("evolve", "show", search)
    go("evolve", "export", search, "--out", root / "best.py")
    domain = ("--domain", "tardiness-priority", "--limit", 4)
    go("evolve", "score", root / "best.py", *domain, "--split", "validation")
    with pytest.raises(Failure, match="no server"):
        go("evolve", "run", *small, *NOBODY, "--out", root / "lost")
    with pytest.raises(InputError, match="all of one arm"):
        go("evolve", "compare", search)
    (root / "plan.toml").write_text(TUNE.format(url=NOBODY[3]))
    with pytest.raises(Failure, match="no server"):
        go("tune", root / "plan.toml", "--max-attempts", 1, "--out", root / "tuned")
    contexts = ("contexts", "--level", 1, "--limit", 2)
    with pytest.raises(Failure, match="no server"):
        go("curve", *contexts, *NOBODY, "--out", root / "curve")


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """Nothing to read on standard input, a key, and signals as they were."""
    before = signal.getsignal(signal.SIGINT)
    with pytest.MonkeyPatch.context() as patch, Path("/dev/null").open() as nothing:
        patch.setattr("sys.stdin", nothing)
        patch.setenv("OPENAI_API_KEY", "none")
        yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("words", DECLARED, ids=" ".join)
def test_every_option_is_read(
    words: tuple[str, ...], used: dict[tuple[str, ...], set[str]]
) -> None:
    unread = DECLARED[words] - used[words]
    if words in (("evolve", "compare"), ("curve",)):  # which printed nothing here
        unread -= {"json", "columns", "wide"}
    assert unread == set()


@pytest.mark.parametrize("command", [["run", "mini"], ["resume", "x"], ["audit", "x"]])
@pytest.mark.parametrize("option", ["tokens", "cost", "time", "episode-tokens"])
def test_a_budget_by_its_old_name_is_told_the_new_one(
    command: list[str], option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        build_parser().parse_args([*command, f"--max-{option}", "5"])
    assert end.value.code == 2
    line = capsys.readouterr().err
    assert f"--max-{option} is called --budget-{option} now" in line
    assert ("--max-output-tokens" in line) == ("tokens" in option)
    assert line.count("\n") == 1
