"""Pipelines as data: layers of components, their models by seat, and the bounds of their work.

The components are those of Archon (Saad-Falcon et al. 2024, arXiv 2409.15254), and `checker`,
`repair` and `vote`, which are of this project.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, TypeAlias, get_args

import msgspec
from msgspec import Meta

from harness.digests import digest
from tasks.base import Fields, InputError, Noun
from tasks.parts import spelled

Sort: TypeAlias = Literal[
    "generator",
    "ranker",
    "fuser",
    "critic",
    "verifier",
    "unit_test_generator",
    "unit_test_evaluator",
    "checker",
    "repair",
    "vote",
]
SORTS: tuple[str, ...] = get_args(Sort)
ASKING = ("model", "temperature", "max_output_tokens")
# By sort what can be set of it, beside how its model is asked; `checker` and `vote` ask nobody.
SETTINGS: dict[str, tuple[str, ...]] = {
    "generator": (*ASKING, "samples"),
    "ranker": (*ASKING, "top_k", "use_critiques"),
    "fuser": (*ASKING, "samples", "length_control"),
    "critic": ASKING,
    "verifier": (*ASKING, "first_k"),
    "unit_test_generator": (*ASKING, "unit_test_cap"),
    "unit_test_evaluator": (*ASKING, "top_k", "first_k"),
    "checker": ("top_k",),
    "repair": (*ASKING, "rounds"),
    "vote": ("top_k",),
}
ANSWERING = ("generator", "fuser", "repair")  # those that make answers of their own
FIRST = ("generator", "unit_test_generator")  # those that need no candidates
TESTS = 5  # that are asked for where no cap is set
AGENT = "pipeline"  # the name of the agent
HIDDEN = "policy/"  # how the names of those begin who read what a world hides
MOST = 10_000  # calls an answer may take at most

Count = Annotated[int, Meta(ge=1, le=1000)]


class SeatSettings(Noun, frozen=True):
    """The sampling of one seat, by the names that a model's name has for it."""

    temperature: float | None = None
    max_output_tokens: int | None = None


class Component(Noun, frozen=True, omit_defaults=True):
    """A component of a layer.

    Attributes:
        type: what it does.
        model: who is asked, `provider/name`; "" is the model of the run.
        temperature, max_output_tokens: of its calls, instead of the model's own.
        samples: answers that a generator or a fuser gives.
        top_k: candidates that go on, the best first; None is all.
        first_k: candidates that go on of those that pass; None is all.
        use_critiques: whether a ranker reads them.
        length_control: whether a fuser is to be brief.
        unit_test_cap: tests at most.
        rounds: times that an answer is mended.
    """

    type: Sort
    model: str = ""
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    max_output_tokens: Annotated[int, Meta(ge=1)] | None = None
    samples: Count = 1
    top_k: Count | None = None
    first_k: Count | None = None
    use_critiques: bool = False
    length_control: bool = False
    unit_test_cap: Count | None = None
    rounds: Count = 1

    def __post_init__(self) -> None:
        own = self.temperature is not None or self.max_output_tokens is not None
        if own and "=" in self.model.rpartition(":")[2]:
            raise ValueError(f"{self.model} has settings in its name: put all of them there")

    @property
    def seat(self) -> str:
        """Return whom it asks: a model's name with settings; one that begins with a colon, or is
        empty, is the run's model."""
        return spelled(self.model, SeatSettings(self.temperature, self.max_output_tokens))

    @property
    def asks(self) -> bool:
        """Return whether it asks a model."""
        return "model" in SETTINGS[self.type]


Layer: TypeAlias = tuple[Component, ...]


class Pipeline(Noun, frozen=True):
    """Layers of components; each layer reads what the one before it left.

    Attributes:
        name: what it is called, no part of what it is.
        layers: the components of each, which work beside each other.
    """

    name: str
    layers: tuple[Layer, ...]

    @property
    def components(self) -> Iterator[Component]:
        """Yield its components, layer by layer."""
        for layer in self.layers:
            yield from layer

    @property
    def digest(self) -> str:
        """Return 12 hex digits that change when what it does changes."""
        return digest(self.layers)

    @property
    def label(self) -> str:
        """Return the name of the agent that it makes: by content, under its name."""
        return f"{AGENT}:{self.name}@{self.digest}"

    @property
    def seats(self) -> tuple[str, ...]:
        """Return whom it asks, each once; "" is the run's model."""
        return tuple(dict.fromkeys(each.seat for each in self.components if each.asks))

    @property
    def checks(self) -> int:
        """Return how many answers it has checked at most."""
        return sum(bound.checks for bound in bounds(self.layers))

    @property
    def calls(self) -> int:
        """Return how many calls it makes at most for one answer."""
        return sum(bound.calls for bound in bounds(self.layers))


