"""Another user's rounds, for the memory `placebo`."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from harness.families.registry import family
from memory.rounds import told
from tasks.base import Ask, Instance, Reply
from tasks.prompts import Prompts


def neighbour(instance: Instance[Any], run: Sequence[Instance[Any]]) -> Instance[Any] | None:
    """The user before this one in its cell, for the first the second; None if it is alone.

    So a larger `--limit` changes nobody's neighbour.
    """
    group = (instance.family, instance.level, instance.settings)
    alike = [other for other in run if (other.family, other.level, other.settings) == group]
    place = [other.id for other in alike].index(instance.id)
    return alike[place - 1 if place else 1] if len(alike) > 1 else None


def other_rounds(
    instance: Instance[Any], run: Sequence[Instance[Any]], prompts: Prompts
) -> Callable[[], Sequence[str]] | None:
    """Return what makes the neighbour's rounds, by the ceiling; None without a neighbour."""
    other = neighbour(instance, run)
    if other is None:
        return None
    kind = family(other.family)
    ceiling = next(p for p in kind.policies.values() if p.kind == "ceiling")

    def answer(ask: Ask) -> Reply:
        return Reply(msgspec.json.encode(ceiling.answer(ask.view)).decode())

    return lambda: told(kind.world(other, prompts), answer)
