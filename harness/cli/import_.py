"""The command `import`."""

from argparse import Namespace
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from harness.cli.output import emit, put
from harness.engines.open import open_engine
from harness.log import say
from harness.suites import instances
from harness.suites.formats import FileBatch, read_batch
from harness.suites.reference_files import with_references
from harness.suites.references import completed, has_none
from tasks.base import InputError, Instance

NAMED = 5  # files in a message


def import_(options: Namespace) -> int:
    """`makespan import FORMAT`; status 1 if a file could not be read and was left out."""
    files = read_batch(options.format, options.files)
    _tell(files, strict=options.strict)
    batch, count = files.instances, len(files.instances)
    if options.references:
        batch, count = with_references(batch, options.references)
    if count < len(batch):
        say(f"{options.references} names {count} of {len(batch)} instances")
    if options.no_solve or not any(map(has_none, batch)):
        put(options.out, map(instances.encode, batch))
    else:
        _solve(batch, options)
    say(f"{len(batch)} instances")
    return 1 if files.complaints else 0


def _tell(files: FileBatch, *, strict: bool) -> None:
    """Tell which files were passed over; InputError if one must be mended first."""
    if files.complaints and (strict or not files.instances):
        more = len(files.complaints) - 1
        raise InputError(files.complaints[0] + (f" (and {more} files more)" if more else ""))
    if files.foreign:
        say(f"passed over, of another format: {_names(files.foreign)}")
    for complaint in files.complaints:
        say(f"left out: {complaint}")


def _names(paths: Sequence[Path]) -> str:
    more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    return ", ".join(map(str, paths[:NAMED])) + more


def _solve(batch: Sequence[Instance[Any]], options: Namespace) -> None:
    """Write the instances, those without a reference solved; what was cut off is taken up."""
    say(f"{sum(map(has_none, batch))} of {len(batch)} instances have no reference: solving them")
    work = partial(completed, seconds=options.time_limit)
    given = [*map(instances.encode, batch)]
    key = [instances.digest(given), options.time_limit]
    with open_engine(options.engine, options.jobs, options.ray_address) as engine:

        def lines(start: int) -> Iterator[bytes]:
            return engine.map(work, given[start:], instances.id_of)

        emit(options.out, "solved", len(batch), lines, key)
