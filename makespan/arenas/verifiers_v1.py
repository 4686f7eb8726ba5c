"""Families as a taskset of verifiers v1, from its release 0.4: endless, without a solver's wait.

Its command takes the name of a module in the current folder: one with the line `from
makespan.arenas.verifiers_v1 import *`. A question is one turn; rounds are turns of one growing
talk, for which the environment plays the user. Families with tools have the track of one question.
Scores are replays of the trace, so that traces can be judged anew without a model.
"""

from collections.abc import Iterator
from itertools import count

import verifiers.v1 as vf
from pydantic import Field

from harness.suites import instances
from makespan.arenas.carried import closed, figures, growing, judged, news, problem
from makespan.episodes import Episode, start
from makespan.frames import read_line
from tasks.base import InputError, Message, Reply, Scalar, ToolCall

__all__ = ["MakespanPlay", "MakespanTaskset"]


class MakespanData(vf.TaskData):  # type: ignore[misc]
    """A task: what is asked first, and the instance itself."""

    instance: str
    memory: str | None = None


class MakespanConfig(vf.TasksetConfig):  # type: ignore[misc]
    """What the tasks are made of.

    Attributes:
        family: its name.
        level: of difficulty, as the family defines it.
        seed: below 1,000,000; to train on it stands for 1,000,000 + `seed`.
        train: whether the tasks are to train on.
        memory: the agent's; None is `conversation` where there are rounds.
        reference: whether a solver may run.
        settings: of the family.
    """

    family: str = "rcpsp"
    level: int = 5
    seed: int = 0
    train: bool = True
    memory: str | None = None
    reference: bool = True
    settings: dict[str, Scalar] = Field(default_factory=dict)


class MakespanTask(vf.Task[MakespanData, vf.State, vf.TaskConfig]):  # type: ignore[misc]
    """An episode; what breaks is an error of the trace, never a reward."""

    @property
    def key(self) -> str:
        """Return the id of the instance: it does not change with the order of tasks."""
        return str(self.data.name or self.hash)

    @vf.reward  # type: ignore[untyped-decorator]
    async def reward(self, trace: vf.Trace) -> float:
        """Return what the episode is worth to a trainer, in [0, 1]."""
        return judged(played(self.data, trace))[1].value

    @vf.metric  # type: ignore[untyped-decorator]
    async def figures(self, trace: vf.Trace) -> dict[str, float]:
        """Return the family's score and more, by name."""
        return figures(*judged(played(self.data, trace)))


class MakespanTaskset(vf.Taskset[MakespanTask, MakespanConfig]):  # type: ignore[misc]
    """The instances of a family at a level, one after another."""

    INFINITE = True

    def load(self) -> Iterator[MakespanTask]:
        """Make one task after another.

        Raises:
            InputError: there is no such instance, or it offers tools.
        """
        config = self.config
        for index in count():
            instance = problem(
                config.family,
                config.level,
                index,
                seed=config.seed,
                train=config.train,
                settings=config.settings,
                reference=config.reference,
            )
            line = instances.encode(instance).decode()
            yield MakespanTask(data(line, config.memory), config.task)


def data(line: str, memory: str | None) -> MakespanData:
    """Return the task of an instance.

    Args:
        line: of the instance.
        memory: the agent's; None is `conversation` where there are rounds.

    Raises:
        InputError: it offers tools, which this arena performs by servers of its own.
    """
    instance = read_line(line)
    chosen = growing(instance, memory)
    ask = start(instance, memory=chosen).ask
    if ask.tools:
        raise InputError(
            f"{instance.id}: calls of tools have no place here: take the setting `track`='plan'"
        )
    return MakespanData(
        name=instance.id,
        system_prompt=_words(ask.messages, system=True) or None,
        prompt=_words(ask.messages, system=False),
        instance=line,
        memory=chosen,
    )


def _words(messages: tuple[Message, ...], *, system: bool) -> str:
    return "\n\n".join(m.content for m in messages if (m.role == "system") == system)


def played(task: MakespanData, trace: vf.Trace) -> Episode:
    """Return the episode that a trace tells; what is open is answered by nothing."""
    episode = start(read_line(task.instance), memory=task.memory)
    for reply in replies(trace):
        if not episode.done:
            episode.reply(reply)
    return closed(episode)


def replies(trace: vf.Trace) -> list[Reply]:
    """Return the model's turns, each with why it ended."""
    ends = {call.node: call.finish_reason for call in trace.calls if call.error is None}
    return [
        Reply(
            node.message.content if isinstance(node.message.content, str) else "",
            tuple(ToolCall(c.id, c.name, c.arguments) for c in node.message.tool_calls or ()),
            finish=ends.get(number) or "stop",
        )
        for number, node in enumerate(trace.nodes)
        if node.sampled
    ]


class MakespanPlayConfig(vf.EnvConfig):  # type: ignore[misc]
    """The one agent that plays."""

    agent: vf.AgentConfig = vf.AgentConfig()


class MakespanPlay(vf.Env[MakespanPlayConfig]):  # type: ignore[misc]
    """The episode is the user: it asks again until it is done."""

    async def run(self, task: MakespanTask, agents: vf.Agents) -> None:
        """Play one episode."""
        episode = start(read_line(task.data.instance), memory=task.data.memory)
        async with agents.agent.interaction(task) as talk:
            segment = await talk.turn()
            while not segment.terminated:
                before = episode.ask
                episode.reply(replies(talk.trace)[-1])
                if episode.done:
                    break
                words = [message.content for message in news(before, episode.ask)]
                segment = await talk.turn("\n\n".join(words))
