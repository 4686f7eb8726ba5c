"""Families as a classic environment of verifiers, before its release 0.4.

`vf-eval makespan.arenas.verifiers_env -a '{"family": "rcpsp", "level": 10}'` evaluates one.

Every prompt is written anew by the episode, so that rounds with any memory and tools on a virtual
clock need nothing of their own. Evaluation has the instances that `makespan run` has; training
those of `makespan.stream`.
"""

import json
from math import nan
from typing import Any

import verifiers.legacy as vf
from datasets import Dataset
from verifiers.legacy.types import Response, ResponseMessage, State

from harness.suites import instances
from makespan.arenas.carried import figures, judged, problem
from makespan.episodes import chat, start
from makespan.frames import read_line
from tasks.base import Failure, Fields, Instance, Reply, Scalar, ToolCall, Usage

EPISODE, FIGURES = "makespan_episode", "makespan_figures"  # keys in the state of a rollout


class GraderError(vf.Error):  # type: ignore[misc]
    """A grader or a solver failed: no fault of the model."""


class MakespanEnv(vf.MultiTurnEnv):  # type: ignore[misc]
    """One episode a rollout. It is judged inside it: rubrics take what they raise for a 0."""

    async def setup_state(self, state: State) -> State:
        """Begin the episode of a row."""
        info = state["info"]
        state[EPISODE] = start(
            read_line(info["instance"]), agent=info["agent"], memory=info["memory"]
        )
        return state

    async def get_prompt_messages(self, state: State) -> list[Fields]:
        """Return all messages of what is asked, and put its tools on offer."""
        ask = state[EPISODE].ask
        state["tool_defs"] = self._normalize_tool_defs(
            [
                {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
                for tool in ask.tools
            ]
        )
        return chat(ask)

    async def env_response(self, messages: Any, state: State, **_: Any) -> Any:
        """Raise: it is never called, for prompts are whole."""
        raise NotImplementedError

    async def get_model_response(self, state: State, prompt: Any, **options: Any) -> Response:
        """Return the model's reply; an empty one is an answer, and a bad one."""
        try:
            return await super().get_model_response(state, prompt, **options)
        except vf.EmptyModelResponseError as error:
            if not says_nothing(error):
                raise
        message = ResponseMessage(content="", finish_reason="stop", is_truncated=False)
        return Response(id="", created=0, model=str(state["model"]), message=message)

    async def add_model_response(
        self, state: State, prompt_messages: Any, response: Response
    ) -> None:
        """Give the reply to the episode; judge it when that is its end."""
        await super().add_model_response(state, prompt_messages, response)
        state[EPISODE].reply(reply_of(response))
        if state[EPISODE].done:
            judge(state)

    @vf.stop  # type: ignore[untyped-decorator]
    async def over(self, state: State) -> bool:
        """Return whether nothing more is asked."""
        return bool(state[EPISODE].done)

    @vf.cleanup  # type: ignore[untyped-decorator]
    async def judge_what_was_cut_short(self, state: State) -> None:
        """Judge a rollout that a limit has ended: what is open is answered by nothing."""
        if state.get("error") is None and FIGURES not in state:
            try:
                judge(state)
            except GraderError as error:
                state["error"] = error

    async def render_completion(self, state: State) -> None:
        """Write down all turns, each after what was asked anew."""
        state["completion"] = [
            message
            for number, step in enumerate(state["trajectory"])
            for message in (*(step["prompt"] if number else ()), *step["completion"])
        ]


def judge(state: State) -> None:
    """Put the figures of an episode into its state; GraderError if it has none."""
    try:
        state[FIGURES] = figures(*judged(state[EPISODE]))
    except Failure as error:
        raise GraderError(f"{error.boundary}: {error}") from error


def says_nothing(error: BaseException) -> bool:
    """Return whether there was a reply, with nothing in it; without one the provider failed."""
    return "no content" in str(error.__cause__ or error)


def reply_of(response: Response) -> Reply:
    """Return a reply as verifiers read it."""
    message, usage = response.message, response.usage
    calls = tuple(ToolCall(c.id, c.name, c.arguments) for c in message.tool_calls or ())
    return Reply(
        message.content if isinstance(message.content, str) else "",
        calls,
        finish=str(message.finish_reason or "stop"),
        usage=Usage(usage.prompt_tokens, usage.completion_tokens) if usage else Usage(),
    )


async def reward(state: State) -> float:
    """Return what the episode is worth to a trainer, in [0, 1]."""
    return _figure(state, "reward")


async def score(state: State) -> float:
    """Return the family's score; it is no number where it needs a reference that is not there."""
    return _figure(state, "score")


async def near_miss(state: State) -> float:
    """Return the reward, and of an invalid answer how near it comes to a valid one."""
    return _figure(state, "near_miss")


async def valid(state: State) -> float:
    """Return 1 for a valid answer, else 0; no number where there is no score."""
    return _figure(state, "valid")


def _figure(state: State, name: str) -> float:
    value: float = state[FIGURES].get(name, nan)
    return value


def rows(problems: list[Instance[Any]], agent: str, memory: str | None) -> Dataset:
    """Return a row an instance: what is asked first, and what its episode is made of."""
    return Dataset.from_list(
        [
            {
                "prompt": chat(start(each, agent=agent, memory=memory).ask),
                "answer": "",
                "info": json.dumps(
                    {
                        "instance": instances.encode(each).decode(),
                        "agent": agent,
                        "memory": memory,
                    }
                ),
            }
            for each in problems
        ]
    )


def environment(**options: Any) -> MakespanEnv:
    """Return the environment of data sets; `options` are those of verifiers."""
    rubric = vf.Rubric(funcs=[reward, score, near_miss, valid], weights=[1.0, 0.0, 0.0, 0.0])
    return MakespanEnv(rubric=rubric, **options)


def load_environment(
    family: str = "rcpsp",
    level: int = 5,
    count: int = 20,
    seed: int = 0,
    train: int = 1000,
    agent: str = "direct",
    memory: str | None = None,
    reference: bool = True,
    **settings: Scalar,
) -> MakespanEnv:
    """Return a family at a level as verifiers loads it; instances are made when they are needed.

    Args:
        family: its name.
        level: of difficulty, as the family defines it.
        count: instances to evaluate.
        seed: of both; below 1,000,000.
        train: instances to train on, from seeds of their own.
        agent: `NAME` or `NAME:key=value,...`: how the model is asked.
        memory: the same; None is `history` where there are rounds.
        reference: whether a solver may run for the instances to train on.
        settings: of the family.
    """

    def built(size: int, to_train: bool) -> Dataset:
        problems = [
            problem(
                family,
                level,
                index,
                seed=seed,
                train=to_train,
                settings=settings,
                reference=reference or not to_train,
            )
            for index in range(size)
        ]
        return rows(problems, agent, memory)

    return environment(eval_dataset=lambda: built(count, False), dataset=lambda: built(train, True))
