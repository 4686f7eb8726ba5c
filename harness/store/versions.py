"""The versions of what a run is made with: digests of what each part says to models."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from harness.agents.base import agent_kind
from harness.families.registry import family
from harness.suites.suite import Asides
from memory.base import read_memory
from tasks.prompts import Prompts, Speaking


def speaking_parts(
    agent: str, memory: str, families: Iterable[str], asides: Asides = MappingProxyType({})
) -> dict[str, Speaking]:
    """Return the parts of a run that say something to models, by what they are to the run.

    Args:
        agent: its spelling.
        memory: its spelling.
        families: their names.
        asides: templates of families that settings ask for.
    """
    parts: dict[str, Speaking] = {
        name: family(name).using(asides.get(name, ())) for name in families
    }
    parts |= {"memory": read_memory(memory)[0], "agent": agent_kind(agent)}
    return {name: part for name, part in parts.items() if part.templates}


def templates_used(
    agent: str, memory: str, families: Iterable[str], asides: Asides = MappingProxyType({})
) -> dict[str, tuple[str, ...]]:
    """Return the names of the templates that each part of a run uses, by the part's name."""
    parts = speaking_parts(agent, memory, families, asides)
    return {name: part.templates for name, part in parts.items()}


def part_versions(
    templates: Mapping[str, tuple[str, ...]], families: Iterable[str], prompts: Prompts
) -> dict[str, str]:
    """Return the versions of a run's memory and agent: digests of what they say to models.

    What an agent says with templates of the run's families is covered by their versions.
    """
    names_of_families = set(families)
    covered = {name for part in names_of_families for name in templates[part]}
    return {
        part: f"prompts {prompts.digest(names)}"
        for part, names in templates.items()
        if part not in names_of_families and not covered.issuperset(names)
    }
