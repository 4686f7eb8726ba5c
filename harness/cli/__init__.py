"""The command `makespan`."""

import os
import sys
from collections.abc import Sequence

from tasks.base import Failure, InputError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 all done, 1 incomplete or with errors, 2 wrong use or nothing to be done.

    What is wrong is told in one line on standard error; a traceback is a bug.
    """
    from harness.cli.parser import build_parser

    options = build_parser().parse_args(argv)
    try:
        status: int = options.act(options)
        sys.stdout.flush()
    except (InputError, Failure) as error:
        line = " ".join(str(error).split("\n"))
        print(f"makespan {options.command}: {line}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"makespan {options.command}: stopped", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of our output has gone: nothing to tell, nobody to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status
