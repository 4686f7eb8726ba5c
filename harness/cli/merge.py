"""The command `merge`."""

import sys
from argparse import Namespace
from pathlib import Path

from harness.board.board import read_board
from harness.board.text import print_board
from harness.log import say
from harness.screen import Screen
from harness.store.folder import Folder
from harness.store.merge import merge as join


def merge(options: Namespace) -> int:
    """`makespan merge`: a new run folder and its board, or its report; status as for `board`."""
    twice = join(options.folders, options.out)
    if Folder.open(options.out).manifest.configuration.evolve:
        if twice:
            say("what is in more than one of the folders is the same")
        complete = _print_search(options.out)
    else:
        if twice:
            say(f"{twice} episodes were there twice, and the same")
        board = read_board([options.out])
        print_board(board, Screen(way=f"makespan board {options.out} --wide shows all"))
        complete = board.complete
    sys.stdout.flush()  # what is said next comes after it
    say(f"run folder: {options.out}")
    return 0 if complete else 1


def _print_search(path: Path) -> bool:
    """Print what a search has found; returns whether it is finished."""
    from harness.evolve.replay import replay
    from harness.evolve.report_text import print_report

    report = replay(path).report
    print_report(report, Screen(way=f"makespan evolve show {path} --wide shows all"))
    if report.champion is None:
        say(f"not finished: makespan resume {path}")
    return report.champion is not None
