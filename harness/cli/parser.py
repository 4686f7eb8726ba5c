"""The commands and their options; what they do is imported when they are used."""

import argparse
from collections.abc import Callable
from functools import partial
from importlib import import_module
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn

from tasks.base import short

MOST = 10**7  # of anything that is counted
MOST_JOBS = 1_000
DEEPEST = 100  # nesting of JSON on the command line
Parser = argparse.ArgumentParser


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line and exits with status 2."""

    def error(self, message: str) -> NoReturn:
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


def build_parser() -> Parser:
    """The whole command line."""
    from importlib.metadata import version

    parser = _Parser(
        prog="makespan",
        description="Measure how well language-model agents plan time, against proven optima.",
        epilog="Exit status: 0 all done; 1 incomplete or with error episodes; 2 wrong use.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=version("makespan"))
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=_Parser
    )

    add = adder(commands)
    add("list", "Show what there is: families, suites, policies and more.", "listing.show")
    _on_instances(add)
    _run(add("run", "Let models answer a suite, a family or a file.", "runs.run"))
    _resume(add("resume", "Go on with a run that was cut off.", "runs.resume"))
    _regrade(add("regrade", "Replay a run with today's graders.", "runs.regrade"))
    _merge(add("merge", "Join the shards of a run, or copies of it.", "shards.merge"))
    _watch(add("watch", "Watch a run that is under way, wherever it runs.", "watching.watch"))
    _board(add("board", "Print the leaderboard of runs.", "boards.board"))
    _audit(add("audit", "Look for shortcuts in instances, or check a run.", "audits.audit"))
    _compare(add("compare", "Compare two models instance by instance.", "boards.compare"))
    _timeline(add("timeline", "Show an episode's tool calls beside the optimal ones.",
                  "timeline.timeline"))  # fmt: skip
    _mcp(add("mcp", "Serve the tools of an instance to any MCP client.", "mcp.serve"))
    _evolve(add("evolve", "Let models invent heuristics, beside a search without a model."))
    _publish(add("publish", "Put result tables on a Hugging Face hub.", "publishing.publish"))
    _report(add("report", "Write runs or a search as a page with pictures.", "report.report"))
    return parser


def sandbox(p: Any) -> None:
    """Options of commands that run programs."""
    p.add_argument("--workers", type=partial(natural, most=1000),
                   help="programs run at once (2; on Ray one a CPU)")  # fmt: skip
    p.add_argument("--unsafe", action="store_true",
                   help="run programs even where they cannot be isolated")  # fmt: skip


def engine(p: Any, what: str | None = None) -> None:
    """Options of where work is done that is heavy on CPU; `what` is done by `--jobs` at once."""
    if what:
        jobs = partial(natural, most=MOST_JOBS)
        p.add_argument(
            "--jobs", type=jobs, metavar="N", help=f"{what} at once, on this machine (1)"
        )
    p.add_argument("--engine", choices=["local", "ray"], default="local",
                   help="this machine, or Ray: see docs/engine.md (local)")  # fmt: skip
    p.add_argument("--ray-address", metavar="HOST:PORT",
                   help="head of a Ray cluster (a Ray of this machine alone)")  # fmt: skip


def sampling(p: Parser) -> None:
    """Options of whom to ask, and of what every request says beside the prompt."""
    p.add_argument("--base-url", help="server of openai/ models, such as http://127.0.0.1:8091/v1")
    p.add_argument("--api-key-env", metavar="NAME", help="variable that holds that server's key")
    p.add_argument("--temperature", type=finite)
    p.add_argument("--max-output-tokens", type=natural, metavar="N", help="of each reply")
    p.add_argument("--model-seed", type=whole, help="passed to providers that take one")
    p.add_argument("--reasoning-effort", metavar="WORD")
    p.add_argument("--extra-body", type=json_object, default={}, metavar="JSON")


def pacing(add: Callable[..., object]) -> None:
    """Options of how fast a provider is asked, and how often."""
    add("--rpm", type=natural, metavar="N", help="requests a minute, at most")
    add("--tpm", type=natural, metavar="N", help="tokens a minute, at most")
    add("--max-attempts", type=natural, default=10, help="at one call (10)")
    add("--attempt-timeout", type=positive, default=600.0, metavar="S", help="(600)")


def prices(add: Callable[..., object]) -> None:
    """The option that tells prices."""
    add("--price", action="append", default=[], metavar="MODEL=IN,OUT[,CACHED]",
        help="US dollars a million tokens; again for more")  # fmt: skip


def settings(p: Parser) -> None:
    """The option of a family's settings."""
    p.add_argument("-T", action=_Pairs, default=[], metavar="k=v", dest="settings", type=pair,
                   help="setting of the family, see docs; again for more")  # fmt: skip


