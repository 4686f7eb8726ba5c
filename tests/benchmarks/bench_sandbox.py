"""What a program costs in the sandbox, beside a bare new Python, in one run.

A trivial program on one case. Median wall times, taken in turn so that a busy machine slows both;
`two workers` counts programs run from two threads while one new Python after another would start.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from time import perf_counter

from harness.sandbox.base import Limits
from harness.sandbox.sandbox import Sandbox
from tests.benchmarks.limits import Limit

ROUNDS, BATCH = 20, 20
PROGRAM = "def schedule(p, d):\n    return sorted(range(len(p)), key=lambda j: d[j])\n"
DRIVER = "def solve(f, case): return f(*case)\n"
CASES = [[[3, 1, 2], [1, 2, 3]]]


def bare() -> float:
    """Seconds of a new Python that does nothing."""
    began = perf_counter()
    subprocess.run([sys.executable, "-I", "-S", "-c", "pass"], check=True)
    return perf_counter() - began


def one(sandbox: Sandbox) -> float:
    """Seconds of a program in the sandbox."""
    began = perf_counter()
    found = sandbox.run(PROGRAM, "schedule", DRIVER, CASES, Limits())
    assert found.solutions == [[0, 1, 2]]
    return perf_counter() - began


def singly(numpy: bool) -> tuple[float, float]:
    """Median seconds of (a program, a new Python)."""
    programs, pythons = [], []
    with Sandbox(packages=("numpy",) if numpy else ()) as sandbox:
        for _ in range(ROUNDS):
            programs += [one(sandbox) for _ in range(BATCH)]
            pythons += [bare() for _ in range(BATCH // 4)]
    return median(programs), median(pythons)


def together() -> tuple[float, float]:
    """(Programs a second with two workers, seconds of a new Python), medians of rounds."""
    rates, pythons = [], []
    with Sandbox(workers=2) as sandbox, ThreadPoolExecutor(2) as pool:
        for _ in range(ROUNDS):
            began = perf_counter()
            list(pool.map(one, [sandbox] * 2 * BATCH))
            rates.append(2 * BATCH / (perf_counter() - began))
            pythons += [bare() for _ in range(BATCH // 4)]
    return median(rates), median(pythons)


def main() -> list[Limit]:
    """Measure."""
    limits = []
    for numpy, most in ((False, 0.5), (True, 0.75)):
        program, python = singly(numpy)
        what = "with numpy loaded" if numpy else "plain"
        print(f"sandbox, {what}: {1e3 * program:.2f} ms; new Python: {1e3 * python:.2f} ms")
        limits.append(
            Limit(f"sandbox, {what}: a program over a new Python", program / python, most)
        )
    rate, python = together()
    print(f"sandbox, two workers: {rate:.0f} programs/s; new Python: {1e3 * python:.2f} ms")
    what = "sandbox, two workers: programs in the time of a new Python"
    return [*limits, Limit(what, rate * python, 2, least=True)]
