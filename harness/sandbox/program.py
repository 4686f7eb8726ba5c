"""Runs one program on its cases, in a fork that is locked already.

All that is random or depends on time is made to stand still: each case meets a module freshly
executed, arguments freshly decoded and generators freshly seeded, so that its result depends on
nothing but the program and the case.
"""

import json
import os
import random
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from types import CodeType, ModuleType, TracebackType
from typing import Any

from harness.sandbox.values import Unfit, allow_numpy, number, plain

OFFERED = (
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
)  # what may be imported, beside what is built in: files cannot be opened
OFFERED_NUMPY = (
    "numpy",
    "numpy.fft",
    "numpy.linalg",
    "numpy.ma",
    "numpy.polynomial",
    "numpy.random",
)  # if asked for
CLOCKS = (
    "asctime",
    "clock_gettime",
    "clock_gettime_ns",
    "ctime",
    "gmtime",
    "localtime",
    "monotonic",
    "monotonic_ns",
    "perf_counter",
    "perf_counter_ns",
    "process_time",
    "process_time_ns",
    "sleep",
    "strftime",
    "thread_time",
    "thread_time_ns",
    "time",
    "time_ns",
)
FILE = "<program>"
LONGEST = 1000  # characters of an error's text that are told
NUMPY: list[Any] = []  # the numpy module, where it is loaded
Send = Callable[[str, Any], None]


class Flood(BaseException):
    """More was printed than may be; no `except Exception` of a program swallows it."""


class Missing(BaseException):
    """The program does not define the function."""


class PrintSink:
    """Where printed text vanishes, up to a limit in characters for the whole run."""

    def __init__(self, most: int) -> None:
        self.left, self.most = most, most

    def write(self, text: str) -> int:
        """Count it."""
        self.left -= len(text)
        if self.left < 0:
            raise Flood(f"more than {self.most} characters printed")
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""


class FailureScope:
    """Names whatever is raised under it, so that one program or case fails and nothing else."""

    kind, detail = "ok", ""
    _NAMES: dict[type, str] = {
        Unfit: "type",
        Flood: "output",
        Missing: "missing",
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
            own = kind in (Unfit, Flood, Missing)
            self.detail = text if own else f"{name}: {text}"
        if line := _line(trace):
            self.detail += f" (line {line})"
        return True


def _line(trace: TracebackType | None) -> int:
    """The innermost line of the program itself; 0 if none was reached."""
    found = 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == FILE:
            found = trace.tb_lineno
        trace = trace.tb_next
    return found


def no_clock(*_: object) -> None:
    """What every clock is replaced by."""
    raise RuntimeError("a program has no clock: its result must not depend on time")


def settle(numpy: bool) -> None:
    """Load what may be imported, close the way to anything else, stop the clocks. Not undone."""
    for name in OFFERED + (OFFERED_NUMPY if numpy else ()):
        import_module(name)
    if numpy:
        NUMPY.append(sys.modules["numpy"])
        allow_numpy(NUMPY[0])
    for name in CLOCKS:
        setattr(time, name, no_clock)
    seed = random.Random.seed

    def seeded(self: random.Random, a: Any = None, version: int = 2) -> None:
        seed(self, 0 if a is None else a, version)

    random.Random.seed = seeded  # type: ignore[method-assign]
    random.seed = random._inst.seed
    sys.path.clear()
    sys.path_importer_cache.clear()
    sys.argv, sys.orig_argv = [], []
    os.environ.clear()


class ProgramTask:
    """A request: a JSON line {"source", "function", "driver"}, and a JSON line for each case."""

    def __init__(self, request: bytes) -> None:
        head, *self.cases = request.split(b"\n")
        asked = json.loads(head)
        self.source, self.function = asked["source"], asked["function"]
        self.driver: dict[str, Any] = {"plain": plain, "number": number}
        exec(compile(asked["driver"], "<driver>", "exec"), self.driver)

    def perform(self, printed: int, send: Send) -> None:
        """Send one (kind, value or detail) a case, in order; one alone if this is no program."""
        sink = PrintSink(printed)
        with FailureScope() as reading:
            code = compile(self.source, FILE, "exec", dont_inherit=True)
        if reading.kind != "ok":
            send("memory" if reading.kind == "memory" else "syntax", reading.detail)
            return
        for case in self.cases:
            sys.stdout = sys.stderr = sink
            reset()
            with FailureScope() as solving:
                value = self.solve(code, json.loads(case))
            send(solving.kind, value if solving.kind == "ok" else solving.detail)
            if solving.kind == "missing":
                return

    def solve(self, code: CodeType, case: Any) -> Any:
        """The driver's answer to one case, as plain JSON."""
        function = load(code).get(self.function)
        if not callable(function):
            raise Missing(f"there is no function {self.function}")
        return plain(self.driver["solve"](function, case))


def load(code: CodeType) -> dict[str, Any]:
    """Execute the program as the module `program`, in a new one; its names."""
    module = sys.modules["program"] = ModuleType("program")
    exec(code, module.__dict__)
    return module.__dict__


def reset() -> None:
    """The same random numbers for every case, whoever asks for them and how."""
    random.seed(0)
    os.urandom = random.Random("entropy").randbytes
    random._urandom = os.urandom  # type: ignore[attr-defined]
    for numpy in NUMPY:
        numpy.random.seed(0)
