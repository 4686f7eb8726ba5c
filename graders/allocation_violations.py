"""Checks offsets of tensors against every rule.

`allocation.py` lists the kinds of violations and their fields.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, TypeAlias

from tasks.allocation import LARGEST, Tensor, TensorProgram
from tasks.base import Fields, short

Answer: TypeAlias = Mapping[str, Any]  # what stands for a tensor's offset, by its id


def violations(program: TensorProgram, offsets: Answer) -> list[Fields]:
    """Return all violations of an answer; none if it is feasible.

    Args:
        program: the tensors.
        offsets: what the answer gives as the offset of each tensor id; ids may be missing or
            unknown, and values anything.
    """
    ids = {tensor.id for tensor in program.tensors}
    return [
        *_check_tensors(program, offsets),
        *({"kind": "unknown", "tensor": short(name)} for name in offsets if name not in ids),
        *_check_overlaps(program.tensors, offsets),
    ]


def _check_tensors(program: TensorProgram, offsets: Answer) -> Iterator[Fields]:
    most = LARGEST if program.objective == "peak" else program.capacity
    for tensor in program.tensors:
        offset = offsets.get(tensor.id)
        if offset is None:
            if program.objective == "peak" or tensor.id not in offsets:
                yield {"kind": "missing", "tensor": tensor.id}
        elif type(offset) is not int:
            yield {"kind": "not_integer", "tensor": tensor.id, "value": short(offset)}
        elif not 0 <= offset <= most - tensor.size:
            yield {"kind": "outside", "tensor": tensor.id, "offset": short(offset)}


def meeting(tensors: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the pairs of tensors that live at the same time, in the order of the list."""
    for first, second in combinations(tensors, 2):
        if first.start < second.end and second.start < first.end:
            yield first, second


def _check_overlaps(tensors: Sequence[Tensor], offsets: Answer) -> Iterator[Fields]:
    placed = [tensor for tensor in tensors if type(offsets.get(tensor.id)) is int]
    for first, second in meeting(placed):
        low = max(offsets[first.id], offsets[second.id])
        high = min(offsets[first.id] + first.size, offsets[second.id] + second.size)
        if low < high:
            yield {
                "kind": "overlap",
                "first": first.id,
                "second": second.id,
                "start": max(first.start, second.start),
                "end": min(first.end, second.end),
                "low": low,
                "high": high,
            }


_OF_TENSORS = ("missing", "not_integer", "outside")


def broken_share(program: TensorProgram, problems: Sequence[Fields]) -> float:
    """Return the share of constraints not satisfied, in [0, 1].

    One constraint each are a tensor (an offset within the memory, or null where that may be) and a
    pair of tensors that live at the same time, which is not satisfied either while one of them has
    no number. All ids that are no tensor's count as one more that is broken. So the share is 0 only
    without a violation, and leaving tensors out never lowers it.

    Args:
        program: the tensors.
        problems: the answer's violations, as `violations` gives them.
    """
    faulty = {v["tensor"] for v in problems if v["kind"] in _OF_TENSORS}
    nowhere = {v["tensor"] for v in problems if v["kind"] in _OF_TENSORS[:-1]}
    over = {(v["first"], v["second"]) for v in problems if v["kind"] == "overlap"}
    pairs = [(first.id, second.id) for first, second in meeting(program.tensors)]
    broken = sum(pair in over or not nowhere.isdisjoint(pair) for pair in pairs)
    unknown = any(v["kind"] == "unknown" for v in problems)
    return (len(faulty) + broken + unknown) / (len(program.tensors) + len(pairs) + unknown)
