"""What there is, as data: all of it, or all about one family."""

from collections.abc import Callable, Iterator
from typing import Any

from harness.agents.base import AGENTS
from harness.evolve.domains import DOMAINS
from harness.families.family import Levels
from harness.families.registry import FAMILIES, family
from harness.families.settings import SettingFacts, settings_facts
from harness.models.build import PROVIDERS
from harness.store.search_plan import NULLS
from harness.suites import suite as suites
from memory.base import MEMORIES
from tasks.base import InputError, Noun
from tasks.plugins import K, Parts


class PartFacts(Noun, frozen=True):
    """A part by name.

    Attributes:
        about: what it is.
        origin: the distribution that brings it; None for the project's own.
        settings: what of it can be set.
        problem: why it cannot be loaded.
    """

    name: str
    about: str = ""
    origin: str | None = None
    settings: tuple[SettingFacts, ...] = ()
    problem: str | None = None


class PolicyFacts(Noun, frozen=True):
    """A built-in policy: a floor or a ceiling."""

    name: str
    kind: str
    about: str


class SuiteFacts(Noun, frozen=True):
    """A suite: its size (None: needs files, or without end), the levels and families it has."""

    name: str
    about: str
    size: int | None
    families: tuple[str, ...]
    levels: tuple[int, ...]
    files: tuple[str, ...] = ()
    headline: str | None = None


class ColumnFacts(Noun, frozen=True):
    """A column of a family's board, where it stands, and whether a suite may score by it."""

    name: str
    prints: str
    place: str
    headline: bool


class FamilyFacts(Noun, frozen=True):
    """All that is declared of a family.

    Attributes:
        levels: what a level counts, the least and the most; None where that is not declared.
        settings: None where their type is not declared.
        ramp: settings that are the dial of difficulty, beside the level.
        means: what a model may use to answer it, and by which agents or programs.
    """

    name: str
    about: str
    version: int
    origin: str | None
    levels: Levels | None
    settings: tuple[SettingFacts, ...] | None
    ramp: tuple[str, ...]
    rounds: bool
    policies: tuple[PolicyFacts, ...]
    suites: tuple[SuiteFacts, ...]
    columns: tuple[ColumnFacts, ...]
    means: dict[str, tuple[str, ...]]


class Listing(Noun, frozen=True):
    """All that there is; `policies` by family, `nulls` are searches without a model."""

    families: tuple[PartFacts, ...]
    suites: tuple[SuiteFacts, ...]
    policies: dict[str, tuple[PolicyFacts, ...]]
    domains: tuple[PartFacts, ...]
    nulls: tuple[str, ...]
    providers: tuple[PartFacts, ...]
    agents: tuple[PartFacts, ...]
    memories: tuple[PartFacts, ...]


def catalogue() -> Listing:
    """Return all that there is; what cannot be loaded says why."""
    return Listing(
        tuple(_parts(FAMILIES, lambda each: each.description, lambda each: each.settings)),
        tuple(_suite(name) for name in suites.names()),
        policies={name: _policies(name) for name in _loadable(FAMILIES)},
        domains=tuple(_parts(DOMAINS, lambda each: each.description)),
        nulls=NULLS,
        providers=tuple(_parts(PROVIDERS, lambda each: each.about)),
        agents=tuple(_parts(AGENTS, lambda each: each.about, lambda each: each.settings)),
        memories=tuple(_parts(MEMORIES, lambda each: each.about, lambda each: each.settings)),
    )


def family_facts(name: str) -> FamilyFacts:
    """Return all that is declared of a family; InputError if there is none."""
    declared = family(name)
    kind = declared.settings
    return FamilyFacts(
        name,
        declared.description,
        declared.version,
        origin=FAMILIES.origin(name),
        levels=declared.levels,
        settings=None if kind is None else tuple(settings_facts(kind)),
        ramp=declared.ramp,
        rounds=declared.has_rounds,
        policies=_policies(name),
        suites=tuple(_suites_of(name)),
        columns=tuple(
            ColumnFacts(c.name, c.prints, place=c.place, headline=c.measure is not None)
            for c in declared.columns
        ),
        means=_means(name),
    )


def _parts(
    parts: Parts[K],
    describe: Callable[[K], str],
    settings: Callable[[K], type[Noun] | None] = lambda _: None,
) -> Iterator[PartFacts]:
    for name in parts:
        try:
            part = parts[name]
        except InputError as error:
            yield PartFacts(name, problem=str(error))
            continue
        kind = settings(part)
        facts = tuple(settings_facts(kind)) if kind else ()
        yield PartFacts(name, describe(part), origin=parts.origin(name), settings=facts)


def _loadable(parts: Parts[Any]) -> list[str]:
    return [part.name for part in _parts(parts, lambda _: "") if part.problem is None]


def _policies(name: str) -> tuple[PolicyFacts, ...]:
    return tuple(
        PolicyFacts(f"policy/{policy}", x.kind, about=x.description)
        for policy, x in family(name).policies.items()
    )


def _suite(name: str) -> SuiteFacts:
    suite = suites.load(name)
    return SuiteFacts(
        name,
        suite.about,
        None if suite.files else suite.size,
        families=suite.families,
        levels=tuple(sorted({entry.level for entry in suite.entry})),
        files=suite.files,
        headline=suite.headline or None,
    )


def _suites_of(name: str) -> Iterator[SuiteFacts]:
    """Yield the suites that have instances of a family, each with that family's levels and size."""
    for each in suites.names():
        entries = [entry for entry in suites.load(each).entry if entry.family == name]
        if entries:
            counts = [entry.count for entry in entries if entry.count is not None]
            whole = _suite(each)
            yield SuiteFacts(
                each,
                whole.about,
                sum(counts) if len(counts) == len(entries) else None,
                families=whole.families,
                levels=tuple(sorted({entry.level for entry in entries})),
                headline=whole.headline,
            )


def _means(name: str) -> dict[str, tuple[str, ...]]:
    """Return what a model may use to answer a family, and by which agents or programs."""
    means: dict[str, list[str]] = {}
    for agent in _loadable(AGENTS):
        kind = AGENTS[agent]
        if not set(kind.uses) <= set(family(name).means):
            continue
        if kind.sessions:  # its means are those of an agent that it must be told
            means["a command-line agent"] = [agent]
            continue
        means.setdefault(", ".join(kind.means(kind.settings())), []).append(agent)
    programs = [each for each in _loadable(DOMAINS) if DOMAINS[each].family == name]
    if programs:
        means["program"] = programs
    return {words: tuple(ways) for words, ways in means.items()}
