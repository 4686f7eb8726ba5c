"""The command `report`."""

import sys
from argparse import Namespace

from harness import files
from harness.report.page import build


def report(options: Namespace) -> int:
    """`makespan report`: write the page; status 1 if its board is not complete, as with `board`."""
    files.destination(options.html)  # wrong use is told before the work
    page, complete = build(options.folders)
    files.write(options.html, page)
    print(f"{options.html}: {len(page.encode()) / 1000:,.0f} kB", file=sys.stderr)
    return 0 if complete else 1