def out(p: Parser, what: str) -> None:
    """The option of where lines go."""
    p.add_argument("--out", type=Path, metavar="FILE", help=what)


def adder(commands: Any) -> Callable[..., Parser]:
    """What adds a command: its name, a line about it, and `module.function` that does it."""

    def add(name: str, about: str, act: str | None = None) -> Parser:
        one: Parser = commands.add_parser(name, help=about, description=about, allow_abbrev=False)
        if act:
            one.set_defaults(act=_later(act))
        return one

    return add


def _later(name: str) -> Callable[[argparse.Namespace], int]:
    def act(options: argparse.Namespace) -> int:
        module, function = name.split(".")
        status: int = getattr(import_module(f"harness.cli.{module}"), function)(options)
        return status

    return act


def _on_instances(add: Callable[..., Parser]) -> None:
    from harness.cli.parser_instances import add_commands

    add_commands(add)


def _run(p: Parser) -> None:
    p.add_argument("target", metavar="SUITE|FAMILY|FILE.jsonl")
    p.add_argument(
        "--model", action="append", metavar="M", help="provider/name; again for more (all policies)"
    )
    p.add_argument("--agent", default="direct", help="how it is asked (direct)")
    p.add_argument("--memory", help="what it remembers (history; none without rounds)")
    p.add_argument("--level", type=natural, help="of a family")
    p.add_argument("--seed", type=whole, help="of the instances")
    settings(p)
    p.add_argument("--data", type=Path, metavar="FOLDER", help="files a suite needs")
    p.add_argument("--limit", type=natural, metavar="N", help="the first N instances")
    p.add_argument("--epochs", type=natural, default=1, help="times each instance is asked (1)")
    sampling(p)
    p.add_argument("--structured", action="store_true", help="constrain replies by JSON schema")
    p.add_argument("--out", type=Path, metavar="DIR", help="run folder (results/runs/...)")
    p.add_argument("--shard", type=shard, metavar="i/n", help="only part i of n, to be merged")
    _manner(p)


def _resume(p: Parser) -> None:
    p.add_argument("folder", type=Path, metavar="DIR")
    _manner(p)
    one = p.add_argument_group("of makespan evolve")
    sandbox(one)
    engine(one)


def _merge(p: Parser) -> None:
    p.add_argument("folders", type=Path, nargs="+", metavar="DIR")
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new run folder")


def _watch(p: Parser) -> None:
    p.add_argument("folder", type=Path, metavar="DIR")
    p.add_argument("--once", action="store_true", help="print one frame and end")
    p.add_argument("--every", type=positive, default=2.0, metavar="S", help="seconds (2)")


def _regrade(p: Parser) -> None:
    p.add_argument("folder", type=Path, metavar="DIR")
    engine(p, "parts of the run replayed")


def _evolve(p: Parser) -> None:
    from harness.cli.parser_evolve import add_actions

    add_actions(adder(p.add_subparsers(dest="action", required=True, metavar="ACTION",
                                       parser_class=_Parser)))  # fmt: skip


