"""The commands that read runs: board, compare."""

from argparse import Namespace

from harness import files
from harness.board.board import Board, as_csv, read_board
from harness.calls.prices import load
from harness.cli.options import selection
from harness.cli.output import print_json, screen_of
from harness.cli.runs import chosen
from harness.garbage import uncollected


def board(options: Namespace) -> int:
    """`makespan board`; status 1 if an episode has no grade, for an error or for being left."""
    rows_board = _read(options)
    if options.csv:
        files.write(options.csv, as_csv(rows_board))
    if options.html:
        from harness.board.html import as_html

        files.write(options.html, as_html(rows_board))
    if options.svg:
        from harness.report.board_svg import as_svg

        files.write(options.svg, as_svg(rows_board))
    if options.json:
        print_json(rows_board)
    elif not (options.csv or options.html or options.svg):
        from harness.board.text import print_board

        print_board(rows_board, screen_of(options))
    return 0 if rows_board.complete else 1


def _read(options: Namespace) -> Board:
    with uncollected():
        return read_board(
            chosen(options.folders, "run"),
            load(options.prices),
            options.reading,
            selection(options),
        )
