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


def add_actions(add: Callable[..., Parser]) -> None:
    """Add them all."""
    _run(add("run", "Search for a program with a model.", "evolve.run"))
    action = add("score", "Score any program of a domain.", "evolve.score")
    action.add_argument("file", type=Path, metavar="FILE.py")
    action.add_argument("--domain", required=True, metavar="D")
    action.add_argument(
        "--split",
        default="validation",
        metavar="S",
        help="train, validation, test, larger, cells (validation; looks at the others are counted)",
    )
    action.add_argument("--limit", type=natural, metavar="N", help="the first N instances")
    action.add_argument("--json", action="store_true", help="print JSON")
    _programs(action)
    sandbox(action)
    action = add("show", "Print what a search found.", "evolve.show")
    action.add_argument("folder", type=Path, metavar="DIR")
    action.add_argument("--json", action="store_true", help="print JSON")
    screen(action)
    action = add(
        "export", "Write a search's champion, or a domain for others' evolvers.", "evolve.export"
    )
    action.add_argument("source", metavar="DIR|DOMAIN", help="of a search; or with --format")
    action.add_argument(
        "--format", choices=["openevolve"], help="write the domain as a folder for other evolvers"
    )
    action.add_argument("--out", type=Path, required=True, metavar="FILE.py|FOLDER")
    action = add("compare", "Compare models or methods over runs.", "evolve.compare")
    action.add_argument("folders", type=Path, nargs="+", metavar="DIR")
    action.add_argument("--split", default="test", help="a reported one (test)")
    action.add_argument("--json", action="store_true", help="print JSON")
    screen(action)


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
