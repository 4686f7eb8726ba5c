"""The command `makespan`."""

import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from importlib import import_module

from tasks.base import Failure, InputError


def command_of(options: Namespace) -> Callable[[Namespace], int]:
    """Load what a command needs, and return the function that does it and gives its status."""
    module, function = options.act.split(".")
    command: Callable[[Namespace], int] = getattr(
        import_module(f"{__package__}.{module}"), function
    )
    return command


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 all done, 1 incomplete or with errors, 2 wrong use or nothing to be done.

    What is wrong is told in one line on standard error; a traceback is a bug.
    """
    from harness.cli.output import checked_stdout, silence
    from harness.cli.parser import build_parser
    from harness.cli.wording import OPTIONS
    from harness.log import parameters_named, worded

    name = "makespan"
    try:
        with checked_stdout(), parameters_named(OPTIONS):
            options = build_parser().parse_args(argv)
            name += f" {options.command}"
            status = command_of(options)(options)
    except (InputError, Failure) as error:
        message = " ".join(str(error).splitlines())
        with parameters_named(OPTIONS):
            print(f"{name}: {worded(message)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{name}: stopped", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of our output has gone: nothing to tell, nobody to tell
        silence()
        return 1
    return status
