"""The command `export`, for instances and for runs."""

import sys
from argparse import Namespace

from harness.cli import instances
from harness.rows import Run
from tasks.base import InputError


def export(options: Namespace) -> int:
    """`makespan export`: the format tells whether instances or a run are meant."""
    if options.format in ("psplib", "ics"):
        return instances.export(options)
    run = Run.open(options.file)
    if options.format in ("eee", "inspect"):
        return _folder(run, options)
    from harness.export.flat import FLAT
    from harness.rows import samples

    FLAT[options.format](options.out, samples(run))
    return 0


def _folder(run: Run, options: Namespace) -> int:
    from harness.export.eee import write_eee
    from harness.export.inspect_log import write_inspect
    from harness.export.results import results

    write = write_eee if options.format == "eee" else write_inspect
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {options.out}: {error.strerror}") from None
    count = 0
    for result in results(run):
        write(result, options.out)
        count += 1
    print(f"{count} results in {options.out}", file=sys.stderr)
    return 0
