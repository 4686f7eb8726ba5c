"""Families as an environment of OpenEnv: `uvicorn makespan.arenas.openenv_app:app`.

An action is a model's reply, an observation all that the model is asked next, so that memories and
tools need nothing of their own. Each connection has an episode of its own.
"""

from typing import Any

from openenv.core.env_server import create_fastapi_app
from openenv.core.env_server.interfaces import Environment
from openenv.core.env_server.types import Action, Observation, State
from pydantic import Field

from makespan.arenas.carried import judged, problem, summary
from makespan.episodes import Episode, chat, start, tools
from makespan.frames import read_line
from tasks.base import Fields, InputError, Reply, Scalar, ToolCall

SPLITS = ("train", "test")
TASKS = 1_000_000  # of a split that are spoken of: there is no end
LISTED = 100  # of these at once
SESSIONS = 100


class ReplyAction(Action):  # type: ignore[misc]
    """A model's reply."""

    text: str = ""
    calls: list[dict[str, str]] = Field(
        default_factory=list, description="each with id, name, and arguments as JSON text"
    )
    finish: str = Field("stop", description="`length` if the reply was cut off")


class AskObservation(Observation):  # type: ignore[misc]
    """What the model is asked, as chat completions have it; `grade` at the end."""

    messages: list[dict[str, Any]] = Field(default_factory=list)
    tools: list[dict[str, Any]] = Field(default_factory=list)
    answer_schema: dict[str, Any] | None = None
    grade: dict[str, Any] | None = None


class MakespanEnvironment(Environment[ReplyAction, AskObservation, State]):  # type: ignore[misc]
    """One episode after another; what breaks is an error of the call, never a reward."""

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self) -> None:
        """Begin without an episode: `reset` starts one."""
        super().__init__()
        self._episode: Episode | None = None
        self._state = State()

    def reset(
        self,
        seed: int | None = None,
        episode_id: str | None = None,
        family: str = "rcpsp",
        level: int = 5,
        index: int = 0,
        split: str = "train",
        agent: str = "direct",
        memory: str | None = None,
        settings: dict[str, Scalar] | None = None,
        instance: str | None = None,
        **_: Any,
    ) -> AskObservation:
        """Begin an episode and return what is asked first.

        Args:
            seed: of the instance, below 1,000,000; to train on it stands for 1,000,000 + `seed`.
            episode_id: a name for the episode.
            family: a name of a family.
            level: of difficulty, as the family defines it.
            index: of the instance under the seed.
            split: `train` or `test`.
            agent: `NAME` or `NAME:key=value,...`: how the model is asked.
            memory: the same; None is `history` where there are rounds.
            settings: of the family.
            instance: the line of an instance, instead of all that names one.

        Raises:
            InputError: there is no such instance, agent or memory.
        """
        if split not in SPLITS:
            raise InputError(f"`split` {split!r} is neither train nor test")
        chosen = (
            read_line(instance)
            if instance
            else problem(
                family, level, index, seed=seed or 0, train=split == "train", settings=settings
            )
        )
        self._episode = start(chosen, agent=agent, memory=memory)
        self._state = State(episode_id=episode_id or chosen.id, step_count=0)
        return self._observation(self._episode)

    def step(
        self,
        action: ReplyAction,
        timeout_s: float | None = None,  # noqa: ARG002
        **_: Any,
    ) -> AskObservation:
        """Give the model's reply to the episode and return what is asked next, or its grade.

        Raises:
            InputError: no episode was begun, or a call has no name.
            ValueError: the episode is over.
            SolverFailure: the reply refutes the reference: no fault of the model.
        """
        if self._episode is None:
            raise InputError("no episode: call `reset` first")
        calls = tuple(_call(call) for call in action.calls)
        self._episode.reply(Reply(action.text, calls, finish=action.finish))
        self._state.step_count += 1
        return self._observation(self._episode)

    def _observation(self, episode: Episode) -> AskObservation:
        if episode.done:
            grade, reward = judged(episode)
            return AskObservation(done=True, reward=reward.value, grade=summary(grade, reward))
        ask = episode.ask
        return AskObservation(messages=chat(ask), tools=tools(ask), answer_schema=ask.schema)

    @property
    def state(self) -> State:
        """Return the episode's name and the number of its steps."""
        return self._state

    def list_splits(self) -> list[Fields]:
        """Return the splits."""
        return [{"name": name, "type": name} for name in SPLITS]

    def num_tasks(self, split: str) -> int:  # noqa: ARG002
        """Return how many tasks of a split are spoken of."""
        return TASKS

    def get_task(self, split: str, index: int) -> Fields:
        """Return a task: what `reset` takes."""
        return {"id": f"{split}-{index}", "split": split, "index": index}

    def list_tasks(self, split: str) -> list[Fields]:
        """Return the first tasks of a split."""
        return [self.get_task(split, index) for index in range(LISTED)]


def _call(fields: dict[str, str]) -> ToolCall:
    if "name" not in fields:
        raise InputError("a call has no `name`")
    return ToolCall(fields.get("id", ""), fields["name"], fields.get("arguments", ""))


app = create_fastapi_app(
    MakespanEnvironment,
    ReplyAction,
    AskObservation,
    max_concurrent_envs=SESSIONS,
    env_name="makespan",
)
