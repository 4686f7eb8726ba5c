"""The command `list`."""

from argparse import Namespace
from collections.abc import Iterable

from harness.agents.base import AGENTS, AgentKind
from harness.evolve.domains import domain
from harness.evolve.domains import names as domain_names
from harness.families.registry import FAMILIES, family
from harness.models.build import PROVIDERS
from harness.store.search_plan import NULLS
from harness.suites import suite as suites
from memory.base import MEMORIES, MemoryKind


def show(options: Namespace) -> int:  # noqa: ARG001
    """`makespan list`."""
    _part("families", ((name, family(name).description) for name in FAMILIES))
    _part("suites", ((name, _suite(name)) for name in suites.names()))
    for name in FAMILIES:
        policies = family(name).policies.items()
        _part(
            f"policies of {name}",
            ((f"policy/{p}", f"{x.kind}: {x.description}") for p, x in policies),
        )
    _part(
        "other policies",
        [
            ("policy/file:FILE.py", "a program of a domain below, such as evolve exports"),
            *((name, "of makespan evolve: a search without a model") for name in NULLS),
        ],
    )
    _part(
        "domains of makespan evolve", ((name, domain(name).description) for name in domain_names())
    )
    _part("providers", PROVIDERS.items())
    _part("agents", ((name, _with_settings(kind)) for name, kind in AGENTS.items()))
    _part("memories", ((name, _with_settings(kind)) for name, kind in MEMORIES.items()))
    return 0


def _part(title: str, lines: Iterable[tuple[str, str]]) -> None:
    """A heading, and a line for each name with what it is."""
    entries = list(lines)
    width = max(len(name) for name, _ in entries)
    print(title)
    for name, explanation in entries:
        print(f"  {name:{width}}  {explanation}")


def _suite(name: str) -> str:
    suite = suites.load(name)
    size = f"needs {', '.join(suite.files)}" if suite.files else f"{suite.size} instances"
    return f"{suite.about} ({size})"


def _with_settings(kind: AgentKind | MemoryKind) -> str:
    """Return what a part is, and what of it can be set."""
    names = ", ".join(kind.settings.__struct_fields__)
    return f"{kind.about} (settings: {names})" if names else kind.about
