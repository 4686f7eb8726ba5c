"""The command `import`."""

from argparse import Namespace

from harness.cli.output import put
from harness.log import say
from harness.suites import instances
from harness.suites.formats import read_files


def import_(options: Namespace) -> int:
    """`makespan import FORMAT`."""
    batch = read_files(options.format, options.files)
    put(options.out, map(instances.encode, batch))
    say(f"{len(batch)} instances")
    return 0
