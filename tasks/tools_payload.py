"""What a tool task is made of: tools on offer, starting entities, required calls, what is asked.

A value is a code that a tool gives, `person-k7f3q2m9-north`: its kind, eight characters that
nobody can guess, and the site where it is kept. Every code has one producer, a tool with certain
arguments; that is why each required call is required.
"""

from base64 import b32encode
from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Literal, NamedTuple

from tasks.base import Fields, Noun, Tool

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
        _unique(f"tool {self.name}: parameters", (p.name for p in self.params))
        if not self.latency or min(self.latency) < 1:
            raise ValueError(f"tool {self.name}: latency {self.latency} is not at least 1")
        if self.capacity < 1:
            raise ValueError(f"tool {self.name}: capacity {self.capacity} is below 1")

    @property
    def schema(self) -> Fields:
        """JSON schema of its arguments: every parameter a string."""
        return {
            "type": "object",
            "properties": {p.name: {"type": "string", "description": p.about} for p in self.params},
            "required": [p.name for p in self.params],
            "additionalProperties": False,
        }

    def key(self, arguments: Fields) -> tuple[str, ...]:
        """What tells a call from others, by tool and entities, however they are spelled."""
        return (self.name, *(canonical(arguments[param.name]) for param in self.params))

    @property
    def shown(self) -> Tool:
        """As an agent sees it."""
        return Tool(self.name, self.description, self.schema)


class Start(Noun, frozen=True):
    """A starting entity that the request names, and the site where it is kept."""

    label: str
    kind: str
    site: str


class RequiredCall(Noun, frozen=True):
    """A required call; an input is the label of a start, or `$k` for the result of step k."""

    tool: str
    inputs: tuple[str, ...]


class RequestedValue(Noun, frozen=True, omit_defaults=True):
    """What the request asks of a step: its value under a key, or without a key that it be done."""

    step: int
    text: str
    key: str = ""


class TurnLimits(Noun, frozen=True):
    """When an agent must stop: turns with calls, and calls."""

    turns: int
    calls: int


class Errand(Noun, frozen=True):
    """One task, checked when it is made: a wrong one cannot be built.

    `overhead` is the time units of a turn before its calls start; `failures` the share of calls
    that fail for a moment at first; with `select` > 0 the agent first picks so many tools at most.
    Steps stand after what they need. `secret` keys all hidden values; no agent sees it.
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
        _unique("tools", (tool.name for tool in self.tools))
        _unique("starts", (canonical(start.label) for start in self.starts))
        _unique("wanted: keys", (w.key for w in self.wanted if w.key))
        _check_numbers(self)
        _check_steps(self)
        _check_wanted(self)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the values asked for."""
        return tuple(w.key for w in self.wanted if w.key)

    def offer(self, name: str) -> Offer:
        """A tool by name."""
        return next(tool for tool in self.tools if tool.name == name)


Payload = Errand


def canonical(text: str) -> str:
    """One spelling of an argument, whatever its case and its white space."""
    return " ".join(text.casefold().split())


def reference_of(text: str) -> int | None:
    """The k of a step's input `$k`; None for a label."""
    return int(text[1:]) if text.startswith("$") else None


def _unique(what: str, names: Iterable[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"{what}: {twice[0]!r} is there more than once")


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
    """Every step's inputs are there before it, of the kinds its tool takes; no call is twice."""
    offers = {tool.name: tool for tool in errand.tools}
    kinds = {start.label: start.kind for start in errand.starts}
    seen: set[tuple[str, tuple[str, ...]]] = set()
    for k, step in enumerate(errand.steps):
        if step.tool not in offers:
            raise ValueError(f"step {k}: unknown tool {step.tool!r}")
        wanted = tuple(p.kind for p in offers[step.tool].params)
        for text in step.inputs:
            if text not in kinds:
                raise ValueError(f"step {k}: {text!r} is no start and no step before it")
        if tuple(kinds[text] for text in step.inputs) != wanted:
            raise ValueError(f"step {k}: {step.tool} takes {wanted}, not {step.inputs}")
        if (step.tool, step.inputs) in seen:
            raise ValueError(f"step {k}: {step.tool} of {step.inputs} is there twice")
        seen.add((step.tool, step.inputs))
        kinds[f"${k}"] = offers[step.tool].output


def _check_wanted(errand: Errand) -> None:
    """Something is asked for, and no step is there for nothing."""
    for w in errand.wanted:
        if not 0 <= w.step < len(errand.steps):
            raise ValueError(f"wanted: step {w.step} is not one of {len(errand.steps)}")
        if not w.key and not errand.offer(errand.steps[w.step].tool).writes:
            raise ValueError(f"wanted: step {w.step} has no key, and its tool changes nothing")
    if not errand.keys:
        raise ValueError("wanted: no value is asked for")
    used = {w.step for w in errand.wanted}
    used |= {k for s in errand.steps for k in map(reference_of, s.inputs) if k is not None}
    if idle := sorted(set(range(len(errand.steps))) - used):
        raise ValueError(f"step {idle[0]} is neither asked for nor needed")


# Hidden values -------------------------------------------------------------------------------


class Entity(NamedTuple):
    """What an argument stands for: one spelling of it, its kind, and where it is kept."""

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
        """The code that a tool gives; it is kept at the site of the first argument."""
        digest = self._draw("value", offer, inputs, 5)
        site = inputs[0].site
        code = b32encode(digest).decode().lower()
        return Entity(f"{offer.output}-{code}-{self.errand.sites[site]}", offer.output, site)

    def failing(self, offer: Offer, inputs: Sequence[Entity]) -> int:
        """How many attempts at a call fail for a moment before it works."""
        if not self.errand.failures:
            return 0
        draws = self._draw("failure", offer, inputs, 4 * ATTEMPTS)
        count = 0
        while count < ATTEMPTS and self._below(draws[4 * count : 4 * count + 4]):
            count += 1
        return count

    def _below(self, draw: bytes) -> bool:
        return int.from_bytes(draw, "big") < self.errand.failures * 2**32

    def _draw(self, what: str, offer: Offer, inputs: Sequence[Entity], size: int) -> bytes:
        parts = [what, self.errand.secret, offer.name, *(entity.name for entity in inputs)]
        return blake2b("\n".join(parts).encode(), digest_size=size).digest()

    def steps(self) -> "list[Due]":
        """What each required call is in the end: its tool, its inputs and its value."""
        found: list[Due] = []
        for step in self.errand.steps:
            inputs = tuple(self._input(text, found) for text in step.inputs)
            offer = self.offers[step.tool]
            failing = self.failing(offer, inputs)
            found.append(Due(offer, inputs, self.result(offer, inputs), failing))
        return found

    def _input(self, text: str, done: "Sequence[Due]") -> Entity:
        k = reference_of(text)
        return self.starts[canonical(text)] if k is None else done[k].value


class Due(NamedTuple):
    """A required call with its hidden truth; `failing` attempts at it fail for a moment."""

    offer: Offer
    inputs: tuple[Entity, ...]
    value: Entity
    failing: int

    @property
    def arguments(self) -> dict[str, str]:
        """As a call gives them."""
        return {p.name: e.name for p, e in zip(self.offer.params, self.inputs, strict=True)}

    @property
    def key(self) -> tuple[str, ...]:
        """What tells the call from others, by tool and entities."""
        return (self.offer.name, *(entity.name for entity in self.inputs))

    @property
    def duration(self) -> int:
        """Its latency, in time units."""
        return self.offer.latency[self.inputs[0].site]
