"""The actions of `makespan evolve` and their options."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from harness.cli.arguments import (
    Parser,
    asking,
    engine,
    natural,
    positive,
    sampling,
    sandbox,
    screen,
    whole,
)


def add_actions(add: Callable[..., None]) -> None:
    """Add them all."""
    add("run", "Search for a program with a model.", "evolve.run", _run)
    add("score", "Score any program of a domain.", "evolve.score", _score)
    add("show", "Print what a search found.", "evolve.show", _show)
    add(
        "export",
        "Write a search's champion, or a domain for others' evolvers.",
        "evolve.export",
        _export,
    )
    add("compare", "Compare models or methods over runs.", "evolve.compare", _compare)


def _run(p: Parser) -> None:
    p.add_argument(
        "domain",
        metavar="DOMAIN|FILE.toml",
        help="what to look for: see makespan list; or a run file",
    )
    p.add_argument(
        "--model",
        action="append",
        metavar="M",
        help="provider/name; again for more, chosen by gain for cost",
    )
    p.add_argument("--calls", type=natural, metavar="N", help="of models: tries")
    p.add_argument(
        "--islands",
        type=partial(natural, most=1000),
        default=4,
        metavar="K",
        help="populations that only meet now and then (4)",
    )
    p.add_argument("--seed", type=whole, default=0, help="of the search (0)")
    p.add_argument(
        "--lag",
        type=partial(natural, most=1000),
        default=8,
        help="calls under way, and how far knowledge lags behind (8)",
    )
    p.add_argument(
        "--axis",
        choices=["length", "runtime"],
        default="length",
        help="second axis of the map of elites (length)",
    )
    p.add_argument(
        "--edit",
        choices=["rewrite", "diff"],
        default="rewrite",
        help="what a model gives: whole programs, or changes (rewrite)",
    )
    p.add_argument("--limit", type=natural, metavar="N", help="first N instances of each split")
    sampling(p)
    p.set_defaults(structured=False)  # a reply is a program
    p.add_argument("--out", type=Path, metavar="DIR", help="run folder (results/runs/...)")
    _programs(p)
    sandbox(p)
    engine(p)
    asking(p)


def _score(p: Parser) -> None:
    p.add_argument("file", type=Path, metavar="FILE.py")
    p.add_argument("--domain", required=True, metavar="D")
    p.add_argument(
        "--split",
        default="validation",
        metavar="S",
        help="train, validation, test, larger, cells (validation; looks at the others are counted)",
    )
    p.add_argument("--limit", type=natural, metavar="N", help="the first N instances")
    p.add_argument("--json", action="store_true", help="print JSON")
    _programs(p)
    sandbox(p)


def _show(p: Parser) -> None:
    p.add_argument("folder", type=Path, metavar="DIR")
    p.add_argument("--json", action="store_true", help="print JSON")
    screen(p)


def _export(p: Parser) -> None:
    p.add_argument("source", metavar="DIR|DOMAIN", help="of a search; or with --format")
    p.add_argument(
        "--format", choices=["openevolve"], help="write the domain as a folder for other evolvers"
    )
    p.add_argument("--out", type=Path, required=True, metavar="FILE.py|FOLDER")


def _compare(p: Parser) -> None:
    p.add_argument("folders", type=Path, nargs="+", metavar="DIR")
    p.add_argument("--split", default="test", help="a reported one (test)")
    p.add_argument("--json", action="store_true", help="print JSON")
    screen(p)


def _programs(p: Parser) -> None:
    p.add_argument(
        "--program-seconds",
        type=positive,
        default=10.0,
        metavar="S",
        help="CPU seconds of one run of a program (10)",
    )
    p.add_argument("--program-memory", type=natural, default=512, metavar="MB", help="(512)")
    p.add_argument("--numpy", action="store_true", help="programs may import it")
