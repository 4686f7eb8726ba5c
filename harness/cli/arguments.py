"""Types of arguments, and groups of options that commands share."""

import argparse
import re
from collections.abc import Callable, Sequence
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn

from harness.cli.names import other_name
from tasks.base import short
from tasks.near import did_you_mean

MOST = 10**7  # of anything that is counted

MOST_JOBS = 1_000

DEEPEST = 100  # nesting of JSON on the command line

Parser = argparse.ArgumentParser

_CHOICE = re.compile(r"invalid choice: '(.*?)' \(choose from (.*)\)")


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong in one line, and what may have been meant; exits with status 2."""

    declare: Callable[[Parser], None] | None = None

    def complete(self) -> None:
        """Add the options, which are declared when a command is used."""
        if self.declare:
            declare, self.declare = self.declare, None
            declare(self)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Return the options; whatever is left over is an error."""
        self.complete()
        options, rest = super().parse_known_args(args, namespace)
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}{self._meant(rest)}")
        return options, rest

    def _meant(self, rest: Sequence[str]) -> str:
        """Return which option may have been meant by the first that is none."""
        word = next((word for word in rest if word.startswith("-")), "").partition("=")[0]
        actions = [a for a in self._actions if a.help != argparse.SUPPRESS]
        return other_name(word, [name for a in actions for name in a.option_strings])

    def error(self, message: str) -> NoReturn:
        if choice := _CHOICE.search(message):
            choices = [name.strip(" '") for name in choice[2].split(",")]
            message += did_you_mean(choice[1], choices)
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


