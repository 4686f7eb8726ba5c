"""The command `board`."""

import sys
from argparse import Namespace

from harness import files
from harness.board import as_csv, as_json, read_board


def board(options: Namespace) -> int:
    """`makespan board`; status 1 if an episode has no grade, for an error or for being left."""
    made = read_board(options.folders)
    if options.csv:
        files.write(options.csv, as_csv(made))
    if options.json:
        sys.stdout.write(as_json(made).decode() + "\n")
    elif not options.csv:
        from harness.render import print_board

        print_board(made)
    return 0 if made.complete else 1
