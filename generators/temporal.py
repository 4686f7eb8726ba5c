"""Questions about time with one right answer: a kind an index, and so much of it as the level says.

Facts are drawn anew where a shortcut would do (`graders/exact/temporal_shortcuts.py`), but for one
question in ten, so that nobody can rule an answer out because a shortcut gives it.
"""

from collections.abc import Callable, Mapping
from random import Random
from typing import Literal, TypeAlias, get_args

from generators import temporal_dates as dates
from generators import temporal_plans as plans
from generators.base import plain_settings, settings_as
from graders.exact.temporal import reference as solve
from graders.exact.temporal_shortcuts import is_trap
from tasks.base import InputError, Instance, Noun, Reference, Scalar
from tasks.ids import instance_id
from tasks.temporal import VERSION, TimeQuestion
from tasks.temporal_facts import AnyFacts

LEVELS = 8
TRIES = 200  # after which facts are taken though a shortcut does
PLAIN = 0.1  # the share of questions whose facts are taken as they come
Kind: TypeAlias = Literal[
    "date_steps",
    "days_between",
    "weekday",
    "business",
    "together_again",
    "dating",
    "clock",
    "zones",
    "durations",
    "slot",
    "ordering",
    "interval_relation",
    "interval_composition",
    "timeline",
    "slowest_path",
    "network",
]
DRAWS: Mapping[Kind, Callable[[Random, int], AnyFacts]] = {
    "date_steps": dates.date_steps,
    "days_between": dates.days_between,
    "weekday": dates.weekday,
    "business": dates.business,
    "together_again": dates.together_again,
    "dating": dates.dating,
    "clock": plans.clock,
    "zones": plans.zones,
    "durations": plans.durations,
    "slot": plans.slot,
    "ordering": plans.ordering,
    "interval_relation": plans.interval_relation,
    "interval_composition": plans.interval_composition,
    "timeline": plans.timeline,
    "slowest_path": plans.slowest_path,
    "network": plans.network,
}
KINDS: tuple[Kind, ...] = get_args(Kind)


class TemporalSettings(Noun, frozen=True):
    """The dial beside the level.

    Attributes:
        kind: of the questions; `mixed`: all kinds in turn, one an index.
    """

    kind: Kind | Literal["mixed"] = "mixed"


def resolve(level: int, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return all settings, with the defaults of the level, in one spelling.

    Args:
        level: of the facts, 1 to 8; what it counts depends on the kind.
        settings: those that are given; see `TemporalSettings`.

    Raises:
        InputError: the level or a setting is wrong.
    """
    if not 1 <= level <= LEVELS:
        raise InputError(f"level {level}: questions about time have levels 1 to {LEVELS}")
    return plain_settings(settings_as(TemporalSettings, "temporal", settings))


def generate(
    level: int, seed: int, index: int, settings: Mapping[str, Scalar], *, reference: bool = True
) -> Instance[TimeQuestion]:
    """Return a question; levels share nothing.

    Args:
        level: of the facts, 1 to 8.
        seed: of all streams.
        index: the number of the instance, from 0; of `mixed` kinds the one at this place in turn.
        settings: those that are given; see `TemporalSettings`.
        reference: whether the right answer is kept with it.

    Raises:
        InputError: the level or a setting is wrong.
    """
    name = resolve(level, settings)["kind"]
    kind = KINDS[index % len(KINDS)] if name == "mixed" else next(k for k in KINDS if k == name)
    resolved: dict[str, Scalar] = {"kind": kind}
    rng = Random(f"temporal/{VERSION}/{level}/{seed}/{index}/{kind}")
    question = TimeQuestion(draw_facts(kind, rng, level))
    return Instance(
        id=instance_id("temporal", level, seed, index, VERSION, resolved, apart=True),
        family="temporal",
        level=level,
        seed=seed,
        index=index,
        settings=resolved,
        version=VERSION,
        payload=question,
        reference=solve(question) if reference else Reference("none"),
    )


def draw_facts(kind: Kind, rng: Random, level: int) -> AnyFacts:
    """Return the facts of a question of a kind."""
    draw = DRAWS[kind]
    facts = draw(rng, level)
    if rng.random() < PLAIN:
        return facts
    for _ in range(TRIES):
        if is_trap(facts):
            break
        facts = draw(rng, level)
    return facts