class _Pairs(argparse.Action):
    """Gathers (key, value) pairs, each key once."""

    def __call__(
        self,
        parser: Parser,  # noqa: ARG002
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        before: list[tuple[str, str]] = getattr(namespace, self.dest)
        if values[0] in dict(before):
            raise argparse.ArgumentError(self, f"{values[0]!r} is given twice")
        setattr(namespace, self.dest, [*before, values])


class _Renamed(argparse.Action):
    """Says what an option is called now."""

    def __init__(self, option_strings: Sequence[str], dest: str, **options: Any) -> None:
        options["default"] = argparse.SUPPRESS
        super().__init__(option_strings, dest, **options)

    def __call__(
        self,
        parser: Parser,
        namespace: argparse.Namespace,  # noqa: ARG002
        values: Any,  # noqa: ARG002
        option_string: str | None = None,
    ) -> None:
        old = option_string or self.option_strings[0]
        new = old.replace("--max-", "--budget-", 1)
        reply = "; for the length of each reply: --max-output-tokens" if "tokens" in old else ""
        parser.error(f"{old} is called {new} now{reply}")


def reading(p: Any) -> None:
    """Options of commands that board: which reading of spelling counts."""
    p.add_argument(
        "--reading",
        choices=["canonical", "strict"],
        default="canonical",
        help="strict: no answer is mended in spelling (canonical)",
    )


def sandbox(p: Any) -> None:
    """Options of commands that run programs."""
    p.add_argument(
        "--workers",
        type=partial(natural, most=1000),
        help="programs run at once (2; on Ray one a CPU)",
    )
    p.add_argument(
        "--unsafe", action="store_true", help="run programs even where they cannot be isolated"
    )


def engine(p: Any, work: str | None = None) -> None:
    """Options of where work is done that is heavy on CPU; `what` is done by `--jobs` at once."""
    if work:
        jobs = partial(natural, most=MOST_JOBS)
        p.add_argument(
            "--jobs", type=jobs, metavar="N", help=f"{work} at once, on this machine (1)"
        )
    p.add_argument(
        "--engine",
        choices=["local", "ray"],
        default="local",
        help="this machine, or Ray: see docs/engine.md (local)",
    )
    p.add_argument(
        "--ray-address",
        metavar="HOST:PORT",
        help="head of a Ray cluster (a Ray of this machine alone)",
    )


def selecting(p: Parser) -> None:
    """Options of which part of some folders is shown."""
    p.add_argument(
        "--model", action="append", metavar="PATTERN", help="only models like this; again for more"
    )
    only_families(p)


def only_families(p: Parser) -> None:
    """The option of which families are shown."""
    p.add_argument("--family", action="append", metavar="F", help="only this one; again for more")


def references(p: Any) -> None:
    """Options of where instances of files get their references from."""
    add = p.add_argument
    add("--references", type=Path, metavar="FILE", help="lines of solve, or a table (docs/runs.md)")
    add("--time-limit", type=positive, metavar="S", help="seconds for each that is solved (steps)")
    add("--no-solve", action="store_true", help="leave those without a reference as they are")
    engine(p, "instances solved")


def sampling(p: Parser) -> None:
    """Options of whom to ask, and of what every request says beside the prompt."""
    p.add_argument("--base-url", help="server of openai/ models, such as http://127.0.0.1:8091/v1")
    p.add_argument("--api-key-env", metavar="NAME", help="variable that holds that server's key")
    p.add_argument("--temperature", type=finite)
    p.add_argument("--top-p", type=share, help="of the likeliest tokens, from 0 to 1")
    p.add_argument("--max-output-tokens", type=natural, metavar="N", help="of each reply")
    p.add_argument(
        "--max-output-tokens-as",
        choices=["max_tokens", "max_completion_tokens"],
        help="what chat completions call that limit (the server's usual name)",
    )
    p.add_argument("--model-seed", type=whole, help="passed to providers that take one")
    p.add_argument("--reasoning-effort", metavar="WORD")
    p.add_argument("--extra-body", type=json_object, default={}, metavar="JSON")


def pacing(add: Callable[..., object]) -> None:
    """Options of how fast a provider is asked, and how often."""
    add("--rpm", type=natural, metavar="N", help="requests a minute, at most")
    add("--tpm", type=natural, metavar="N", help="tokens a minute, at most")
    add("--max-attempts", type=natural, default=10, help="at one call (10)")
    add("--attempt-timeout", type=positive, default=600.0, metavar="S", help="(600)")


def asking(p: Parser) -> None:
    """Options of how models are asked, how far it goes, what it keeps and tells."""
    option = p.add_argument_group("how it asks (each for one model)").add_argument
    option("--max-connections", type=natural, metavar="C", help="at once, at most (10)")
    pacing(option)
    option = p.add_argument_group("how far it goes (then: exit status 1, and resume)").add_argument
    for which, scope in (("", "the run"), ("episode-", "an episode")):
        option(f"--budget-{which}cost", type=positive, metavar="USD", help=f"of {scope}")
        option(f"--budget-{which}tokens", type=natural, metavar="N", help=f"of {scope}, in and out")
        option(f"--budget-{which}time", type=positive, metavar="S", help=f"of {scope}, in seconds")
        for name in ("cost", "tokens", "time"):
            option(f"--max-{which}{name}", action=_Renamed, help=argparse.SUPPRESS)
    prices(option)
    option(
        "--fail-on-error", type=tolerance, metavar="N|SHARE", help="stop at more errors than this"
    )
    option = p.add_argument_group("what it keeps and tells").add_argument
    option(
        "--cache",
        type=Path,
        nargs="?",
        const=Path("results/cache"),
        metavar="FOLDER",
        help="serve what an earlier run asked already (results/cache)",
    )
    option(
        "--log-json",
        type=Path,
        nargs="?",
        const=Path("-"),
        metavar="FILE",
        help="events as JSON lines (standard error)",
    )


def screen(p: Parser) -> None:
    """Options of which columns of tables are printed."""
    p.add_argument(
        "--columns",
        type=names,
        metavar="NAME,...",
        help="to print beside name, score and n (as many as fit)",
    )
    p.add_argument("--wide", action="store_true", help="print all columns, whatever the width")


def names(text: str) -> list[str]:
    """Return the names in a list with commas."""
    return [name for name in map(str.strip, text.split(",")) if name]


def prices(add: Callable[..., object]) -> None:
    """The option that tells prices."""
    add(
        "--price",
        action="append",
        default=[],
        metavar="MODEL=IN,OUT[,CACHED]",
        help="US dollars a million tokens; again for more",
    )


def settings(p: Parser) -> None:
    """The option of a family's settings."""
    p.add_argument(
        "-T",
        action=_Pairs,
        default=[],
        metavar="k=v",
        dest="settings",
        type=pair,
        help="setting of the family, see docs; again for more",
    )


def out(p: Parser, explanation: str) -> None:
    """The option of where lines go."""
    p.add_argument("--out", type=Path, metavar="FILE", help=explanation)


def adder(commands: Any) -> Callable[..., None]:
    """Return what adds a command.

    It takes a name, a line about it, the `module.function` that does it (none where actions of its
    own do), and what declares its options once the command is used.
    """

    def add(
        name: str,
        line: str,
        act: str | None = None,
        declare: Callable[[Parser], None] | None = None,
    ) -> None:
        command = commands.add_parser(name, help=line, description=line, allow_abbrev=False)
        command.declare = declare
        if act:
            command.set_defaults(act=act)

    return add


def natural(text: str, most: int = MOST) -> int:
    """A whole number from 1 to `most`."""
    if not text.isdecimal() or not text.strip("0"):
        raise argparse.ArgumentTypeError(f"{short(text)!r} is not a whole number from 1 on")
    if len(text) > 18 or int(text) > most:
        raise argparse.ArgumentTypeError(f"{short(text)} is more than {most}")
    return int(text)


def naturals(text: str) -> tuple[int, ...]:
    """Return numbers of 1 or more, separated by commas."""
    return tuple(natural(word) for word in text.split(","))


def port(text: str) -> int:
    """A TCP port, or 0."""
    return 0 if text == "0" else natural(text, most=65535)


def whole(text: str) -> int:
    """A whole number of at most 18 digits."""
    if not text.removeprefix("-").isdecimal() or len(text) > 18:
        raise argparse.ArgumentTypeError(
            f"{short(text)!r} is not a whole number of at most 18 characters"
        )
    return int(text)


def positive(text: str) -> float:
    """A number above 0."""
    value = finite(text)
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{short(text)!r} is not a number above 0 and below 1e9")
    return value


def share(text: str) -> float:
    """A number from 0 to 1."""
    value = finite(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{short(text)!r} is not a number from 0 to 1")
    return value


def finite(text: str) -> float:
    """A number, not an infinite one."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise argparse.ArgumentTypeError(f"{short(text)!r} is not a finite number")
    return value


def shard(text: str) -> tuple[int, int]:
    """`i/n`, i from 1 to n."""
    part, _, parts = text.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts) <= MOST):
        raise argparse.ArgumentTypeError(f"{short(text)!r} is not i/n with i from 1 to n")
    return int(part), int(parts)


def tolerance(text: str) -> int | float:
    """A count of errors, or a share of the episodes below 1."""
    if text.isdecimal() and len(text) <= 18:
        return int(text)
    value = finite(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(
            f"{short(text)!r} is no count, such as 1, and no share below 1, such as 0.1"
        )
    return value


def pair(text: str) -> tuple[str, str]:
    """`key=value`."""
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form key=value")
    return key, value


def json_object(text: str) -> dict[str, Any]:
    """A JSON object; its numbers are finite."""
    import msgspec

    try:
        value = msgspec.json.decode(text.encode())
    except msgspec.DecodeError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from None
    except UnicodeError:
        raise argparse.ArgumentTypeError("not UTF-8 text") from None
    except RecursionError:
        raise argparse.ArgumentTypeError("nested too deeply") from None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError("not a JSON object")
    if _depth(value) > DEEPEST:
        raise argparse.ArgumentTypeError("nested too deeply")
    return value


def _depth(value: Any) -> int:
    depth, inside = 0, [value]
    while inside:
        depth += 1
        parts = [x.values() if isinstance(x, dict) else x for x in inside]
        inside = [x for part in parts for x in part if isinstance(x, dict | list)]
    return depth
