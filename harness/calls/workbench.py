"""Runs the programs of a run's episodes in the sandbox, a few at a time."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import msgspec

from harness.sandbox.base import CaseResult, Limits
from harness.sandbox.sandbox import Sandbox
from tasks.means import ProgramLimits, Ran, Run

AT_ONCE = 2  # programs run on this machine where nothing is said
PRINTED = 20_000  # characters of what a program printed that are kept, both ends of it
DRIVER = "def solve(function, case): return plain(function(case))"
# Runs beside the program, in the sandbox: all that the program can do to it is to give an answer of
# its own, which is what programs are for.
AROUND = """
import sys

class Printed:
    def __init__(self, sink):
        self.sink, self.parts = sink, []
    def write(self, text):
        self.sink.write(text)
        self.parts.append(text)
        return len(text)
    def flush(self):
        pass

def run(problem):
    printed = sys.stdout = Printed(sys.stdout)
    names = {"__name__": "__main__", "PROBLEM": problem}
    exec(compile(SOURCE, "<program>", "exec", dont_inherit=True), names)
    solve = names.get("solve")
    answer = solve(problem) if callable(solve) else None
    text = "".join(printed.parts)
    if len(text) > 2 * HALF:
        text = text[:HALF] + "\\n[...]\\n" + text[-HALF:]
    return [answer, text]
"""


class Workbench:
    """The sandbox of a run; it must be closed.

    Attributes:
        limits: what its programs may use, as the run's agent says it.
    """

    def __init__(
        self, limits: ProgramLimits, *, at_once: int = AT_ONCE, unsafe: bool = False
    ) -> None:
        """Open the sandbox.

        Args:
            limits: of every program.
            at_once: how many programs may run at once.
            unsafe: whether programs run even where they are not isolated.

        Raises:
            MissingExtra: a package is not installed.
            SandboxFailure: programs would not be isolated, or the sandbox does not start.
        """
        self.limits = limits
        self._sandbox = Sandbox(
            workers=at_once, packages=limits.packages, scripts=True, unsafe=unsafe
        )
        self._pool = ThreadPoolExecutor(at_once)

    async def run(self, effect: Run) -> Ran:
        """Return what comes of a program.

        Raises:
            SandboxFailure: the servers of the sandbox die again and again.
        """
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._run, effect)

    def _run(self, effect: Run) -> Ran:
        limits = Limits(seconds=effect.limits.seconds, memory_mb=effect.limits.memory_mb)
        source = f"SOURCE, HALF = {effect.source!r}, {PRINTED // 2}\n{AROUND}"
        run = self._sandbox.run(source, "run", DRIVER, [effect.problem], limits)
        return ran(run.results[0], round(run.seconds, 6))

    def close(self) -> None:
        """Wait for the programs that run, and end the sandbox."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._sandbox.close()


def ran(result: CaseResult, seconds: float) -> Ran:
    """Return what came of a program from the result of its case; what it claims is not trusted."""
    if result.kind != "ok":
        return Ran(result.kind, result.detail, seconds=seconds)
    match result.value:
        case [answer, str(printed)]:
            text = None if answer is None else msgspec.json.encode(answer).decode()
            return Ran("ok", answer=text, printed=printed, seconds=seconds)
    return Ran("channel", "it wrote on the result channel what is no result", seconds=seconds)
