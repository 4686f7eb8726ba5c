"""Generates tensors that fit a memory exactly: a rectangle of time and memory, cut into pieces.

Every cut goes right through a piece (guillotine cuts). So at every moment all of the memory is
taken, and the witness that comes of the cuts is an optimum, at any size and without a solver. With
`benefit` two thirds of the tensors are such pieces, and the others compete with them.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from generators.base import plain_settings, settings_as
from generators.jobshop import numbered
from graders.exact.allocation import PURPOSE, stated
from graders.exact.allocation import reference as solve
from tasks.allocation import VERSION, Tensor, TensorProgram
from tasks.base import InputError, Instance, Noun, Reference, Scalar
from tasks.extras import require
from tasks.ids import instance_id

LARGEST = 256  # tensors
THIN = 2  # units of memory that every tensor takes at least
WHOLE = 3  # moments times units: a piece of more can be cut, so that so many are there for each
CORE = 1.5  # with `benefit`, tensors to each one that is a piece


class AllocationSettings(Noun, frozen=True):
    """The dials of a program.

    Attributes:
        objective: `peak`, all tensors are placed as low as can be; `benefit`, more than fit.
        moments: how long the program takes.
        capacity: of the memory.
        setting: the words of the prompt.
    """

    objective: Literal["peak", "benefit"] = "peak"
    moments: Annotated[int, Meta(ge=4, le=1000)] = 24
    capacity: Annotated[int, Meta(ge=8, le=1_000_000)] = 64
    setting: Literal["plain"] = "plain"


class Piece(NamedTuple):
    """A rectangle: the moments [start, end) and the units [low, high)."""

    start: int
    end: int
    low: int
    high: int


def resolve(level: int, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return all settings, with their defaults, in one spelling.

    Args:
        level: the number of tensors.
        settings: those that are given; see `AllocationSettings`.

    Raises:
        InputError: the level or a setting is wrong, or there is no room for so many pieces.
    """
    if not 1 <= level <= LARGEST:
        raise InputError(f"level {level}: a program has 1 to {LARGEST} tensors")
    typed = settings_as(AllocationSettings, "allocation", settings)
    if level * WHOLE > typed.moments * typed.capacity:
        raise InputError(
            f"level {level}: {typed.moments} moments of {typed.capacity} units can be cut into"
            f" {typed.moments * typed.capacity // WHOLE} tensors for sure: give `moments` or"
            " `capacity` more"
        )
    return plain_settings(typed)


def generate(
    level: int, seed: int, index: int, settings: Mapping[str, Scalar], *, reference: bool = True
) -> Instance[TensorProgram]:
    """Return a program; levels share nothing.

    Args:
        level: the number of tensors.
        seed: of all streams.
        index: the number of the instance, from 0.
        settings: those that are given; see `AllocationSettings`.
        reference: whether the solver looks for the optimum with `benefit`; else only the witness is
            known. With `peak` the witness is the optimum.

    Raises:
        InputError: the level or a setting is wrong.
        MissingExtra: the solver is to look, and is not installed.
    """
    resolved = resolve(level, settings)
    typed = msgspec.convert(resolved, AllocationSettings)
    if reference and typed.objective == "benefit":  # not first in the middle of a file
        require("solvers", PURPOSE, "ortools")
    program, witness = _program(f"allocation/{VERSION}/{level}/{seed}/{index}", level, typed)
    return Instance(
        id=instance_id("allocation", level, seed, index, VERSION, resolved, apart=True),
        family="allocation",
        level=level,
        seed=seed,
        index=index,
        settings=resolved,
        version=VERSION,
        payload=program,
        reference=_reference(program, witness, is_solved=reference),
    )


def _reference(
    program: TensorProgram, witness: dict[str, int | None], *, is_solved: bool
) -> Reference:
    """Return the optimum: of `peak` the witness, of `benefit` what the solver finds."""
    if program.objective == "peak":
        return stated(program, program.capacity, witness, "witness")
    return solve(program) if is_solved else stated(program, 0, witness, "witness")


def _program(
    streams: str, level: int, settings: AllocationSettings
) -> tuple[TensorProgram, dict[str, int | None]]:
    """Draw every ingredient from its own stream; return the tensors and what the cuts say."""
    dials = f"{settings.objective} {settings.moments} {settings.capacity}"
    is_peak = settings.objective == "peak"
    count = level if is_peak else max(1, round(level / CORE))
    whole = Piece(0, settings.moments, 0, settings.capacity)
    pieces = cut(whole, count, Random(f"{streams}/cuts {dials}"))
    tensors = [Tensor("", p.start, p.end, p.high - p.low) for p in pieces]
    witness: list[int | None] = [piece.low for piece in pieces]
    if not is_peak:
        rng = Random(f"{streams}/extras {dials}")
        tensors += [_extra(settings, rng) for _ in range(level - count)]
        witness += [None] * (level - count)
        tensors = _with_benefits(tensors, Random(f"{streams}/benefits {dials}"))
    order = list(range(level))
    Random(f"{streams}/order {dials}").shuffle(order)
    names = numbered("T", level)
    shuffled = tuple(replace(tensors[k], id=name) for name, k in zip(names, order, strict=True))
    program = TensorProgram(
        settings.capacity, shuffled, objective=settings.objective, setting=settings.setting
    )
    return program, {name: witness[k] for name, k in zip(names, order, strict=True)}


def cut(whole: Piece, count: int, rng: Random) -> list[Piece]:
    """Return a rectangle in so many pieces; every piece is drawn by its area, and cut anywhere.

    Args:
        whole: what is cut.
        count: of the pieces, at most a third of the area.
        rng: where the cuts are drawn.
    """
    pieces = [whole]
    while len(pieces) < count:
        able = [k for k, each in enumerate(pieces) if _is_long(each) or _is_high(each)]
        areas = [_area(pieces[k]) for k in able]
        piece = pieces.pop(rng.choices(able, areas)[0])
        if _is_high(piece) and (not _is_long(piece) or rng.random() < 0.5):
            at = rng.randint(piece.low + THIN, piece.high - THIN)
            pieces += [piece._replace(high=at), piece._replace(low=at)]
        else:
            at = rng.randint(piece.start + 1, piece.end - 1)
            pieces += [piece._replace(end=at), piece._replace(start=at)]
    return pieces


def _is_long(piece: Piece) -> bool:
    return piece.end - piece.start > 1


def _is_high(piece: Piece) -> bool:
    return piece.high - piece.low >= 2 * THIN


def _area(piece: Piece) -> int:
    return (piece.end - piece.start) * (piece.high - piece.low)


def _extra(settings: AllocationSettings, rng: Random) -> Tensor:
    """Draw a tensor of up to half of the moments and a third of the memory."""
    start = rng.randint(0, settings.moments - 2)
    end = rng.randint(start + 1, min(settings.moments, start + settings.moments // 2))
    return Tensor("", start, end, rng.randint(THIN, max(THIN, settings.capacity // 3)))


def _with_benefits(tensors: Sequence[Tensor], rng: Random) -> list[Tensor]:
    """Draw what each tensor saves: 1 to 4 a unit, give or take a third."""
    rates = [rng.choice((1, 2, 3, 4)) * rng.uniform(0.7, 1.3) for _ in tensors]
    return [
        replace(tensor, benefit=max(1, round(tensor.size * rate)))
        for tensor, rate in zip(tensors, rates, strict=True)
    ]
