"""The parts alone: the filter against an interpreter of its own, values, and hostile bytes."""

import ctypes
import json
import mmap
import os
import platform
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.sandbox import layers, seccomp
from harness.sandbox.base import KINDS
from harness.sandbox.reading import one_line, read
from harness.sandbox.values import Unfit, number, plain
from harness.sandbox.worker import ForkExit
from tests.harness.sandbox.attacks import CALLS


def judged(code: bytes, arch: int, number: int, third: int) -> int:
    """What a filter answers to a call: an interpreter of the five instructions that it uses."""
    data = struct.pack("=iIQ6Q", number, arch, 0, 0, 0, third, 0, 0, 0)
    lines = list(struct.iter_unpack("=HBBI", code))
    held, at = 0, 0
    while True:
        kind, yes, no, k = lines[at]
        at += 1
        if kind == 0x06:
            return int(k)
        if kind == 0x20:
            [held] = struct.unpack_from("=I", data, k)
        else:
            at += yes if (held == k if kind == 0x15 else held & k) else no


@pytest.mark.parametrize("machine", seccomp.MACHINES)
def test_the_filter_lets_nine_calls_through(machine: str) -> None:
    column, arch = seccomp.MACHINES[machine]
    code = seccomp.program(machine)
    plainly = {numbers[column] for numbers in seccomp.PLAIN.values()}
    guarded = {numbers[column] for numbers in seccomp.GUARDED.values()}
    assert len(plainly | guarded) == 9
    for call in [*range(1024), *range(0x40000000, 0x40000400), -1]:
        for third in (0, 3, 4, 7, 1 << 32):
            allowed = call in plainly or (call in guarded and not third & 4)
            wanted = seccomp.ALLOW if allowed else seccomp.DENY
            assert judged(code, arch, call, third) == wanted, (call, third)
    for other in (0x40000003, 0xC00000B7, 0xC000003E, 0x40000028):
        if other != arch:
            assert judged(code, other, min(plainly), 0) == seccomp.KILL
    for *numbers, arguments in CALLS.values():
        third = arguments[2] if len(arguments) > 2 else 0
        call = (numbers[column] + (1 << 31)) % (1 << 32) - (1 << 31)
        assert judged(code, arch, call, third % (1 << 64)) == seccomp.DENY


@pytest.mark.skipif(platform.machine() != "x86_64", reason="int 0x80 is of x86-64")
def test_calls_by_the_table_of_another_machine_kill() -> None:
    """With code that was executable before the filter: getpid as i386 numbers it, by int 0x80."""
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
    call = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
    child = os.fork()
    if child == 0:
        try:
            layers.no_new_privs()
            layers.no_dump()
            layers.filter_calls()
            call()
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -31  # SIGSYS


JSON: Any = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def ended(output: bytes, **how: Any) -> ForkExit:
    return ForkExit(
        **{"output": output, "flooded": False, "late": False, "status": 0, "seconds": 0.25, **how}
    )


@pytest.mark.heavy
@given(JSON)
def test_plain_json_passes_unchanged(value: Any) -> None:
    assert repr(plain(value)) == repr(value)
    line = json.dumps(["ok", value]).encode() + b"\n"
    [result] = read(ended(line), 1, 1).results
    assert (result.kind, repr(result.value)) == ("ok", repr(value))


@pytest.mark.heavy
@given(
    st.lists(
        st.binary(max_size=20)
        | st.sampled_from(
            [
                b'["ok",1]',
                b'["ok"]',
                b'["raised","x"]',
                b'["time","x"]',
                b'["ok",1,2]',
                b'["raised",1]',
                b"null",
                b'{"ok":1}',
                b'["syntax","no"]',
                b'["ok",' + b"[" * 5000,
                b'["ok",9e999]',
                b"\n",
            ]
        ),
        max_size=6,
    ),
    st.integers(0, 5),
    st.integers(-64, 255),
    st.booleans(),
)
@settings(max_examples=500)
def test_whatever_comes_there_is_a_result_for_each_case(
    lines: list[bytes], count: int, status: int, late: bool
) -> None:
    run = read(ended(b"".join(line + b"\n" for line in lines), status=status, late=late), count, 1)
    assert len(run.results) == count
    assert run.seconds == 0.25
    for result in run.results:
        assert result.kind in KINDS
        assert result.kind == "ok" or (result.value is None and result.detail.isprintable())


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ({"late": True, "status": -9}, "time"),
        ({"late": True, "status": -9, "seconds": 2.0}, "time"),
        ({"status": -9, "seconds": 3.5}, "time"),
        ({"status": -9}, "killed"),
        ({"status": -11}, "killed"),
        ({"status": -35}, "killed"),
        ({"flooded": True, "status": -9}, "output"),
        ({"status": 70}, "memory"),
        ({"status": 0}, "exit"),
    ],
)
def test_how_a_fork_ended_names_the_cases_that_it_left(how: dict[str, Any], kind: str) -> None:
    run = read(ended(b'["ok",1]\n["raised","bad"]\n["ok",', **how), 4, 1)
    assert [result.kind for result in run.results] == ["ok", "raised", kind, kind]


class Lying(int):
    """A number that says that it equals everything."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("-inf"),
        1 << 64,
        {1},
        b"x",
        object(),
        Lying(1),
        [Lying(1)],
        {1: 2},
        {"a": (1, {2})},
        range(3),
        1j,
        "\ud800",
        {"\udfff": 1},
    ],
)
def test_what_is_not_plain_is_unfit(value: object) -> None:
    with pytest.raises(Unfit):
        plain(value)


@pytest.mark.parametrize("value", [True, None, "1", [1], float("nan"), Lying(1)])
def test_what_is_no_number_is_unfit(value: object) -> None:
    assert number(-3) == -3
    with pytest.raises(Unfit):
        number(value)


@given(st.text())
def test_foreign_text_becomes_one_printable_line(text: str) -> None:
    shown = one_line(text)
    assert shown.isprintable()
    assert len(shown) <= 300
