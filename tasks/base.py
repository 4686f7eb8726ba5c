"""The nouns and effects that every family shares.

Everything here is frozen, checks itself when it is made, and survives a JSON round trip
unchanged (`decode(encode(x)) == x`, and the bytes are the same in every process).
"""

from collections.abc import Generator, Iterable
from enum import StrEnum
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import msgspec

from tasks.failures import NO_REFERENCE as NO_REFERENCE
from tasks.failures import Failure as Failure
from tasks.failures import InputError as InputError
from tasks.failures import NoReference as NoReference
from tasks.failures import SolverFailure as SolverFailure
from tasks.failures import StoreFailure as StoreFailure

Scalar: TypeAlias = bool | int | float | str | None
Fields: TypeAlias = dict[str, Any]
Number: TypeAlias = int | float

P = TypeVar("P")
R = TypeVar("R")


class Noun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A frozen record that decodes strictly: no unknown field, no bool or float for an int."""


def short(value: object) -> object:
    """Return a value for a message or a violation: as it is, or the start of its text if long.

    Numbers, booleans and None stay; of other values the text has at most 60 characters.
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


# Instances -----------------------------------------------------------------------------------


class Reference(Noun, frozen=True):
    """The best knowledge of an instance's optimum; the same bytes on any machine, so no seconds.

    Attributes:
        status: `optimal`, objective and bound meet; `bounded`, they do not, or nobody has shown
            that they do; `infeasible`, proven to have no answer; `none`, nothing is known.
        objective: the best value known.
        bound: a value that no answer is better than.
        solver: a name for the origin of both.
        answer: one that attains the objective.
    """

    status: Literal["optimal", "bounded", "infeasible", "none"]
    objective: Number | None = None
    bound: Number | None = None
    solver: str = ""
    answer: Fields | None = None

    def __post_init__(self) -> None:
        if self.status == "optimal" and (self.objective is None or self.objective != self.bound):
            raise ValueError(
                f"reference is optimal, but its objective {self.objective} is not its"
                f" bound {self.bound}"
            )


class Instance(Noun, Generic[P], frozen=True):
    """A problem with its origin, its typed payload, and the best knowledge of its optimum.

    Attributes:
        id: unique over families, versions and settings.
        family: its name.
        level: the difficulty, in the family's own unit.
        seed: of the generator; None for a problem that was not generated.
        index: its number under the seed, or in its file, from 0.
        settings: all dials beside the level.
        version: of the generator.
        payload: the problem itself.
        reference: the best knowledge of its optimum.
    """

    id: str
    family: str
    level: int
    seed: int | None
    index: int
    settings: dict[str, Scalar]
    version: int
    payload: P
    reference: Reference = Reference("none")


# Conversations -------------------------------------------------------------------------------


class ToolCall(Noun, frozen=True):
    """A model's wish to call a tool; `arguments` is the raw JSON text it wrote."""

    id: str
    name: str
    arguments: str


class Tool(Noun, frozen=True):
    """A tool on offer; `parameters` is a JSON schema."""

    name: str
    description: str
    parameters: Fields


class Message(Noun, frozen=True, omit_defaults=True):
    """A turn of a conversation.

    Attributes:
        role: whose turn it is; `tool` for the result of a call.
        content: its text.
        calls: those of an assistant.
        call_id: the id of the call that a tool's result belongs to.
        blocks: those of the assistant's reply (see `Reply`), which must come back unchanged with
            the results of the tools that it called. `said` makes such a turn; where `calls` have
            other ids than the blocks, these are what is sent.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    calls: tuple[ToolCall, ...] = ()
    call_id: str | None = None
    blocks: tuple[Fields, ...] = ()


class Usage(Noun, frozen=True, omit_defaults=True):
    """The tokens of a call, None where unknown.

    `cached` is a part of `input`, `reasoning` a part of `output`.
    """

    input: int | None = None
    output: int | None = None
    cached: int | None = None
    reasoning: int | None = None


class Reply(Noun, frozen=True, omit_defaults=True):
    """A model's answer to a call.

    Attributes:
        text: as the model wrote it.
        calls: of tools.
        finish: why the model stopped.
        usage: tokens.
        seconds: wall time of the attempt that succeeded.
        model: the provider's own name of the model that answered.
        cost: in US dollars, None where it is unknown.
        blocks: what the provider wants back of a turn with calls, as it wrote it and in its own
            form: blocks of a message, items of a response, or one object with the fields of a chat
            completion's message that are no text and no call.
        from_cache: an earlier run had the reply: usage and seconds are those of then, and it costs
            nothing now.
        reasoning: what the provider told of the model's thoughts beside the text; no part of the
            answer. Thoughts that stand in the text stay there.
    """

    text: str
    calls: tuple[ToolCall, ...] = ()
    finish: str = "stop"
    usage: Usage = Usage()
    seconds: float = 0.0
    model: str = ""
    cost: float | None = None
    blocks: tuple[Fields, ...] = ()
    from_cache: bool = False
    reasoning: str = ""


def said(reply: Reply) -> Message:
    """Return a reply as the assistant's turn in the next request."""
    return Message("assistant", reply.text, calls=reply.calls, blocks=reply.blocks)


