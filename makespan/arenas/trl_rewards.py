"""Rewards for TRL: `GRPOTrainer(reward_funcs=makespan_reward, train_dataset=rows)`.

The rows are of `makespan.dataset`; their column `instance` reaches the function. TRL itself is
not imported.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from makespan.arenas.carried import closed
from makespan.episodes import replay
from makespan.frames import read_line
from tasks.base import Reward

Completion = str | Sequence[Mapping[str, Any]]


def makespan_reward(
    completions: Sequence[Completion],
    instance: Sequence[str],
    log_extra: Callable[[str, list[Any]], object] | None = None,
    log_metric: Callable[[str, float], object] | None = None,
    **columns: object,  # noqa: ARG001
) -> list[float]:
    """Return the reward of each completion, in [0, 1].

    A completion that does not bring its episode to the end, such as a first turn with tools, has 0;
    turns after the end count for nothing.

    Args:
        completions: texts, or turns of a conversation.
        instance: the line of each completion's instance.
        log_extra: the trainer's, for a column beside each completion.
        log_metric: the trainer's, for a number of the batch.
        columns: the other columns of the rows.

    Raises:
        SolverFailure: a completion refutes an instance's reference: no fault of the model.
    """
    pairs = zip(completions, instance, strict=True)
    rewards = [_reward(completion, line) for completion, line in pairs]
    if log_extra:
        log_extra("near_miss", [each.near_miss for each in rewards])
    if log_metric and rewards:
        log_metric("makespan/valid", sum(each.value > 0 for each in rewards) / len(rewards))
    return [each.value for each in rewards]


def _reward(completion: Completion, line: str) -> Reward:
    problem = read_line(line)
    if isinstance(completion, str):
        completion = [{"role": "assistant", "content": completion}]
    return closed(replay(problem, completion, memory="none", strict=False)).reward()
