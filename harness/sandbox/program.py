"""Runs one program on its cases, in a fork that is locked already.

All that is random or depends on time is held constant: each case gets a module freshly executed,
arguments freshly decoded and generators freshly seeded, so that its result depends on nothing but
the program and the case.
"""

import json
import os
import random
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from types import CodeType, ModuleType, TracebackType
from typing import Any

from harness.sandbox.alone import stand_alone
from harness.sandbox.clock import CLOCK, count_clocks, stop_clocks
from harness.sandbox.packages import load as load_packages
from harness.sandbox.refusals import explain_imports
from harness.sandbox.tame_ortools import tame_ortools
from harness.sandbox.tame_scipy import tame_scipy
from harness.sandbox.values import Unfit, allow_numpy, number, plain

# The modules that may be imported, beside what is built in: files cannot be opened.
IMPORTABLE = (
    "__future__",
    "abc",
    "array",
    "bisect",
    "cmath",
    "collections.abc",
    "contextlib",
    "copy",
    "dataclasses",
    "decimal",
    "enum",
    "fractions",
    "functools",
    "graphlib",
    "heapq",
    "itertools",
    "json",
    "math",
    "numbers",
    "operator",
    "queue",
    "random",
    "re",
    "secrets",
    "statistics",
    "string",
    "struct",
    "sys",
    "textwrap",
    "traceback",
    "types",
    "typing",
    "warnings",
)
# The modules that may be imported too where programs are scripts of their own.
IMPORTABLE_SCRIPTS = (
    "calendar",
    "collections",
    "csv",
    "datetime",
    "io",
    "logging",
    "os",
    "pprint",
    "threading",
    "time",
)
FILE = "<program>"
LONGEST = 1000  # characters of an error's text that a failure quotes
NUMPY: list[Any] = []  # the numpy module, if it is loaded
Send = Callable[[str, Any], None]


class Flood(BaseException):
    """An error of a program that printed too much; its `except Exception` cannot swallow it."""


class NoFunction(BaseException):
    """An error of a program that does not define the function."""


class PrintSink:
    """A file that drops printed text, up to a limit in characters for the whole run."""

    def __init__(self, limit: int) -> None:
        self.remaining, self.limit = limit, limit

    def write(self, text: str) -> int:
        """Count the characters and return their number; `Flood` above the limit."""
        self.remaining -= len(text)
        if self.remaining < 0:
            raise Flood(f"more than {self.limit} characters printed")
        return len(text)

    def flush(self) -> None:
        """Do nothing: no text is buffered."""


class FailureScope:
    """A scope that catches and names whatever is raised in it, so that only one case fails."""

    kind, detail = "ok", ""
    _NAMES: dict[type, str] = {
        Unfit: "type",
        Flood: "output",
        NoFunction: "missing",
        MemoryError: "memory",
        SystemExit: "exit",
    }

    def __enter__(self) -> "FailureScope":
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if kind is None:
            return False
        self.kind = self._NAMES.get(kind, "raised")
        name = self.detail = kind.__name__[:100]
        with suppress(BaseException):  # the text of an error is the program's own code
            text = str.__getitem__(str(error), slice(LONGEST))
            by_harness = kind in (Unfit, Flood, NoFunction)
            self.detail = text if by_harness else f"{name}: {text}"
        if line := _line(trace):
            self.detail += f" (line {line})"
        return True


def _line(trace: TracebackType | None) -> int:
    """Return the innermost line of the program itself; 0 if none was reached."""
    number = 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == FILE:
            number = trace.tb_lineno
        trace = trace.tb_next
    return number


def settle(packages: Sequence[str], scripts: bool) -> None:
    """Load what may be imported, close the way to anything else, settle the clocks; not undone.

    Args:
        packages: that programs may import, those that they need among them.
        scripts: whether programs are scripts of their own (see `Sandbox`).
    """
    for name in IMPORTABLE + (IMPORTABLE_SCRIPTS if scripts else ()):
        import_module(name)
    if packages or scripts:
        stand_alone()
    _load_packages(packages)
    if scripts:
        explain_imports(packages)
        count_clocks()
    else:
        stop_clocks()
    original_seed = random.Random.seed

    def reseed(self: random.Random, a: Any = None, version: int = 2) -> None:
        original_seed(self, 0 if a is None else a, version)

    random.Random.seed = reseed  # type: ignore[method-assign]
    random.seed = random._inst.seed
    sys.path.clear()
    sys.path_importer_cache.clear()
    sys.argv, sys.orig_argv = [], []
    os.environ.clear()


def _load_packages(packages: Sequence[str]) -> None:
    if packages:
        load_packages(packages)
        NUMPY.append(sys.modules["numpy"])
        allow_numpy(NUMPY[0])
    if "scipy" in packages:
        tame_scipy()
    if "ortools" in packages:
        tame_ortools()


class ProgramTask:
    """A request: a JSON line {"source", "function", "driver"}, and a JSON line for each case."""

    def __init__(self, request: bytes) -> None:
        head, *self.cases = request.split(b"\n")
        fields = json.loads(head)
        self.source, self.function = fields["source"], fields["function"]
        self.driver: dict[str, Any] = {"plain": plain, "number": number}
        exec(compile(fields["driver"], "<driver>", "exec"), self.driver)

    def perform(self, print_limit: int, send: Send) -> None:
        """Send one (kind, value or detail) a case, in order; one alone if this is no program.

        Args:
            print_limit: characters that may be printed in all.
            send: takes the kind, and the value or a detail.
        """
        sink = PrintSink(print_limit)
        with FailureScope() as compilation:
            code = compile(self.source, FILE, "exec", dont_inherit=True)
        if compilation.kind != "ok":
            send("memory" if compilation.kind == "memory" else "syntax", compilation.detail)
            return
        for case in self.cases:
            sys.stdout = sys.stderr = sink
            reset()
            with FailureScope() as execution:
                value = self.solve(code, json.loads(case))
            send(execution.kind, value if execution.kind == "ok" else execution.detail)
            if execution.kind == "missing":
                return

    def solve(self, code: CodeType, case: Any) -> Any:
        """Return the driver's answer to one case, as plain JSON; `NoFunction` without one."""
        function = load(code).get(self.function)
        if not callable(function):
            raise NoFunction(f"there is no function {self.function}")
        return plain(self.driver["solve"](function, case))


def load(code: CodeType) -> dict[str, Any]:
    """Execute the program as the module `program`, in a new one, and return its names."""
    module = sys.modules["program"] = ModuleType("program")
    exec(code, module.__dict__)
    return module.__dict__


def reset() -> None:
    """Seed every source of random numbers anew, so that each case gets the same."""
    CLOCK.reset()
    random.seed(0)
    os.urandom = random.Random("entropy").randbytes
    random._urandom = os.urandom  # type: ignore[attr-defined]
    for numpy in NUMPY:
        numpy.random.seed(0)