class Parsed(Noun, frozen=True, omit_defaults=True):
    """The answer object of a reply, or the reason why there is none.

    Attributes:
        value: the object.
        how: where it stood: `whole`, `fenced`, `embedded` in prose, `given` by a file, `read`.
        problem: the reason, in one line.
        mended: what had to be mended in its spelling, a line a kind (see `spelling.py`).
        written: the object as it was written, where only ids and numbers in it had to be mended.
    """

    value: Fields | None = None
    how: str = ""
    problem: str | None = None
    mended: tuple[str, ...] = ()
    written: Fields | None = None


class ToolResult(Noun, frozen=True):
    """A tool's answer to a call.

    Attributes:
        text: as the model reads it.
        status: `ok`; `unknown`, an input that is not known (yet); `failed` for a moment, to be
            tried again; `refused`, a call that reaches no tool or breaks its schema.
        start: of the call, in units of virtual time.
        end: of the call, in the same units.
    """

    text: str
    status: str
    start: int
    end: int


class Called(Noun, frozen=True):
    """A tool call of an episode, as the model wrote it, and its result; turns count from 1."""

    turn: int
    call: ToolCall
    result: ToolResult


class Outcome(Noun, frozen=True, omit_defaults=True):
    """The end of an episode for its grader: a parsed answer a step, and the tool calls made."""

    answers: tuple[Parsed, ...]
    calls: tuple[Called, ...] = ()


# Grades --------------------------------------------------------------------------------------


class Verdict(StrEnum):
    """The kind of a grade; an error is the harness's or provider's, the others are the model's."""

    valid = "valid"
    infeasible = "infeasible"
    unparsable = "unparsable"
    error = "error"


class Grade(Noun, frozen=True, gc=False):
    """The judgement of one outcome.

    Attributes:
        verdict: whether the answer is valid.
        score: in [0, 1]; its mean is the headline of a board row.
        objective: the answer's value.
        bound: the reference's bound.
        gap: (objective - reference) / reference; None where the answer is invalid, nothing is
            known, or the reference is 0.
        against: the reference of the gap, the proven optimum or the bound.
        violations: each {"kind": ..., and the fields of that kind}.
        metrics: further numbers, by name.
    """

    verdict: Verdict
    score: float
    objective: Number | None = None
    bound: Number | None = None
    gap: float | None = None
    against: Literal["optimum", "bound"] | None = None
    violations: tuple[Fields, ...] = ()
    metrics: dict[str, float] = {}


class Reward(Noun, frozen=True):
    """The worth of a graded answer for whoever trains or searches by it; all in [0, 1].

    Attributes:
        value: 0 for an invalid answer, above 0 for every valid one that is measured by an
            objective, more for a better objective, 1 at a proven optimum and nowhere else.
        components: what the grader knows of the answer, by name.
        near_miss: the value; for an invalid answer how near it comes to a valid one, always below
            the value of any valid answer to the same instance.
    """

    value: float
    components: dict[str, float]
    near_miss: float

    def __post_init__(self) -> None:
        parts = {"value": self.value, "near_miss": self.near_miss, **self.components}
        for name, part in parts.items():
            if not 0 <= part <= 1:
                raise ValueError(f"reward: {name} = {part} is not in [0, 1]")


class Problem(Noun, frozen=True, omit_defaults=True):
    """The reason why an episode has no grade.

    Attributes:
        boundary: where it failed.
        message: one line.
        trace: the traceback, of a bug only.
        kind: the name of the failure in the table of failures.
    """

    boundary: str
    message: str
    trace: str | None = None
    kind: str = ""


