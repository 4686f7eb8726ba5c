"""The command `merge`."""

import sys
from argparse import Namespace

from harness.board import read_board
from harness.merge import merge as join
from harness.render import print_board


def merge(options: Namespace) -> int:
    """`makespan merge`: a new run folder and its board; status as for `board`."""
    twice = join(options.folders, options.out)
    if twice:
        print(f"{twice} episodes were there twice, and the same", file=sys.stderr)
    board = read_board([options.out])
    print_board(board)
    print(f"run folder: {options.out}", file=sys.stderr)
    return 0 if board.complete else 1
