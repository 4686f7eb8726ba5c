"""Families as tasks of inspect-ai: `inspect eval makespan/rcpsp -T level=10 -T count=20`.

Every instance is a sample. The solver asks the model whatever the episode wants, tools called
natively and performed by their simulation; the scorer plays the replies again, so that
`inspect score` repeats the grades of a log without a model.
"""

import json
from collections.abc import Callable
from typing import Any

import msgspec
from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageTool,
    ChatMessageUser,
    GenerateConfig,
    ModelOutput,
    ResponseSchema,
    get_model,
)
from inspect_ai.scorer import Score, Target, mean, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.tool import ToolCall as InspectCall
from inspect_ai.tool import ToolInfo, ToolParams
from inspect_ai.util import JSONSchema

from harness.suites import instances
from makespan.episodes import Episode, start
from makespan.frames import read_line
from makespan.problems import families, family, generate
from tasks.base import Ask, Instance, Message, Reply, Scalar, Tool, ToolCall, Usage

REPLIES = "makespan:replies"  # the key in a sample's store
SHOWN = 2_000  # characters of the violations in an explanation
CUT_OFF = ("max_tokens", "model_length")


def _declare(name: str) -> Callable[..., Task]:
    """Return the task of a family, registered under its name."""

    def of_family(
        level: int = 5,
        count: int = 20,
        seed: int = 0,
        agent: str = "direct",
        memory: str | None = None,
        structured: bool = False,
        **settings: Scalar,
    ) -> Task:
        """Return instances 0 to `count` - 1 of a level.

        Args:
            level: of difficulty, as the family defines it.
            count: how many.
            seed: below 1,000,000: those above are for training.
            agent: `NAME` or `NAME:key=value,...`: how the model is asked.
            memory: the same; None is `history` where there are rounds.
            structured: whether replies are constrained by the answer's JSON schema.
            settings: of the family.
        """
        problems = generate(name, level, count, seed=seed, settings=settings)
        return Task(
            dataset=MemoryDataset(
                [sample(problem, agent, memory) for problem in problems], name=name
            ),
            solver=play(structured),
            scorer=graded(),
            version=family(name).version,
            metadata={"level": level, "seed": seed, **settings},
        )

    of_family.__name__ = name
    declared: Callable[..., Task] = task(name=name)(of_family)
    return declared


def sample(problem: Instance[Any], agent: str, memory: str | None) -> Sample:
    """Return the sample of an instance: what is asked first, and what its episode is made of."""
    first = start(problem, agent=agent, memory=memory).ask
    return Sample(
        id=problem.id,
        input=[_message(message) for message in first.messages],
        metadata={
            "instance": instances.encode(problem).decode(),
            "agent": agent,
            "memory": memory,
        },
    )


@solver  # type: ignore[untyped-decorator]
def play(structured: bool = False) -> Solver:
    """Ask the model what the episode wants, until it is done; replies stay in the sample's store.

    Args:
        structured: whether replies are constrained by the answer's JSON schema.
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:  # noqa: ARG001
        episode, model = _episode(state), get_model()
        while not episode.done:
            ask = episode.ask
            messages = [_message(message) for message in ask.messages]
            output = await model.generate(
                messages,
                tools=[_tool(tool) for tool in ask.tools],
                config=_constrained(ask) if structured else GenerateConfig(),
            )
            episode.reply(_reply(output))
            state.output, state.messages = output, [*messages, output.message]
        state.store.set(REPLIES, msgspec.to_builtins(episode.replies))
        state.completed = True
        return state

    return solve


@scorer(metrics=[mean(), stderr()])  # type: ignore[untyped-decorator]
def graded() -> Any:
    """Grade the replies in the store; no model is asked.

    The score is the family's own. A reply that the provider failed to give, or a reference that an
    answer refutes, is an error of the sample, never a score of 0.
    """

    async def score(state: TaskState, target: Target) -> Score:  # noqa: ARG001
        episode = _episode(state)
        for reply in state.store.get(REPLIES, []):
            episode.reply(msgspec.convert(reply, Reply))
        grade, reward = episode.grade(), episode.reward()
        violations = json.dumps(msgspec.to_builtins(grade.violations))[:SHOWN]
        return Score(
            value=grade.score,
            answer=episode.replies[-1].text,
            explanation=f"{grade.verdict}: {violations}",
            metadata={
                "verdict": str(grade.verdict),
                "objective": grade.objective,
                "bound": grade.bound,
                "gap": grade.gap,
                "reward": reward.value,
                "metrics": grade.metrics,
            },
        )

    return score


def _episode(state: TaskState) -> Episode:
    """Return the episode of a sample at its beginning."""
    fields = state.metadata
    return start(read_line(fields["instance"]), agent=fields["agent"], memory=fields["memory"])


def _message(message: Message) -> ChatMessage:
    if message.role == "system":
        return ChatMessageSystem(content=message.content)
    if message.role == "user":
        return ChatMessageUser(content=message.content)
    if message.role == "tool":
        return ChatMessageTool(content=message.content, tool_call_id=message.call_id)
    calls = [InspectCall(c.id, c.name, _arguments(c.arguments)) for c in message.calls]
    return ChatMessageAssistant(content=message.content, tool_calls=calls or None)


def _arguments(text: str) -> dict[str, Any]:
    """Return arguments as they go back to a provider; those that are no object are empty."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _tool(tool: Tool) -> ToolInfo:
    return ToolInfo(
        name=tool.name,
        description=tool.description,
        parameters=ToolParams.model_validate(tool.parameters),
    )


def _constrained(ask: Ask) -> GenerateConfig:
    if not ask.schema:
        return GenerateConfig()
    schema = JSONSchema.model_validate(ask.schema)
    return GenerateConfig(response_schema=ResponseSchema(name="answer", json_schema=schema))


def _reply(output: ModelOutput) -> Reply:
    """Return what inspect read of a reply; arguments that it cannot parse stay as they are."""
    message, usage = output.message, output.usage
    calls = tuple(
        ToolCall(
            call.id,
            call.function,
            json.dumps(call.arguments) if call.parse_error is None else call.parse_error,
        )
        for call in message.tool_calls or ()
    )
    return Reply(
        message.text,
        calls,
        finish="length" if output.stop_reason in CUT_OFF else output.stop_reason,
        usage=Usage(usage.input_tokens, usage.output_tokens) if usage else Usage(),
        model=output.model,
    )


for _name in families():
    globals()[_name] = _declare(_name)
