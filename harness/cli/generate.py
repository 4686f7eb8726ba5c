"""The command `generate`."""

from argparse import Namespace
from collections.abc import Iterator

from harness.cli.output import emit
from harness.engines.open import open_engine
from harness.families.registry import family
from harness.suites import instances
from harness.suites.instances import InstanceSpec


def generate(options: Namespace) -> int:
    """`makespan generate`."""
    kind = family(options.family)
    settings = kind.resolve(options.level, dict(options.settings))

    def wanted(index: int) -> InstanceSpec:
        proven = not options.no_reference
        return InstanceSpec(
            kind.name,
            options.level,
            options.seed,
            index=index,
            settings=settings,
            reference=proven,
        )

    key = [kind.name, kind.version, options.level, options.seed, settings, options.no_reference]
    with open_engine(options.engine, options.jobs, options.ray_address) as engine:

        def lines(start: int) -> Iterator[bytes]:
            rest = map(wanted, range(start, options.count))
            return engine.map(instances.make, rest, lambda spec: f"instance {spec.index}")

        emit(options.out, "instances", options.count, lines, key)
    return 0
