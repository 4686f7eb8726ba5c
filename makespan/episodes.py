"""Episodes played step by step, and answers graded and rewarded, in this process."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from harness.agents.base import read_agent
from harness.calls.checks import checked
from harness.calls.imagination import Imagination
from harness.families.registry import family, used_by
from harness.mcp.direct import world_of
from harness.models.openai import chat_message, chat_tool
from harness.run.episode import episode
from harness.run.prepare import choose_agent, choose_memory
from harness.store.versions import speaking_parts
from harness.suites import instances
from memory.base import read_memory
from memory.context import Context, MemoryState
from tasks.base import (
    Ask,
    CallTools,
    Failure,
    Fields,
    Grade,
    InputError,
    Instance,
    Outcome,
    Outside,
    Reply,
    Reward,
    Tell,
    ToolCall,
)
from tasks.imagination import Imagine, later
from tasks.means import Check
from tasks.play import Stepper
from tasks.prompts import Prompts, prompts_of
from tasks.tools_clock import arguments_of

Answer = Mapping[str, Any] | str


def grade(instance: Instance[Any], answer: Answer) -> Grade:
    """Grade an answer to an instance.

    Args:
        instance: with its reference.
        answer: the answer object, or the raw text of a reply.

    Raises:
        NoReference: the family's score needs a reference, and the instance has none: `solve` finds
            one.
        SolverFailure: the answer refutes the instance's reference: no fault of the answer.
    """
    return family(instance.family).score(instance, _outcome(instance, answer))


def _outcome(instance: Instance[Any], answer: Answer) -> Outcome:
    return family(instance.family).read(
        None, answer if isinstance(answer, str) else _as_json(answer)
    )


def _as_json(answer: Mapping[str, Any]) -> str:
    try:
        return msgspec.json.encode(answer).decode()
    except UnicodeEncodeError:  # half a character, which JSON can write and UTF-8 cannot
        return json.dumps(answer)


def reward(instance: Instance[Any], answer: Answer | Grade) -> Reward:
    """Return what an answer is worth to who is trained on it, in [0, 1].

    An invalid answer has 0, a proven optimum 1; of valid answers the better one has more. It needs
    no reference: without one it is measured against a bound that takes no search, which each
    family's page names, and is never above what it would be with one.

    Args:
        instance: with its reference, or with what its generator knows.
        answer: the answer object, the raw text of a reply, or a grade.

    Raises:
        SolverFailure: the answer refutes the instance's reference: no fault of the answer.
    """
    declared = family(instance.family)
    if isinstance(answer, Grade):
        return declared.reward(instance, answer)
    return declared.reward(instance, declared.grade(instance, _outcome(instance, answer)))


class Episode:
    """An instance as it is worked on: answer `ask` with `reply` until it is `done`.

    Tools are performed by their simulation. It is a pure function of the replies: it can be
    pickled at any step, and goes on elsewhere to the same grade. Of two threads each needs its own.

    Attributes:
        instance: what is worked on.
        replies: those that were given so far.
    """

    def __init__(
        self,
        instance: Instance[Any],
        *,
        agent: str = "direct",
        memory: str | None = None,
        prompts: Prompts | None = None,
    ) -> None:
        """Begin an episode.

        Args:
            instance: what is worked on.
            agent: `NAME` or `NAME:key=value,...`: how the model is asked.
            memory: the same; None is `history` where there are rounds.
            prompts: the templates; None for those of this version.

        Raises:
            InputError: there is no such agent or memory, the family does not allow what it does,
                the agent runs programs or is a pipeline, or the memory needs another user's rounds.
        """
        self.instance, self.replies = instance, list[Reply]()
        chosen = choose_agent(agent, (instance.family,))
        if chosen.pipeline:
            raise InputError(f"agent {agent!r} asks in seats, many at once: use `run`")
        self._agent = chosen.name
        self._memory = choose_memory(memory, (instance.family,))
        self._prompts = prompts or _prompts(instance, self._agent, self._memory)
        kind, settings = read_memory(self._memory)
        if kind.needs_other:
            raise InputError(f"memory {kind.name!r} needs the rounds of another user: use `run`")
        self._state = kind.new(Context(self._prompts, None), settings)
        maker, options = read_agent(self._agent)
        if maker.limits(options) is not None:
            raise InputError(f"agent {maker.name!r} runs programs in a sandbox: use `run`")
        world = family(instance.family).world(instance, self._prompts)
        self._imagination, self._explored = Imagination(instance, self._prompts), 0
        self._tools = world_of(instance) if family(instance.family).tools else None
        program = episode(world, maker.make(self._prompts, options), self._state)
        self._stepper: Stepper[Outcome] = Stepper(program)
        self._perform()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what the episode follows from."""
        line = instances.encode(self.instance)
        return _restored, (line, self._agent, self._memory, self._prompts, tuple(self.replies))

    @property
    def done(self) -> bool:
        """Return whether nothing more is asked."""
        return self._stepper.effect is None

    @property
    def ask(self) -> Ask:
        """Return what is asked now, as a model may see it; ValueError once nothing is.

        It has the messages, the tools on offer and the JSON schema of the answer.
        """
        effect = self._stepper.effect
        if not isinstance(effect, Ask):
            raise ValueError(f"{self.instance.id}: nothing more is asked")
        return replace(effect, view=None)

    def reply(self, reply: Reply | str) -> "Episode":
        """Answer what is asked, and go on to what is asked next, or to the end.

        Args:
            reply: the model's, or its text alone.

        Returns:
            The episode itself.

        Raises:
            ValueError: nothing more is asked.
        """
        self.ask  # noqa: B018
        full = reply if isinstance(reply, Reply) else Reply(reply)
        self.replies.append(full)
        self._stepper.answer(full)
        self._perform()
        return self

    def _perform(self) -> None:
        """Answer all that is wanted beside replies."""
        while not isinstance(self._stepper.effect, Ask | None):
            self._stepper.answer(self._answer(self._stepper.effect))

    def _answer(self, effect: Outside) -> Any:
        if isinstance(effect, Tell):
            return None
        if isinstance(effect, CallTools) and self._tools is not None:
            results = self._tools.turn([(c.name, arguments_of(c)) for c in effect.calls])
            return later(results, self._explored)
        if isinstance(effect, Imagine):
            imagined = self._imagination.imagined(effect)
            self._explored += imagined.took if effect.charged else 0
            return imagined
        if isinstance(effect, Check):
            return checked(self.instance, self._prompts, effect.reply)
        raise Failure(f"{effect.path}: nothing here performs a {type(effect).__name__}")

    @property
    def outcome(self) -> Outcome:
        """Return what was parsed of the replies, and the calls; ValueError before the end."""
        if not self.done:
            raise ValueError(f"{self.instance.id}: {self.ask.path} is not answered yet")
        return self._stepper.result

    @property
    def memory(self) -> MemoryState:
        """Return all that the memory holds."""
        return self._state.state()

    def grade(self) -> Grade:
        """Grade the episode.

        Raises:
            ValueError: it is not done.
            NoReference: the family's score needs a reference, and the instance has none.
            SolverFailure: it refutes the instance's reference: no fault of the model.
        """
        return family(self.instance.family).score(self.instance, self.outcome)

    def reward(self) -> Reward:
        """Return what the episode is worth to who is trained on it, with a reference or without.

        Raises:
            ValueError: it is not done.
            SolverFailure: it refutes the instance's reference: no fault of the model.
        """
        declared = family(self.instance.family)
        return declared.reward(self.instance, declared.grade(self.instance, self.outcome))


