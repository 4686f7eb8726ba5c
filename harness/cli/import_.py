"""The command `import`."""

from argparse import Namespace

from harness.cli.output import put
from harness.log import say
from harness.suites import instances
from harness.suites.formats import read_files


def import_(options: Namespace) -> int:
    """`makespan import FORMAT`."""
    made = read_files(options.format, options.files)
    put(options.out, map(instances.encode, made))
    say(f"{len(made)} instances")
    return 0
