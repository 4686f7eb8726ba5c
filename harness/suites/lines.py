"""The lines of files of answers and of solutions."""

import msgspec

from tasks.base import Fields, Number


class AnswerLine(msgspec.Struct, frozen=True):
    """A line of a file of answers: the object or null, or the raw text of a reply.

    Attributes:
        id: of the instance.
        answer: as it was written; empty without the key.
        text: of a reply, in which the answer is looked for.
    """

    id: str
    answer: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    text: str | None = None

    def __post_init__(self) -> None:
        raw = bytes(self.answer)
        both = self.text is not None and raw not in (b"", b"null")
        if both or (self.text is None and not raw):
            raise ValueError('needs either "answer" or "text"')


class SolveLine(msgspec.Struct, frozen=True):
    """A line of `solve`.

    Attributes:
        id: of the instance.
        objective: the best value known.
        bound: a value that no answer is better than.
        status: `optimal`, `bounded`, `infeasible` or `none`.
        answer: one that attains the objective.
        solver: a name for the origin of objective and bound.
        seconds: wall time.
    """

    id: str
    objective: Number | None
    bound: Number | None
    status: str
    answer: Fields | None
    solver: str
    seconds: float
