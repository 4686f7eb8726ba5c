"""What a tool task is made of: tools on offer, starting entities, required calls, what is asked.

A value is a code that a tool gives, `person-k7f3q2m9-north`: its kind, eight characters that
nobody can guess, and the site where it is kept. Every code has one producer, a tool with certain
arguments; that is why each required call is required.
"""

from base64 import b32encode
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Literal, NamedTuple

from tasks.base import Fields, Noun, Tool
from tasks.checks import check_unique
from tasks.schemas import object_schema

Track = Literal["reactive", "plan"]
ATTEMPTS = 3  # that fail for a moment, at the most, before a call works


class Param(Noun, frozen=True):
    """A parameter of a tool and the kind of entity it takes; `about` goes into the schema."""

    name: str
    kind: str
    about: str


class Offer(Noun, frozen=True):
    """A tool on offer; `latency` is its time units for each site, in the task's order of sites.

    At most `capacity` of its calls run at once. `output` is the kind of code that it gives.
    """

    name: str
    description: str
    params: tuple[Param, ...]
    output: str
    writes: bool
    latency: tuple[int, ...]
    capacity: int

    def __post_init__(self) -> None:
        if not self.params:
            raise ValueError(f"tool {self.name}: it has no parameters")
        check_unique(f"tool {self.name}: parameters:", (p.name for p in self.params))
        if min(self.latency, default=0) < 1:
            raise ValueError(f"tool {self.name}: latency {self.latency} is not at least 1")
        if self.capacity < 1:
            raise ValueError(f"tool {self.name}: capacity {self.capacity} is below 1")

    @property
    def schema(self) -> Fields:
        """Return the JSON schema of its arguments: every parameter a string."""
        return object_schema(
            {p.name: {"type": "string", "description": p.about} for p in self.params}
        )

    def key(self, arguments: Fields) -> tuple[str, ...]:
        """Return the identity of a call: its tool and entities, whatever their spelling."""
        return (self.name, *(canonical(arguments[param.name]) for param in self.params))

    @property
    def as_tool(self) -> Tool:
        """Return the tool as an agent sees it."""
        return Tool(self.name, self.description, self.schema)


class Start(Noun, frozen=True):
    """A starting entity that the request names, and the site where it is kept."""

    label: str
    kind: str
    site: str


class RequiredCall(Noun, frozen=True):
    """A required call; an input is the label of a start, or `$k`, the result of step k from 0."""

    tool: str
    inputs: tuple[str, ...]


class RequestedValue(Noun, frozen=True, omit_defaults=True):
    """A step that the request names: to give its value under `key`, or without one to do it."""

    step: int
    text: str
    key: str = ""


class TurnLimits(Noun, frozen=True):
    """The most turns with calls, and the most calls, of an episode."""

    turns: int
    calls: int


class Errand(Noun, frozen=True):
    """One task, checked when it is made: a wrong one cannot be built.

    Attributes:
        track: turn by turn, or one plan.
        sites: where entities are kept; latencies are in this order.
        tools: those on offer, more than are needed.
        starts: what the request names.
        steps: the required calls, each after those it needs.
        wanted: what the request asks for; its keys are those of the answer.
        overhead: time units of a turn before its calls start.
        limits: when an agent must stop.
        failures: share of calls in [0, 1) that fail for a moment at first.
        select: with more than 0 the agent first picks so many tools at most.
        secret: keys all hidden values; no agent sees it.
    """

    track: Track
    sites: tuple[str, ...]
    tools: tuple[Offer, ...]
    starts: tuple[Start, ...]
    steps: tuple[RequiredCall, ...]
    wanted: tuple[RequestedValue, ...]
    overhead: int
    limits: TurnLimits
    failures: float
    select: int
    secret: str

    def __post_init__(self) -> None:
        check_unique("tools:", (tool.name for tool in self.tools))
        check_unique("starts:", (canonical(start.label) for start in self.starts))
        check_unique("wanted: keys:", (w.key for w in self.wanted if w.key))
        _check_numbers(self)
        _check_steps(self)
        _check_wanted(self)

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the keys of the values asked for."""
        return tuple(w.key for w in self.wanted if w.key)

    def offer(self, name: str) -> Offer:
        """Return a tool by its name."""
        return next(tool for tool in self.tools if tool.name == name)


Payload = Errand


def canonical(text: str) -> str:
    """Return an argument in one spelling, whatever its case and its white space."""
    return " ".join(text.casefold().split())


def reference_of(text: str) -> int | None:
    """Return the k of a step's input `$k`; None for a label."""
    return int(text[1:]) if text.startswith("$") else None


def _check_numbers(errand: Errand) -> None:
    if errand.overhead < 0:
        raise ValueError(f"overhead {errand.overhead} is negative")
    if not 0 <= errand.failures < 1:
        raise ValueError(f"failures {errand.failures} is not a share below 1")
    if errand.select < 0 or min(errand.limits.turns, errand.limits.calls) < 1:
        raise ValueError("select must be at least 0, limits at least 1")
    for tool in errand.tools:
        if len(tool.latency) != len(errand.sites):
            raise ValueError(f"tool {tool.name}: not one latency for each of the sites")
    for start in errand.starts:
        if start.site not in errand.sites:
            raise ValueError(f"start {start.label!r}: unknown site {start.site!r}")