def built(fields: Fields, place: str, notes: list[str]) -> Component:
    """Return a component, without what has no effect on its sort, which is noted.

    Raises:
        InputError: a value that cannot be.
    """
    sort = fields["type"]
    useful = {"type", *SETTINGS[sort]}
    idle = [name for name in fields if name not in useful]
    notes += [f"{name!r} of a {sort} has no effect" for name in idle]
    try:
        return msgspec.convert({k: v for k, v in fields.items() if k in useful}, Component)
    except msgspec.ValidationError as error:
        raise InputError(f"{place}: {sort}: {error}") from None


class LayerBound(msgspec.Struct, frozen=True):
    """The most that a layer does.

    Attributes:
        width: candidates that it is given.
        calls: of models.
        checks: of answers.
        answers: that models give in it.
    """

    width: int
    calls: int
    checks: int
    answers: int


def bounds(layers: Sequence[Layer]) -> list[LayerBound]:
    """Return the most that each layer does, where everything goes on that may."""
    width, result = 0, []
    for layer in layers:
        result.append(
            LayerBound(
                width,
                calls=sum(_calls(each, width) for each in layer),
                checks=sum(_checks(each, width) for each in layer),
                answers=sum(answers_of(each, width) for each in layer),
            )
        )
        width = sum(_passing(each, width) for each in layer) or width
    return result


def answers_of(component: Component, width: int) -> int:
    """Return how many answers of models a component has at most, of so many candidates."""
    if component.type == "repair":
        return width * component.rounds
    return component.samples if component.type in ANSWERING else 0


def _calls(component: Component, width: int) -> int:
    sort = component.type
    if sort in ANSWERING:
        return answers_of(component, width)
    if sort == "verifier":
        return 2 * width
    if sort == "unit_test_evaluator":
        return width
    return int(component.asks)


def _checks(component: Component, width: int) -> int:
    if component.type == "repair":
        return width * (component.rounds + 1)
    return width if component.type == "checker" else 0


def _passing(component: Component, width: int) -> int:
    """Return how many candidates a component leaves at most."""
    match component.type:
        case "generator" | "fuser":
            return component.samples
        case "ranker" | "unit_test_evaluator" | "checker" | "vote":
            return min(width, component.top_k or width)
        case "verifier" | "repair":
            return width
    return 0


def _require_no_policy(layer: Layer, place: str) -> None:
    """Raise InputError if a policy, which reads what is hidden, would sit in a seat."""
    for each in layer:
        if each.model.startswith(HIDDEN):
            raise InputError(f"{place}: {each.model} reads what is hidden: no seat is for policies")


def require_order(layers: Sequence[Layer], where: str) -> None:
    """Raise InputError if a layer reads what none before it made, or all would be too much."""
    if not layers or not all(layers):
        raise InputError(f"{where}: a pipeline has layers, and each layer has components")
    candidates = tests = False
    for number, layer in enumerate(layers, 1):
        _require_no_policy(layer, f"{where}: layer {number}")
        sorts = {each.type for each in layer}
        if not candidates and (early := sorted(sorts - {*FIRST})):
            raise InputError(
                f"{where}: layer {number}: a {early[0]} needs candidates: put a generator before it"
            )
        if "unit_test_evaluator" in sorts and not tests:
            raise InputError(
                f"{where}: layer {number}: a unit_test_evaluator needs tests: put a"
                " unit_test_generator before it"
            )
        candidates |= "generator" in sorts
        tests |= "unit_test_generator" in sorts
    if not candidates:
        raise InputError(f"{where}: no layer has a generator")
    calls = sum(bound.calls for bound in bounds(layers))
    if calls > MOST:
        raise InputError(f"{where}: an answer may take {calls} calls, at most {MOST} are allowed")
