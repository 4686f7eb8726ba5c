"""The command `board`."""

import sys
from argparse import Namespace

from harness import files
from harness.board import as_csv, as_json, read_board


def board(options: Namespace) -> int:
    """`makespan board`; status 1 if any episode ended in an error."""
    made = read_board(options.folders)
    if options.csv:
        files.write(options.csv, as_csv(made))
    if options.json:
        sys.stdout.write(as_json(made).decode() + "\n")
    elif not options.csv:
        from harness.render import print_board

        print_board(made)
    return 1 if made.errors else 0