class Record(Noun, frozen=True, gc=False):
    """A finished episode as the board reads it; exactly one of `grade` and `problem` is there.

    Calls and tokens are the agent's; those of its memory stand apart, and so do the tokens that
    the memory read out and wrote down. Of the memory's tokens, `recall_tokens` were spent while
    somebody waited; the others between steps. Attempts, cost and seconds are of all calls,
    `sandbox_seconds` the CPU seconds of programs; None is unknown. Of the input of command-line
    agents `own_tokens` are their own words and tools, and of all tokens `side_tokens` those of
    other conversations than the first: of sub-agents, say. `notes` says how often the agent
    told of each thing that went otherwise than it wanted, such as a ranking that cannot be read.
    """

    instance: str
    family: str
    level: int
    settings: dict[str, Scalar]
    model: str
    agent: str
    memory: str
    epoch: int
    grade: Grade | None
    problem: Problem | None
    calls: int
    attempts: int
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    seconds: float
    memory_calls: int = 0
    memory_tokens: int | None = 0
    memory_read: int = 0
    memory_written: int = 0
    recall_tokens: int | None = 0
    sandbox_seconds: float = 0.0
    own_tokens: int | None = 0
    side_tokens: int | None = 0
    notes: dict[str, int] | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        if (self.grade is None) == (self.problem is None):
            raise ValueError(f"record of {self.instance}: needs either a grade or a problem")

    @property
    def sleep_tokens(self) -> int | None:
        """Return the tokens that the memory spent while nobody waited; None if unknown."""
        if self.memory_tokens is None or self.recall_tokens is None:
            return None
        return self.memory_tokens - self.recall_tokens


# Effects of a program ------------------------------------------------------------------------

Ledger: TypeAlias = Literal["test", "recall", "sleep"]


class Ask(msgspec.Struct, frozen=True):
    """The wish for a reply of a model.

    Attributes:
        path: unique in the episode and free of timing.
        messages: the conversation so far.
        tools: those that the model may call.
        schema: of the answer, for providers that constrain decoding.
        view: the step in its structure, hidden truth included: only built-in policies read it, it
            is never sent nor hashed.
        seat: which of the run's models is meant; the main one has no name.
        problem: the step as public, structured data, for a program that may be given it.
        ledger: who waits for it. `test`: the world; `recall`: the world, while a memory prepares;
            `sleep`: nobody, it is between two steps.
        reply_limit: the most output tokens of the reply; None is the run's own limit.
    """

    path: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    schema: Fields | None = None
    view: Any = None
    seat: str = ""
    problem: Fields | None = None
    ledger: Ledger = "test"
    reply_limit: int | None = None


class Tell(msgspec.Struct, frozen=True):
    """Feedback after a step, which a memory observes and nobody answers.

    Attributes:
        path: unique in the episode.
        facts: what is told; memories know `text` (the step and its feedback), `feedback` (that
            alone), `round`, `date`, `time` and `history`, each optional.
        reply: the agent's to the step, where an agent gave one.
    """

    path: str
    facts: Fields
    reply: Reply | None = None


class CallTools(msgspec.Struct, frozen=True):
    """The wish that the calls of a turn be performed, together and in order; turns count from 1.

    Answered with one `ToolResult` a call. Never in the journal: a replay performs them again.
    """

    path: str
    turn: int
    calls: tuple[ToolCall, ...]


class Action(msgspec.Struct, frozen=True):
    """Wants something done that is neither a reply nor a tool's answer; each kind is a subclass.

    What came of it is journaled under its path, and it is never done again.
    """

    path: str


class Begin(msgspec.Struct, frozen=True):
    """Wants a program to go on beside the one that yields this; nothing is sent back."""

    name: str
    program: "Program[Any]"


class Join(msgspec.Struct, frozen=True):
    """Wants the result of the program that was begun under a name."""

    name: str


class Together(msgspec.Struct, frozen=True):
    """Wants programs run beside each other; answered with their results in the order given."""

    programs: "tuple[Program[Any], ...]"


Outside: TypeAlias = Ask | Tell | CallTools | Action  # what a driver cannot do by itself
Effect: TypeAlias = Outside | Begin | Join | Together
Program: TypeAlias = Generator[Effect, Any, R]


def ask(
    path: str,
    messages: tuple[Message, ...],
    *,
    tools: tuple[Tool, ...] = (),
    schema: Fields | None = None,
    view: object = None,
    problem: Fields | None = None,
) -> Program[Reply]:
    """Yield one `Ask` and return its reply, typed: `reply = yield from ask(...)`."""
    reply: Reply = yield Ask(path, messages, tools, schema=schema, view=view, problem=problem)
    return reply


def tell(path: str, facts: Fields) -> Program[None]:
    """Yield one `Tell`: `yield from tell(...)`."""
    yield Tell(path, facts)


def call_tools(path: str, turn: int, calls: tuple[ToolCall, ...]) -> Program[tuple[Called, ...]]:
    """Yield one `CallTools` and return what came of each call."""
    results: tuple[ToolResult, ...] = yield CallTools(path, turn, calls)
    return tuple(Called(turn, call, result) for call, result in zip(calls, results, strict=True))


def together(programs: Iterable[Program[R]]) -> Program[list[R]]:
    """Yield one `Together` and return the results of the programs, in the order given."""
    results: list[R] = yield Together(tuple(programs))
    return results
