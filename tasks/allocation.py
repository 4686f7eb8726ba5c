"""Memory mapping: the payload, the answer's schema, the one-shot world.

Tensors of a program have lifetimes and sizes; give them offsets in a memory so that no two that
live at the same time share a unit of it (after MiniMalloc, Moffitt 2023). With the objective
`peak` all are placed, and the highest end is as low as can be. With `benefit` there are more than
fit: each that has a place saves time, and as little as can be is lost (after mallocMuZero, arXiv
2305.07440). Lifetimes and places are half-open: [start, end) and [offset, offset + size).
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from tasks.base import Fields, Instance, Noun, Outcome, Parsed, Program, short
from tasks.checks import check_unique
from tasks.one_shot import ask_once, parsed_answer
from tasks.prompts import Prompts
from tasks.schemas import AnswerForm, mapping_schema, object_schema
from tasks.spelling import GIVEN, Mends, ids_of, respelt

VERSION = 1
TEMPLATES = ("allocation/plain.j2",)
KEY = "offsets"  # of the answer object
SETTINGS = ("plain",)
LARGEST = 2**48  # moments, units of memory and benefits: sums beyond are not told apart as a reward
Aim: TypeAlias = Literal["peak", "benefit"]


class Tensor(Noun, frozen=True):
    """A tensor: when it lives, what it takes, and what a place for it saves.

    Attributes:
        id: its name.
        start, end: the moments of its lifetime [start, end).
        size: in units of memory, at least 1.
        benefit: time units that are saved if it has a place; 0 where all must have one.
    """

    id: str
    start: int
    end: int
    size: int
    benefit: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end <= LARGEST:
            raise ValueError(
                f"tensor {self.id}: [{self.start}, {self.end}) is not 0 <= start < end <= 2^48"
            )
        if self.size < 1:
            raise ValueError(f"tensor {self.id}: size {self.size} is below 1")
        if self.benefit < 0:
            raise ValueError(f"tensor {self.id}: benefit {self.benefit} is below 0")


class TensorProgram(Noun, frozen=True):
    """Tensors and a memory, checked when they are made: wrong ones cannot be built.

    Attributes:
        capacity: of the memory, in units. With `peak` offsets may go beyond it: whether an answer
            fits is told apart.
        tensors: at least one, ids unique; with `benefit` one of some benefit has room.
        objective: `peak`, all are placed as low as can be; `benefit`, the best are.
        setting: which words tell the program, one of `SETTINGS`.
    """

    capacity: int
    tensors: tuple[Tensor, ...]
    objective: Aim = "peak"
    setting: str = "plain"

    def __post_init__(self) -> None:
        if not self.tensors:
            raise ValueError("a program needs at least one tensor")
        if self.capacity < 1:
            raise ValueError(f"capacity {self.capacity} is below 1")
        if self.setting not in SETTINGS:
            raise ValueError(f"setting {self.setting!r} is not one of {', '.join(SETTINGS)}")
        check_unique("tensors: id", (tensor.id for tensor in self.tensors))
        total = sum(tensor.benefit for tensor in self.tensors)
        if max(self.capacity, stacked(self), total) > LARGEST:
            raise ValueError("capacity, all sizes and all benefits are 2^48 at the most")
        if self.objective == "benefit" and not greatest_single(self):
            raise ValueError("objective benefit: no tensor of some benefit has room")


Payload = TensorProgram


# The worth of an answer ----------------------------------------------------------------------


def stacked(program: TensorProgram) -> int:
    """Return the sum of all sizes: the peak of tensors that lie one on top of the other."""
    return sum(tensor.size for tensor in program.tensors)


def greatest_single(program: TensorProgram) -> int:
    """Return the greatest benefit of a tensor that has room; 0 if there is none."""
    fitting = (t.benefit for t in program.tensors if t.size <= program.capacity)
    return max(fitting, default=0)


def peak(program: TensorProgram, offsets: Mapping[str, int]) -> int:
    """Return the highest end of a place, in units of memory.

    Args:
        program: the tensors.
        offsets: for each tensor id its offset.
    """
    return max(offsets[tensor.id] + tensor.size for tensor in program.tensors)


def loss(program: TensorProgram, offsets: Mapping[str, int | None]) -> int:
    """Return the benefit of all tensors that have no place, in time units."""
    return sum(tensor.benefit for tensor in program.tensors if offsets[tensor.id] is None)


def value(program: TensorProgram, offsets: Mapping[str, Any]) -> int:
    """Return what is to be minimised: the peak, or what is lost."""
    return (peak if program.objective == "peak" else loss)(program, offsets)


# The question and the answer -----------------------------------------------------------------


def _offset_schema(objective: Aim) -> Fields:
    whole: Fields = {"type": "integer"}
    return whole if objective == "peak" else {"anyOf": [whole, {"type": "null"}]}


def answer_schema(program: TensorProgram) -> Fields:
    """Return the JSON schema of an answer: an offset for every tensor, or null where it may be."""
    offset = _offset_schema(program.objective)
    return object_schema({KEY: object_schema({tensor.id: offset for tensor in program.tensors})})


def answers(program: TensorProgram | None) -> dict[str, AnswerForm]:
    """Return the form of an answer to a program by its name; None is any program."""
    if program is not None:
        return {"Offsets": AnswerForm(answer_schema(program))}
    rows = mapping_schema(_offset_schema("benefit"))
    return {"Offsets": AnswerForm(object_schema({KEY: rows}))}


def world(instance: Instance[TensorProgram], prompts: Prompts) -> Program[Outcome]:
    """Show the tensors once and take the offsets."""
    program = instance.payload
    messages = prompts.messages(f"allocation/{program.setting}.j2", program=program)
    outcome = yield from ask_once(instance, messages, key=KEY, schema=answer_schema(program))
    return spelled(program, outcome)


def spelled(program: TensorProgram, outcome: Outcome) -> Outcome:
    """Return an outcome whose ids and numbers are read by the rule of spelling.

    A tensor that has an offset under two spellings has none: the answer is doubtful.
    """
    [parsed] = outcome.answers
    offsets = (parsed.value or {}).get(KEY)
    if parsed.how == GIVEN or not isinstance(offsets, dict):
        return outcome
    ids, mends = ids_of(tuple(tensor.id for tensor in program.tensors)), Mends()
    rows: Fields = {}
    for name, offset in offsets.items():
        tensor: Any = mends.id_of(name, ids)
        if tensor in rows:
            problem = f"the offset of {short(repr(tensor))} is given twice"
            return Outcome((Parsed(problem=problem, mended=parsed.mended),))
        rows[tensor] = mends.number_of(offset) if tensor in ids else offset
    return Outcome((respelt(parsed, {**(parsed.value or {}), KEY: rows}, mends.lines()),))


def read(answer: Fields | None, text: str) -> Outcome:
    """Return the outcome of an answer from a file (see `parsed_answer`)."""
    return Outcome((parsed_answer(answer, text, KEY),))
