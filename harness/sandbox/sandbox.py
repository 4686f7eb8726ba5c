"""Programs in, results out: a few fork servers behind one call."""

import json
import os
from collections.abc import Sequence
from queue import SimpleQueue
from types import TracebackType
from typing import Any

import msgspec

from harness.sandbox.base import Layer, Limits, ProgramRun, SandboxFailure
from harness.sandbox.packages import PACKAGES, closure
from harness.sandbox.reading import read
from harness.sandbox.worker import ForkExit, ServerDied, Worker
from tasks.extras import require

TRIES = 3  # fork servers that may die under one program


class Sandbox:
    """Runs programs that nobody trusts, several at a time; safe to call from any thread.

    Attributes:
        layers: the walls, each tried out on this machine.
        packages: that programs may import, those that they need among them.
        restarts: how many fork servers died and were replaced.
    """

    def __init__(
        self,
        *,
        workers: int = 1,
        packages: Sequence[str] = (),
        scripts: bool = False,
        unsafe: bool = False,
    ) -> None:
        """Start the fork servers and try out the walls.

        Args:
            workers: how many programs may run at once.
            packages: that programs may import, some of `packages.PACKAGES`; those that they need
                come with them.
            scripts: whether programs are scripts of their own, as models write them to solve a
                problem, and not functions that are searched for: they have a clock that counts its
                readings in place of one that raises, and more of the standard library.
            unsafe: whether to run programs even if a needed layer is missing.

        Raises:
            SandboxFailure: if a needed layer is missing, or a server does not start.
            MissingExtra: if a package is not installed.
            ValueError: if there are no workers, or no such package.
        """
        if workers < 1:
            raise ValueError(f"a sandbox with {workers} workers, must be at least 1")
        if not hasattr(os, "fork"):
            raise SandboxFailure("this system has no fork: use Linux")
        self.packages, self.restarts = closure(packages), 0
        for name in self.packages:
            require(PACKAGES[name].extra, f"a program that imports {name}", name)
        self._scripts = scripts
        self._idle: SimpleQueue[Worker] = SimpleQueue()
        self._workers = 0
        self.layers: tuple[Layer, ...] = ()
        try:
            while self._workers < workers:
                worker = self._start()
                self._idle.put(worker)
                self._workers += 1
                self.layers = worker.layers
                if not unsafe:
                    self._check_layers()
        except SandboxFailure:
            self.close()
            raise

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the fork servers, each when it is idle."""
        while self._workers:
            self._idle.get().close()
            self._workers -= 1

    def run(
        self, source: str, function: str, driver: str, cases: Sequence[Any], limits: Limits
    ) -> ProgramRun:
        """Run a program on cases, in order, in one process.

        Args:
            source: the program, Python text.
            function: the name of the function that it must define.
            driver: our own code that defines `solve(function, case)`, whose value is the case's.
            cases: plain JSON values; the program can read them, so nothing secret is in them.
            limits: what all cases together may use.

        Returns:
            One result for each case; what the program does wrong is in them.

        Raises:
            SandboxFailure: if the sandbox is closed, or its servers die again and again.
        """
        head = json.dumps({"source": source, "function": function, "driver": driver}).encode()
        request = b"\n".join([head, *map(msgspec.json.encode, cases)])
        fork = self._run_fork(request, limits)
        return read(fork, len(cases), limits.seconds, native=self._scripts)

    def _start(self) -> Worker:
        return Worker(self.packages, self._scripts)

    def _run_fork(self, request: bytes, limits: Limits) -> ForkExit:
        if not self._workers:
            raise SandboxFailure("the sandbox is closed")
        worker, healthy = self._idle.get(), False
        try:
            for _ in range(TRIES):
                try:
                    fork = worker.run(request, limits)
                    healthy = True
                    return fork
                except ServerDied:
                    worker.close()
                    self.restarts += 1
                    worker = self._start()
            raise SandboxFailure(f"{TRIES} servers of the sandbox died under one program")
        finally:
            if not healthy:
                worker.close()
            self._idle.put(worker)

    def _check_layers(self) -> None:
        missing_layers = [layer for layer in self.layers if layer.needed and not layer.present]
        if missing_layers:
            reasons = "; ".join(map(str, missing_layers))
            raise SandboxFailure(
                f"programs would not be isolated ({reasons}): use a Linux"
                " with Landlock and seccomp (5.13 or later), or take the risk with `unsafe`"
            )
