"""The command `merge`."""

from argparse import Namespace

from harness.board.board import read_board
from harness.board.text import print_board
from harness.log import say
from harness.store.merge import merge as join


def merge(options: Namespace) -> int:
    """`makespan merge`: a new run folder and its board; status as for `board`."""
    twice = join(options.folders, options.out)
    if twice:
        say(f"{twice} episodes were there twice, and the same")
    board = read_board([options.out])
    print_board(board)
    say(f"run folder: {options.out}")
    return 0 if board.complete else 1
