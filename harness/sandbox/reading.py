"""Makes results of what a fork wrote and of how it ended, and trusts neither.

A program can write on the result channel what it likes. All that this can get it is a solution of
its own, which a grader judges like any other, or a failure.
"""

import signal
from typing import cast

import msgspec

from harness.sandbox.base import CaseResult, Kind, ProgramRun
from harness.sandbox.server import NO_MEMORY
from harness.sandbox.worker import ForkExit

# The kinds that a fork reports itself.
CHANNEL_KINDS = ("ok", "syntax", "missing", "raised", "type", "memory", "output", "exit")
NATIVE = ": native code ends so when it is refused a thread or memory"
LONGEST = 300  # characters of a detail


def read(fork: ForkExit, count: int, seconds: float, native: bool = False) -> ProgramRun:
    """Read the results of a run out of the bytes of its fork.

    Args:
        fork: what the fork wrote, and how it ended.
        count: how many cases there were.
        seconds: the limit of CPU time, which the text of a failure names.
        native: whether it had packages with native code, of whose deaths a failure then says more.

    Returns:
        One result for each case.
    """
    lines = fork.output.split(b"\n")[:-1]  # the last one has no end
    if len(lines) > count:
        return _repeat("channel", f"{len(lines)} results for {count} cases", count, fork)
    try:
        results = [_result(line) for line in lines]
    except ValueError:
        return _repeat("channel", "bytes that are no result", count, fork)
    if results and results[-1].kind in ("syntax", "missing"):
        remainder = results[-1]
    else:
        remainder = _stop_reason(fork, seconds, native)
    results += [remainder] * (count - len(results))
    return ProgramRun(tuple(results), fork.seconds)


def _result(line: bytes) -> CaseResult:
    """Return the result in one line of the channel; ValueError if there is none."""
    try:
        kind, value = msgspec.json.decode(line, type=tuple[str, msgspec.Raw])
        if kind not in CHANNEL_KINDS:
            raise ValueError(kind)
        if kind == "ok":
            return CaseResult(value=msgspec.json.decode(value))
        return CaseResult(cast(Kind, kind), detail=one_line(msgspec.json.decode(value, type=str)))
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError("no result") from error


def one_line(text: str) -> str:
    """Return foreign text for a message: printable, on one line, at most 300 characters."""
    words = " ".join(text[: 4 * LONGEST].split())
    line = "".join(c if c.isprintable() else "?" for c in words)
    return line if len(line) <= LONGEST else line[: LONGEST - 3] + "..."


def _repeat(kind: Kind, detail: str, count: int, fork: ForkExit) -> ProgramRun:
    return ProgramRun((CaseResult(kind, detail=detail),) * count, fork.seconds)


def _stop_reason(fork: ForkExit, seconds: float, native: bool) -> CaseResult:
    """Return why a fork stopped before its last case, by what the kernel says."""
    status = fork.status
    if fork.flooded:
        return CaseResult("output", detail="more returned than allowed")
    if fork.seconds >= seconds and (fork.late or status < 0):
        return CaseResult("time", detail=f"not done after {seconds:g} CPU seconds")
    if fork.late:
        return CaseResult("time", detail="not done and standing still")
    if status == NO_MEMORY:
        return CaseResult("memory", detail="MemoryError")
    if status < 0:
        detail = f"died of signal {-status} ({signal.strsignal(-status)})"
        return CaseResult("killed", detail=detail + NATIVE * native)
    return CaseResult("exit", detail=f"left with status {status} before it was through")
