"""Small programs of tensors, and what they are worth by trying everything."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations, product
from typing import Any

from hypothesis import strategies as st

from graders.exact.allocation_rules import by_id, fill
from tasks.allocation import Aim, Tensor, TensorProgram, value
from tasks.base import Instance, Reference

Offsets = dict[str, int | None]


def program(
    tensors: Sequence[tuple[int, ...]], capacity: int = 4, objective: Aim = "peak"
) -> TensorProgram:
    """Tensors t0, t1, ... (start, end, size, benefit)."""
    return TensorProgram(
        capacity, tuple(Tensor(f"t{k}", *each) for k, each in enumerate(tensors)), objective
    )


def instance(
    payload: TensorProgram,
    reference: Reference = Reference("none"),  # noqa: B008
) -> Instance[TensorProgram]:
    """An instance of a program."""
    return Instance("i", "allocation", len(payload.tensors), None, 0, {}, 1, payload, reference)


@st.composite
def small(draw: st.DrawFn, objective: Aim | None = None, most: int = 4) -> TensorProgram:
    """Up to so many tensors over six moments, each of up to three units of four."""
    one = st.tuples(st.integers(0, 4), st.integers(1, 3), st.integers(1, 3), st.integers(1, 5))
    rows = draw(st.lists(one, min_size=1, max_size=most))
    aims: tuple[Aim, ...] = ("peak", "benefit") if objective is None else (objective,)
    tensors = [(at, min(6, at + life), size, gain) for at, life, size, gain in rows]
    return program(tensors, draw(st.integers(3, 5)), draw(st.sampled_from(aims)))


# Trying everything ---------------------------------------------------------------------------


def faults(payload: TensorProgram, offsets: Mapping[str, Any]) -> set[tuple[str, ...]]:
    """What is wrong with whole offsets or null, found by painting moments and units."""
    wrong: set[tuple[str, ...]] = set()
    painted: dict[tuple[int, int], list[str]] = {}
    for tensor in payload.tensors:
        at = offsets[tensor.id]
        if at is None:
            wrong |= {("missing", tensor.id)} if payload.objective == "peak" else set()
            continue
        for moment, unit in product(range(tensor.start, tensor.end), range(at, at + tensor.size)):
            painted.setdefault((moment, unit), []).append(tensor.id)
            if unit < 0 or (payload.objective == "benefit" and unit >= payload.capacity):
                wrong.add(("outside", tensor.id))
    for names in painted.values():
        wrong |= {("overlap", a, b) for k, a in enumerate(names) for b in names[k + 1 :]}
    return wrong


def placings(payload: TensorProgram) -> Iterator[Offsets]:
    """Every answer up to one tensor on top of all others, those that break a rule too."""
    is_peak = payload.objective == "peak"
    total = sum(t.size for t in payload.tensors) if is_peak else payload.capacity
    choices = [
        [*([] if is_peak else [None]), *range(max(0, total - t.size) + 1)] for t in payload.tensors
    ]
    for row in product(*choices):
        yield {t.id: place for t, place in zip(payload.tensors, row, strict=True)}


def best_of_all(payload: TensorProgram) -> int:
    """The least value of all answers that keep the rules."""
    return min(value(payload, each) for each in placings(payload) if not faults(payload, each))


def fits_in(payload: TensorProgram, units: int, lower: Sequence[int] = ()) -> bool:
    """Whether all tensors fit so many units, by trying every offset of one after another."""
    if len(lower) == len(payload.tensors):
        return True
    one = payload.tensors[len(lower)]
    for at in range(units - one.size + 1):
        others = zip(payload.tensors, lower, strict=False)
        is_free = all(
            one.end <= t.start or t.end <= one.start or at + one.size <= low or low + t.size <= at
            for t, low in others
        )
        if is_free and fits_in(payload, units, (*lower, at)):
            return True
    return False


def best_of_orders(payload: TensorProgram) -> int:
    """The least value of first fit in every order of all tensors."""
    orders = permutations(range(len(payload.tensors)))
    return min(value(payload, by_id(payload, fill(payload, order, "first"))) for order in orders)
