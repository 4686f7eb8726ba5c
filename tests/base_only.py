"""The command line in a process that has the base only: no package of any extra can be imported."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import packages_distributions, requires

from packaging.requirements import Requirement

from tests.layout import ROOT

PROGRAM = """
import io, json, sys
from contextlib import redirect_stderr, redirect_stdout

absent, lines = json.loads(sys.stdin.read())
sys.modules |= dict.fromkeys(absent)

from harness.cli import main


def end(words):
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = main(words)
        except SystemExit as stop:
            status = stop.code or 0
    return status, *(stream.buffer.getvalue().decode() for stream in (out, err))


print(json.dumps([end(words) for words in lines]))
"""


@dataclass(frozen=True)
class End:
    """How a command ended."""

    status: int
    out: str
    err: str


def project() -> dict[str, list[str]]:
    """What the base needs (under "base"), and what each extra needs."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return {"base": table["dependencies"], **table["optional-dependencies"]}


def canonical(name: str) -> str:
    """A distribution's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def base_distributions() -> set[str]:
    """The distributions of an environment with the base only, makespan itself among them."""
    found, waiting = {"makespan"}, list(project()["base"])
    while waiting:
        requirement = Requirement(waiting.pop())
        needed = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        name = canonical(requirement.name)
        if needed and name not in found:
            found.add(name)
            waiting += requires(name) or []
    return found


def absent_packages() -> list[str]:
    """The packages that are installed here and are none of the base."""
    base = base_distributions()
    return sorted(
        package
        for package, owners in packages_distributions().items()
        if not {canonical(owner) for owner in owners} & base
        and package not in sys.stdlib_module_names
    )


def play(commands: Sequence[Sequence[object]]) -> list[End]:
    """Run commands one after another in one process with the base only."""
    lines = [list(map(str, words)) for words in commands]
    return [End(*end) for end in json.loads(python(PROGRAM, [absent_packages(), lines]))]


def python(program: str, value: object) -> str:
    """Run a program in a new process, a value as JSON on its standard input; return its output."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(value),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
