"""An agent that answers by a pipeline: samples, rankings, fusions, critiques, checks, in layers.

What a judge says that cannot be read never ends an episode: it is counted, and all candidates go
on. The order of candidates is that of the file, never of time.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypeVar

from msgspec.structs import replace

from harness.agents.pipeline_format import (
    SETTINGS,
    TESTS,
    Component,
    Pipeline,
    answers_of,
    bounds,
)
from harness.agents.pipeline_reading import (
    critiques,
    passed,
    ranking,
    spoken,
    tests,
    verdict,
)
from harness.agents.workbench import counted
from tasks.base import Ask, Message, Noun, Program, Reply, Usage, said, together
from tasks.means import Checked, PolicyStep, check, note
from tasks.parse import read_object
from tasks.prompts import Prompts

TEMPLATES = tuple(
    f"pipeline/{name}.j2"
    for name in (
        "candidates.inc",
        "criticise",
        "fuse",
        "judge",
        "rank",
        "reasons",
        "repair",
        "tests",
        "verdict",
        "with_tests",
    )
)
VIOLATIONS = 20  # that are told of one answer
T = TypeVar("T")


class PipelineSettings(Noun, frozen=True):
    """The settings of the agent `pipeline`, beside its file.

    Attributes:
        models: whom components ask that name one: those of the `file`, or the one of the `run`.
    """

    models: Literal["file", "run"] = "file"


def means_of(pipeline: Pipeline) -> tuple[str, ...]:
    """Return what a pipeline lets models use: like the agent `checker`, so many checks."""
    checks = pipeline.checks
    return (f"checker ({counted(checks, 'check')})",) if checks else ("direct",)


class State(NamedTuple):
    """What goes from layer to layer; critiques are none, or one a candidate."""

    candidates: tuple[Reply, ...] = ()
    critiques: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()

    def only(self, places: Sequence[int]) -> "State":
        """Return the candidates at some places, in that order, with their critiques."""
        critiques = tuple(self.critiques[k] for k in places) if self.critiques else ()
        return State(tuple(self.candidates[k] for k in places), critiques)


class Duty(NamedTuple):
    """What one component works on.

    Attributes:
        component: which.
        path: of its calls.
        ask: the world's.
        state: what the layer before left.
        before: answers that models were asked for before, of which policies draw others.
    """

    component: Component
    path: str
    ask: Ask
    state: State
    before: int


class ByPipeline:
    """Answers by the layers of a file: samples, rankings, fusions, critiques, checks, votes."""

    def __init__(self, prompts: Prompts, pipeline: Pipeline) -> None:
        self._prompts, self._pipeline = prompts, pipeline
        self._parts: dict[str, Callable[[Duty], Program[State]]] = {
            "generator": self._generated,
            "ranker": self._ranked,
            "fuser": self._fused,
            "critic": self._criticised,
            "verifier": self._verified,
            "unit_test_generator": self._tested,
            "unit_test_evaluator": self._evaluated,
            "checker": self._checked,
            "repair": self._repaired,
            "vote": self._voted,
        }
        assert self._parts.keys() == SETTINGS.keys()

    def reply(self, ask: Ask) -> Program[Reply]:
        """Return the first candidate that the last layer leaves; an empty reply if there is none.

        What all calls took is in their own replies.
        """
        state, before = State(), 0
        layers = self._pipeline.layers
        for number, (layer, bound) in enumerate(zip(layers, bounds(layers), strict=True), 1):
            duties = []
            for place, component in enumerate(layer, 1):
                path = f"{ask.path}/layer-{number}/{component.type}-{place}"
                duties.append(Duty(component, path, ask, state, before=before))
                before += answers_of(component, bound.width)
            parts = yield from together(self._parts[duty.component.type](duty) for duty in duties)
            state = _joined(parts, state)
        return state.candidates[0] if state.candidates else Reply("", usage=Usage(0, 0))

    def _text(self, template: str, duty: Duty, **values: object) -> str:
        [message] = self._prompts.messages(
            f"pipeline/{template}.j2", query=duty.ask.messages[-1].content, **values
        )
        return message.content

    def _judged(self, duty: Duty, path: str, text: str) -> Program[str]:
        """Return the reply to a question about answers, in which no answer is wanted."""
        messages = (*duty.ask.messages[:-1], Message("user", text))
        reply: Reply = yield replace(
            duty.ask,
            path=path,
            messages=messages,
            tools=(),
            schema=None,
            seat=duty.component.seat,
            view=None,
        )
        return reply.text

    def _answered(
        self, duty: Duty, path: str, messages: tuple[Message, ...], number: int
    ) -> Program[Reply]:
        """Return a reply that is a candidate; for a policy the next one that it draws."""
        view = PolicyStep(duty.ask.view, duty.before + number)
        reply: Reply = yield replace(
            duty.ask, path=path, messages=messages, seat=duty.component.seat, view=view
        )
        return reply

    def _samples(self, duty: Duty, messages: tuple[Message, ...]) -> Program[State]:
        numbers = range(1, duty.component.samples + 1)
        replies = yield from together(
            self._answered(duty, f"{duty.path}/sample-{k}", messages, k) for k in numbers
        )
        return State(tuple(replies))

    def _generated(self, duty: Duty) -> Program[State]:
        messages = duty.ask.messages
        if duty.state.tests:
            text = self._text("with_tests", duty, tests=duty.state.tests)
            messages = (*messages[:-1], replace(messages[-1], content=text))
        return (yield from self._samples(duty, messages))

    def _fused(self, duty: Duty) -> Program[State]:
        text = self._text(
            "fuse",
            duty,
            candidates=_texts(duty.state),
            critiques=duty.state.critiques,
            brief=duty.component.length_control,
        )
        messages = (*duty.ask.messages[:-1], Message("user", text))
        return (yield from self._samples(duty, messages))

    def _ranked(self, duty: Duty) -> Program[State]:
        state, critical = duty.state, duty.component.use_critiques
        text = self._text(
            "rank",
            duty,
            candidates=_texts(state),
            critiques=state.critiques if critical else (),
        )
        reply = yield from self._judged(duty, duty.path, text)
        order = yield from self._read(duty.path, "ranking", ranking(reply, len(state.candidates)))
        return state.only(_first(order or range(len(state.candidates)), duty.component.top_k))

    def _criticised(self, duty: Duty) -> Program[State]:
        candidates = _texts(duty.state)
        text = self._text("criticise", duty, candidates=candidates, critiques=())
        reply = yield from self._judged(duty, duty.path, text)
        parts = critiques(reply, len(candidates))
        return State((), (yield from self._read(duty.path, "critique", parts)) or ())

    def _verified(self, duty: Duty) -> Program[State]:
        verdicts = yield from together(
            self._verdict(duty, f"{duty.path}/candidate-{k}", candidate)
            for k, candidate in enumerate(_texts(duty.state), 1)
        )
        right = [place for place, is_right in enumerate(verdicts) if is_right]
        if not right:
            yield from note(f"{duty.path}/none", "none verified")
        return duty.state.only(_first(right, duty.component.first_k) or range(len(verdicts)))

    def _verdict(self, duty: Duty, path: str, candidate: str) -> Program[bool]:
        text = self._text("reasons", duty, candidate=candidate)
        reasons = spoken((yield from self._judged(duty, f"{path}/reasons", text)))
        text = self._text("verdict", duty, candidate=candidate, reasons=reasons)
        reply = yield from self._judged(duty, f"{path}/verdict", text)
        return (yield from self._read(path, "verdict", verdict(reply))) or False

    def _tested(self, duty: Duty) -> Program[State]:
        cap = duty.component.unit_test_cap or TESTS
        reply = yield from self._judged(duty, duty.path, self._text("tests", duty, cap=cap))
        texts = yield from self._read(duty.path, "tests", tests(reply, cap))
        return State(tests=texts or ())

    def _evaluated(self, duty: Duty) -> Program[State]:
        state, component = duty.state, duty.component
        if not state.tests:  # the candidates as they come
            return state.only(_first(range(len(state.candidates)), component.top_k))
        counts = yield from together(
            self._passes(duty, f"{duty.path}/candidate-{k}", candidate)
            for k, candidate in enumerate(_texts(state), 1)
        )
        order = sorted(range(len(counts)), key=lambda place: -counts[place])
        full = [place for place in order if counts[place] == len(state.tests)]
        if component.first_k and len(full) >= component.first_k:
            order = full[: component.first_k]
        return state.only(_first(order, component.top_k))

    def _passes(self, duty: Duty, path: str, candidate: str) -> Program[int]:
        text = self._text("judge", duty, candidate=candidate, tests=duty.state.tests)
        reply = yield from self._judged(duty, path, text)
        count = passed(reply, len(duty.state.tests))
        return (yield from self._read(path, "test results", count)) or 0

    def _checked(self, duty: Duty) -> Program[State]:
        results = yield from together(
            check(f"{duty.path}/candidate-{k}", candidate)
            for k, candidate in enumerate(duty.state.candidates, 1)
        )
        order = sorted(range(len(results)), key=lambda place: results[place].order)
        return duty.state.only(_first(order, duty.component.top_k))

    def _repaired(self, duty: Duty) -> Program[State]:
        mended = yield from together(
            self._mended(duty, f"{duty.path}/candidate-{k}", candidate, k - 1)
            for k, candidate in enumerate(duty.state.candidates, 1)
        )
        return State(tuple(mended))

    def _mended(self, duty: Duty, path: str, candidate: Reply, place: int) -> Program[Reply]:
        """Return the best of a candidate and what came of telling what is wrong with it."""
        rounds = duty.component.rounds
        messages, latest = duty.ask.messages, candidate
        checked = yield from check(f"{path}/check-0", candidate)
        results: list[tuple[Reply, Checked]] = [(candidate, checked)]
        for number in range(1, rounds + 1):
            text = self._text("repair", duty, checked=checked, most=VIOLATIONS)
            messages = (*messages, said(latest), Message("user", text))
            draw = place * rounds + number
            latest = yield from self._answered(duty, f"{path}/round-{number}", messages, draw)
            checked = yield from check(f"{path}/check-{number}", latest)
            results.append((latest, checked))
        best, _ = min(results, key=lambda result: result[1].order)
        return best

    def _voted(self, duty: Duty) -> Program[State]:
        """Return candidates by how many give the same answer; what cannot be read has no votes."""
        yield from ()
        answers = [_answer(candidate, duty.ask) for candidate in duty.state.candidates]
        votes = Counter(answer for answer in answers if answer is not None)
        firsts = {answers.index(answer): count for answer, count in votes.items()}
        order = sorted(firsts, key=lambda place: (-firsts[place], place))
        return duty.state.only(_first(order or range(len(answers)), duty.component.top_k))

    def _read(self, path: str, sort: str, value: T | None) -> Program[T | None]:
        """Return what was read of a judge; count it where that is nothing."""
        if value is None:
            yield from note(f"{path}/unread", f"{sort} unreadable")
        return value


def _joined(parts: Sequence[State], before: State) -> State:
    """Return what the components of a layer leave together; what none of them sets goes on."""
    candidates = tuple(each for part in parts for each in part.candidates)
    remarks = tuple(each for part in parts for each in part.critiques)
    sentences = tuple(each for part in parts for each in part.tests)
    candidates = candidates or before.candidates
    is_whole = len(remarks) == len(candidates)
    return State(candidates, remarks if is_whole else (), sentences or before.tests)


def _texts(state: State) -> list[str]:
    """Return candidates as a judge reads them: without their thoughts."""
    return [spoken(candidate.text) for candidate in state.candidates]


def _first(order: Sequence[int], most: int | None) -> Sequence[int]:
    return order[: most or len(order)]


def _answer(reply: Reply, ask: Ask) -> str | None:
    """Return the answer in a reply, by which votes are counted; None if there is none.

    Where the world names no form of an answer, it is the text.
    """
    keys = (ask.schema or {}).get("required")
    if not keys:
        return spoken(reply.text) or None
    parsed = read_object(reply, keys[0])
    return None if parsed.value is None else json.dumps(parsed.value, sort_keys=True)
