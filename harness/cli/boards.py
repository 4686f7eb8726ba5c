"""The commands that read runs: board, compare."""

from argparse import Namespace

from msgspec.structs import replace

from harness import files
from harness.board import as_csv, read_board
from harness.cli.output import print_json
from harness.prices import load
from tasks.base import InputError


def board(options: Namespace) -> int:
    """`makespan board`; status 1 if an episode has no grade, for an error or for being left."""
    made = read_board(options.folders, load(options.prices))
    if options.csv:
        files.write(options.csv, as_csv(made))
    if options.html:
        from harness.board_html import as_html

        files.write(options.html, as_html(made))
    if options.svg:
        from harness.board_svg import as_svg

        files.write(options.svg, as_svg(made))
    if options.json:
        print_json(made)
    elif not (options.csv or options.html or options.svg):
        from harness.board_text import print_board

        print_board(made)
    return 0 if made.complete else 1


def compare(options: Namespace) -> int:
    """`makespan compare`; status 1 if an episode has no counterpart."""
    from harness.compare import compare as versus
    from harness.compare_text import print_versus

    if len(options.model) != 2:
        raise InputError(f"two --model are compared, not {len(options.model)}")
    found = versus(options.folders, *options.model)
    if options.json:
        few = [replace(m, apart=m.apart[: options.limit]) for m in found.matches]
        print_json(replace(found, matches=tuple(few)))
    else:
        print_versus(found, options.limit)
    return 0 if found.complete else 1
