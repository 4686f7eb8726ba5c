"""Episodes that somebody else's loop carries: what its adapters have in common."""

from collections.abc import Mapping
from typing import Any

from harness.families.registry import family
from makespan.episodes import Episode, start
from makespan.problems import TRAINING
from tasks.base import (
    Ask,
    Fields,
    Grade,
    InputError,
    Instance,
    Message,
    NoReference,
    Reward,
    Scalar,
)

GROWING = "conversation"  # the memory of arenas whose talk can only be added to


def problem(
    name: str,
    level: int,
    index: int,
    *,
    seed: int = 0,
    train: bool = True,
    settings: Mapping[str, Scalar] | None = None,
    reference: bool = True,
) -> Instance[Any]:
    """Return an instance of a family: one to train on, unless `train` is false.

    Args:
        name: of the family.
        level: of difficulty.
        index: of the instance, from 0.
        seed: 0, 1, ...: to train on it stands for the seed 1,000,000 + `seed`.
        train: whether the instance is one to train on.
        settings: of the family; those that are not given have their defaults.
        reference: whether a solver may run.

    Raises:
        InputError: there is no such family, level or setting, or the seed is none of these.
    """
    if not 0 <= seed < TRAINING:
        raise InputError(f"`seed` {seed} is not in 0 to {TRAINING - 1}")
    declared = family(name)
    resolved = declared.resolve(level, dict(settings or {}))
    first = TRAINING if train else 0
    return declared.generate(level, first + seed, index, resolved, reference=reference)


def growing(instance: Instance[Any], memory: str | None) -> str | None:
    """Return the memory of an episode in a talk that can only be added to.

    Without one that is asked for it is `conversation` where there are rounds. A first turn without
    a word is rehearsed, so that a talk that begins anew is refused before anybody has replied.

    Raises:
        InputError: what is asked next does not go on with the talk.
    """
    chosen = GROWING if memory is None and family(instance.family).has_rounds else memory
    rehearsal = start(instance, memory=chosen)
    before = rehearsal.ask
    if not rehearsal.reply("").done:
        news(before, rehearsal.ask)
    return chosen


def news(before: Ask, after: Ask) -> tuple[Message, ...]:
    """Return what has to be added to a talk, after the reply to `before`, to ask `after`.

    Raises:
        InputError: what is asked does not go on with the talk.
    """
    size = len(before.messages)
    if after.messages[:size] != before.messages or len(after.messages) <= size + 1:
        raise InputError(
            f"{after.path}: what is asked begins anew, and this talk can only be added to:"
            f" take the memory {GROWING!r}, and settings with which a turn goes on with the talk"
            " (docs/arenas.md)"
        )
    return after.messages[size + 1 :]


def closed(episode: Episode) -> Episode:
    """Return an episode at its end: what is open is answered by nothing."""
    while not episode.done:
        episode.reply("")
    return episode


def judged(episode: Episode) -> tuple[Grade | None, Reward]:
    """Return grade and reward of an episode; what is open is answered by nothing.

    The grade is None where a score needs a reference and the instance has none: it may be one to
    train on, and a reward needs none.

    Raises:
        Failure: it has neither, and not by a fault of the model.
    """
    closed(episode)
    try:
        return episode.grade(), episode.reward()
    except NoReference:
        return None, episode.reward()


def figures(grade: Grade | None, reward: Reward) -> dict[str, float]:
    """Return what an arena may keep of a judgement as numbers, by name."""
    worth = {"reward": reward.value, "near_miss": reward.near_miss}
    if grade is None:
        return worth
    return {**worth, "score": grade.score, "valid": float(grade.verdict == "valid")}


def summary(grade: Grade | None, reward: Reward) -> Fields:
    """Return what an arena may show of a judgement: numbers, and of a grade verdict and metrics."""
    numbers = figures(grade, reward)
    if grade is None:
        return {**numbers}
    return {**numbers, "verdict": str(grade.verdict), "metrics": grade.metrics}
