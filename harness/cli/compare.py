"""The command `compare`."""

from argparse import Namespace

from msgspec.structs import replace

from harness.cli.output import print_json, screen_of
from tasks.base import InputError


def compare(options: Namespace) -> int:
    """`makespan compare`; status 1 if an episode has no counterpart."""
    from harness.board.across import across
    from harness.board.compare import compare as versus
    from harness.board.compare_text import print_comparison

    families = options.family or ()
    if options.across:
        if len(options.model) != 1:
            raise InputError(f"--across compares one --model with itself, not {len(options.model)}")
        settings = [name.strip() for name in options.across.split(",")]
        comparison = across(options.folders, options.model[0], settings, families)
    elif len(options.model) != 2:
        raise InputError(f"two --model are compared, not {len(options.model)}")
    else:
        comparison = versus(options.folders, options.model[0], options.model[1], families)
    if options.json:
        few = [replace(m, apart=m.apart[: options.limit]) for m in comparison.matches]
        print_json(replace(comparison, matches=tuple(few)))
    else:
        print_comparison(comparison, options.limit, screen_of(options))
    return 0 if comparison.complete else 1