def _board(p: Parser) -> None:
    p.add_argument("folders", type=Path, nargs="+", metavar="DIR")
    p.add_argument("--json", action="store_true", help="print JSON")
    p.add_argument("--csv", type=Path, metavar="F")
    p.add_argument("--html", type=Path, metavar="F", help="a page, sortable and self-contained")
    p.add_argument("--svg", type=Path, metavar="F", help="a picture: scores with their intervals")
    p.add_argument("--prices", type=Path, metavar="FILE", help="TOML, instead of the dated table")


def _compare(p: Parser) -> None:
    p.add_argument("folders", type=Path, nargs="+", metavar="DIR")
    p.add_argument("--model", action="append", required=True, metavar="M", help="twice: A, then B")
    p.add_argument("--json", action="store_true", help="print JSON")
    p.add_argument("--limit", type=natural, metavar="N",
                   help="instances that differ (20 of each family; all with --json)")  # fmt: skip


def _audit(p: Parser) -> None:
    p.add_argument("target", type=Path, metavar="FILE.jsonl|DIR")
    p.add_argument("--json", action="store_true", help="print JSON")
    _manner(p)


def _timeline(p: Parser) -> None:
    p.add_argument("folder", type=Path, metavar="DIR")
    p.add_argument("--id", required=True, metavar="X", help="the instance")
    p.add_argument("--model", metavar="M", help="one of the run's (all)")
    p.add_argument("--epoch", type=whole, default=0, help="which of its epochs (0)")


def _mcp(p: Parser) -> None:
    p.add_argument("action", choices=["serve"])
    p.add_argument("file", type=Path, metavar="INSTANCES.jsonl")
    p.add_argument("--id", metavar="X", help="the instance (the only one)")
    p.add_argument(
        "--http", type=port, metavar="PORT", help="0 for any free one (standard input and output)"
    )


def _publish(p: Parser) -> None:
    p.add_argument("folders", type=Path, nargs="+", metavar="DIR")
    p.add_argument("--repo", required=True, metavar="OWNER/NAME", help="a dataset repository")
    p.add_argument("--revision", default="main", metavar="R", help="its branch (main)")
    p.add_argument("--private", action="store_true", help="if it is made, it is private")
    p.add_argument("--dry-run", action="store_true", help="show the files, write nothing")


def _report(p: Parser) -> None:
    p.add_argument("folders", type=Path, nargs="+", metavar="DIR")
    p.add_argument("--html", type=Path, required=True, metavar="F", help="the page")
    p.add_argument("--prices", type=Path, metavar="FILE", help="TOML, instead of the dated table")


def _manner(p: Parser) -> None:
    one = p.add_argument_group("how it asks (each for one model)").add_argument
    one("--max-connections", type=natural, default=10, metavar="C", help="at once, at most (10)")
    pacing(one)
    one = p.add_argument_group("how far it goes (then: exit status 1, and resume)").add_argument
    for which, about in (("", "the run"), ("episode-", "an episode")):
        one(f"--max-{which}cost", type=positive, metavar="USD", help=f"of {about}")
        one(f"--max-{which}tokens", type=natural, metavar="N", help=f"of {about}, in and out")
        one(f"--max-{which}time", type=positive, metavar="S", help=f"of {about}, in seconds")
    prices(one)
    one("--fail-on-error", type=tolerance, metavar="N|SHARE", help="stop at more errors than this")
    one = p.add_argument_group("what it keeps and tells").add_argument
    one("--cache", type=Path, nargs="?", const=Path("results/cache"), metavar="FOLDER",
        help="serve what an earlier run asked already (results/cache)")  # fmt: skip
    one("--log-json", type=Path, nargs="?", const=Path("-"), metavar="FILE",
        help="events as JSON lines (standard error)")  # fmt: skip


def natural(text: str, most: int = MOST) -> int:
    """A whole number from 1 to `most`."""
    if not text.isdecimal() or not text.strip("0"):
        raise argparse.ArgumentTypeError(f"{short(text)!r} is not a whole number from 1 on")
    if len(text) > 18 or int(text) > most:
        raise argparse.ArgumentTypeError(f"{short(text)} is more than {most}")
    return int(text)


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