def _check_steps(errand: Errand) -> None:
    """Refuse a step that is a repeat, and inputs that are not there before it or of other kinds."""
    offers = {tool.name: tool for tool in errand.tools}
    kinds = {start.label: start.kind for start in errand.starts}
    for k, step in enumerate(errand.steps):
        if step.tool not in offers:
            raise ValueError(f"step {k}: unknown tool {step.tool!r}")
        _check_inputs(k, step, offers[step.tool], kinds)
        if step in errand.steps[:k]:
            raise ValueError(f"step {k}: {step.tool} of {step.inputs} is there twice")
        kinds[f"${k}"] = offers[step.tool].output


def _check_inputs(k: int, step: RequiredCall, offer: Offer, kinds: Mapping[str, str]) -> None:
    expected = tuple(param.kind for param in offer.params)
    for text in step.inputs:
        if text not in kinds:
            raise ValueError(f"step {k}: {text!r} is no start and no step before it")
    if tuple(kinds[text] for text in step.inputs) != expected:
        raise ValueError(f"step {k}: {step.tool} takes {expected}, not {step.inputs}")


def _check_wanted(errand: Errand) -> None:
    """Refuse a request that asks for no value, and a step that it neither asks for nor needs."""
    for w in errand.wanted:
        if not 0 <= w.step < len(errand.steps):
            raise ValueError(f"wanted: step {w.step} is not one of {len(errand.steps)}")
        if not w.key and not errand.offer(errand.steps[w.step].tool).writes:
            raise ValueError(f"wanted: step {w.step} has no key, and its tool changes nothing")
    if not errand.keys:
        raise ValueError("wanted: no value is asked for")
    needed = {w.step for w in errand.wanted}
    needed |= {k for s in errand.steps for k in map(reference_of, s.inputs) if k is not None}
    if idle := sorted(set(range(len(errand.steps))) - needed):
        raise ValueError(f"step {idle[0]} is neither asked for nor needed")


# Hidden values -------------------------------------------------------------------------------


class Entity(NamedTuple):
    """What an argument stands for: its name in one spelling, its kind, the index of its site."""

    name: str
    kind: str
    site: int


class Hidden:
    """The hidden state of a task: which code a tool gives for which entities, and what fails."""

    def __init__(self, errand: Errand) -> None:
        self.errand = errand
        self.offers = {tool.name: tool for tool in errand.tools}
        place = {site: k for k, site in enumerate(errand.sites)}
        self.starts = {
            canonical(s.label): Entity(canonical(s.label), s.kind, place[s.site])
            for s in errand.starts
        }

    def result(self, offer: Offer, inputs: Sequence[Entity]) -> Entity:
        """Return the code that a tool gives; it is kept at the site of the first argument."""
        site = inputs[0].site
        code = b32encode(self._draw("value", offer, inputs, 5)).decode().lower()
        return Entity(f"{offer.output}-{code}-{self.errand.sites[site]}", offer.output, site)

    def failing(self, offer: Offer, inputs: Sequence[Entity]) -> int:
        """Return how many attempts at a call fail for a moment before it works."""
        if not self.errand.failures:
            return 0
        draws = self._draw("failure", offer, inputs, 4 * ATTEMPTS)
        count = 0
        while count < ATTEMPTS and self._below(draws[4 * count : 4 * count + 4]):
            count += 1
        return count

    def _below(self, draw: bytes) -> bool:
        return int.from_bytes(draw, "big") < self.errand.failures * 2**32

    def _draw(self, purpose: str, offer: Offer, inputs: Sequence[Entity], size: int) -> bytes:
        """Return `size` bytes that only the secret tells, the same for the same call."""
        parts = [purpose, self.errand.secret, offer.name, *(entity.name for entity in inputs)]
        return blake2b("\n".join(parts).encode(), digest_size=size).digest()

    def steps(self) -> "list[Due]":
        """Return every required call with its tool, its inputs and its value."""
        calls: list[Due] = []
        for step in self.errand.steps:
            inputs = tuple(self._input(text, calls) for text in step.inputs)
            offer = self.offers[step.tool]
            failing, value = self.failing(offer, inputs), self.result(offer, inputs)
            calls.append(Due(offer, inputs, value=value, failing=failing))
        return calls

    def _input(self, text: str, calls: "Sequence[Due]") -> Entity:
        k = reference_of(text)
        return self.starts[canonical(text)] if k is None else calls[k].value


class Due(NamedTuple):
    """A required call with its hidden truth; `failing` attempts at it fail for a moment."""

    offer: Offer
    inputs: tuple[Entity, ...]
    value: Entity
    failing: int

    @property
    def arguments(self) -> dict[str, str]:
        """Return the arguments as a call gives them, by parameter."""
        return {p.name: e.name for p, e in zip(self.offer.params, self.inputs, strict=True)}

    @property
    def key(self) -> tuple[str, ...]:
        """Return the identity of the call: its tool and entities."""
        return (self.offer.name, *(entity.name for entity in self.inputs))

    @property
    def duration(self) -> int:
        """Return its latency, in time units."""
        return self.offer.latency[self.inputs[0].site]
