"""The command `export`, for instances and for runs."""

from argparse import Namespace

from harness import files
from harness.export.rows import PublishedRun
from harness.log import say
from harness.suites import instances
from harness.suites.formats import write_format


def export(options: Namespace) -> int:
    """`makespan export`: the format tells whether instances or a run are meant."""
    if options.format in ("psplib", "ics"):
        return export_instances(options)
    run = PublishedRun.open(options.file)
    if options.format in ("eee", "inspect"):
        return _folder(run, options)
    from harness.export.flat import FLAT
    from harness.export.rows import samples

    FLAT[options.format](options.out, samples(run))
    return 0


def _folder(run: PublishedRun, options: Namespace) -> int:
    from harness.export.eee import write_eee
    from harness.export.inspect import write_inspect
    from harness.export.results import results

    write = write_eee if options.format == "eee" else write_inspect
    files.make_folder(options.out)
    count = 0
    for result in results(run):
        write(result, options.out)
        count += 1
    say(f"{count} results in {options.out}")
    return 0


def export_instances(options: Namespace) -> int:
    """`makespan export FILE.jsonl --format psplib|ics`: one file an instance."""
    texts = [write_format(i, options.format) for i in instances.read(options.file)]
    files.make_folder(options.out)
    for name, _ in texts:
        files.destination(options.out / name)
    for name, content in texts:
        files.write(options.out / name, content)
    say(f"{len(texts)} files in {options.out}")
    return 0
