"""Makes results of what a fork wrote and of how it ended, believing neither.

A program can write on the result channel what it likes. All that this can get it is a solution of
its own, which a grader judges like any other, or a failure.
"""

import signal
from typing import cast

import msgspec

from harness.sandbox.base import CaseResult, Kind, ProgramRun
from harness.sandbox.server import NO_MEMORY
from harness.sandbox.worker import Ended

TOLD = ("ok", "syntax", "missing", "raised", "type", "memory", "output", "exit")  # by the fork
LONGEST = 300  # characters of a detail


def read(ended: Ended, count: int, seconds: float) -> ProgramRun:
    """One result for each of `count` cases; `seconds` is the limit, for the text."""
    lines = ended.output.split(b"\n")[:-1]  # the last one has no end
    if len(lines) > count:
        return _all("channel", f"{len(lines)} results for {count} cases", count, ended)
    try:
        results = [_result(line) for line in lines]
    except ValueError:
        return _all("channel", "bytes that are no result", count, ended)
    if results and results[-1].kind in ("syntax", "missing"):
        rest = results[-1]
    else:
        rest = _ending(ended, seconds)
    results += [rest] * (count - len(results))
    return ProgramRun(tuple(results), ended.seconds)


def _result(line: bytes) -> CaseResult:
    """One line of the channel; ValueError if it is none."""
    try:
        kind, value = msgspec.json.decode(line, type=tuple[str, msgspec.Raw])
        if kind not in TOLD:
            raise ValueError(kind)
        if kind == "ok":
            return CaseResult(value=msgspec.json.decode(value))
        return CaseResult(cast(Kind, kind), detail=one_line(msgspec.json.decode(value, type=str)))
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError("no result") from error


def one_line(text: str) -> str:
    """Foreign text for a message: printable, on one line, not long."""
    words = " ".join(text[: 4 * LONGEST].split())
    shown = "".join(c if c.isprintable() else "?" for c in words)
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 3] + "..."


def _all(kind: Kind, detail: str, count: int, ended: Ended) -> ProgramRun:
    return ProgramRun((CaseResult(kind, detail=detail),) * count, ended.seconds)


def _ending(ended: Ended, seconds: float) -> CaseResult:
    """Why a fork stopped before it was through, by what the kernel says."""
    code = ended.status
    if ended.flooded:
        return CaseResult("output", detail="more returned than allowed")
    if ended.seconds >= seconds and (ended.late or code < 0):
        return CaseResult("time", detail=f"not done after {seconds:g} CPU seconds")
    if ended.late:
        return CaseResult("time", detail="not done and standing still")
    if code == NO_MEMORY:
        return CaseResult("memory", detail="MemoryError")
    if code < 0:
        return CaseResult("killed", detail=f"died of signal {-code} ({signal.strsignal(-code)})")
    return CaseResult("exit", detail=f"left with status {code} before it was through")
