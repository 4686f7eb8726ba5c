"""The command `list`."""

from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator

from harness.agents.base import AGENTS, AgentKind
from harness.cli.catalogue import catalogue, family_facts
from harness.cli.list_family import print_family
from harness.cli.output import print_json
from harness.evolve.domains import DOMAINS
from harness.families.registry import FAMILIES
from harness.models.build import PROVIDERS
from harness.screen import Screen
from harness.store.search_plan import NULLS
from harness.suites import suite as suites
from memory.base import MEMORIES, MemoryKind
from tasks.base import InputError
from tasks.plugins import K, Parts


def show(options: Namespace) -> int:
    """`makespan list [FAMILY]`."""
    if options.json:
        facts = family_facts(options.family) if options.family else catalogue()
        print_json(facts)
    elif options.family:
        print_family(options.family)
    else:
        _print_all()
    return 0


def _print_all() -> None:
    _section("families", _lines(FAMILIES, lambda family: family.description))
    _section("suites", ((name, _suite(name)) for name in suites.names()))
    for name, family in _loaded(FAMILIES):
        _section(
            f"policies of {name}",
            ((f"policy/{p}", f"{x.kind}: {x.description}") for p, x in family.policies.items()),
        )
    _section(
        "other policies",
        [
            ("policy/file:FILE.py", "a program of a domain below, such as evolve exports"),
            *((name, "of makespan evolve: a search without a model") for name in NULLS),
        ],
    )
    _section("domains of makespan evolve", _lines(DOMAINS, lambda domain: domain.description))
    providers = _lines(PROVIDERS, lambda provider: provider.about)
    _section("providers", [*providers, ("policy", "the policies above, which ask nobody")])
    _section("agents", _lines(AGENTS, _with_settings))
    _section("memories", _lines(MEMORIES, _with_settings))


def _section(title: str, lines: Iterable[tuple[str, str]]) -> None:
    """Print a heading, and a line for each name with what it is."""
    screen = Screen()
    screen.say(title)
    screen.entries(list(lines))


def _lines(parts: Parts[K], describe: Callable[[K], str]) -> Iterator[tuple[str, str]]:
    """Yield each part's name with what it is, and the distribution that brings it."""
    for name in parts:
        try:
            text = describe(parts[name])
        except InputError as error:
            yield name, str(error)
            continue
        origin = parts.origin(name)
        yield name, f"{text} (from {origin})" if origin else text


def _loaded(parts: Parts[K]) -> Iterator[tuple[str, K]]:
    """Yield the parts that can be loaded, by name."""
    for name in parts:
        try:
            part = parts[name]
        except InputError:
            continue
        yield name, part


def _suite(name: str) -> str:
    suite = suites.load(name)
    size = f"needs {', '.join(suite.files)}" if suite.files else f"{suite.size} instances"
    return f"{suite.about} ({size})"


def _with_settings(kind: AgentKind | MemoryKind) -> str:
    """Return what a part is, and what of it can be set."""
    names = ", ".join(kind.settings.__struct_fields__)
    return f"{kind.about} (settings: {names})" if names else kind.about
