"""The command `report`."""

from argparse import Namespace
from pathlib import Path

from harness import files
from harness.calls.prices import load
from harness.cli.options import selection
from harness.cli.runs import chosen
from harness.log import say
from harness.report.assembly import MARK
from harness.report.page import build
from tasks.base import InputError


def report(options: Namespace) -> int:
    """`makespan report`: write the page; status 1 if its board or search is not complete."""
    _check_place(options.html)
    prices = load(options.prices) if options.prices else None
    folders = chosen(options.folders)
    page, complete = build(folders, prices, options.reading, selection(options))
    content = page.encode()
    files.write(options.html, content)
    say(f"{options.html}: {len(content) / 1000:,.0f} kB")
    return 0 if complete else 1


def _check_place(path: Path) -> None:
    """InputError where nothing can be written, or where a file stands that is no report."""
    place = files.destination(path)
    if place is None or not place.exists():
        return
    try:
        with place.open("rb") as file:
            start = file.read(5000)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    if start and MARK.encode() not in start:
        raise InputError(f"{path} is there already and is no report: choose another file")
