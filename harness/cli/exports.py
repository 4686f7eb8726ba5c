"""The command `export`, for instances and for runs."""

from argparse import Namespace

from harness import files
from harness.cli import instances
from harness.cli.output import say
from harness.rows import Run


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
    files.make_folder(options.out)
    count = 0
    for result in results(run):
        write(result, options.out)
        count += 1
    say(f"{count} results in {options.out}")
    return 0