def _prompts(instance: Instance[Any], agent: str, memory: str) -> Prompts:
    return prompts_of(speaking_parts(agent, memory, used_by(instance)).values())


def _restored(
    line: bytes, agent: str, memory: str, prompts: Prompts, replies: Sequence[Reply]
) -> Episode:
    instance = instances.decode(line, "a pickled episode")
    restored = Episode(instance, agent=agent, memory=memory, prompts=prompts)
    for reply in replies:
        restored.reply(reply)
    return restored


def start(instance: Instance[Any], *, agent: str = "direct", memory: str | None = None) -> Episode:
    """Begin an episode of an instance.

    Args:
        instance: what is worked on.
        agent: `NAME` or `NAME:key=value,...`: how the model is asked.
        memory: the same; None is `history` where there are rounds.

    Raises:
        InputError: there is no such agent or memory.
    """
    return Episode(instance, agent=agent, memory=memory)


def replay(
    instance: Instance[Any],
    messages: Sequence[Mapping[str, Any]],
    *,
    agent: str = "direct",
    memory: str | None = None,
    strict: bool = True,
) -> Episode:
    """Return the episode that a transcript tells.

    Only the assistant's turns are taken from it: all else follows from them, and is made anew.

    Args:
        instance: what was worked on.
        messages: as chat completions have them; `finish_reason` of a turn counts if it is there.
        agent: how the model was asked.
        memory: what it remembered.
        strict: whether turns after the episode's end are refused; else they count for nothing.

    Raises:
        InputError: a turn is none, or there are more turns than the episode asks for.
    """
    told = start(instance, agent=agent, memory=memory)
    for number, message in enumerate(messages):
        if message.get("role") != "assistant":
            continue
        if told.done:
            if not strict:
                break
            raise InputError(f"message {number}: the episode ended before it")
        told.reply(_reply(message, number))
    return told


def _reply(message: Mapping[str, Any], number: int) -> Reply:
    """Return an assistant's turn as a reply; InputError if it is none."""
    try:
        calls = tuple(
            ToolCall(
                str(call.get("id") or ""),
                call["function"]["name"],
                _arguments(call["function"].get("arguments")),
            )
            for call in message.get("tool_calls") or ()
        )
    except (KeyError, TypeError, AttributeError):
        raise InputError(f"message {number}: its tool_calls are none") from None
    default = "tool_calls" if calls else "stop"
    return Reply(
        _text(message.get("content"), number),
        calls,
        finish=str(message.get("finish_reason") or default),
    )


def _arguments(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _text(content: Any, number: int) -> str:
    """Return the text of a turn: a string, nothing, or a list of parts."""
    if content is None or isinstance(content, str):
        return content or ""
    try:
        return "".join(part["text"] for part in content if part.get("type") == "text")
    except (KeyError, TypeError, AttributeError):
        raise InputError(f"message {number}: its content is no text") from None


def chat(ask: Ask) -> list[Fields]:
    """Return the messages of an ask as chat completions have them."""
    return [chat_message(message) for message in ask.messages]


def tools(ask: Ask) -> list[Fields]:
    """Return the tools on offer as chat completions have them."""
    return [chat_tool(tool) for tool in ask.tools]
