"""The commands and their options; what they do is imported when they are used."""

from collections.abc import Callable
from pathlib import Path

from harness.cli.arguments import (
    OneLineParser,
    Parser,
    adder,
    asking,
    engine,
    natural,
    naturals,
    only_families,
    port,
    positive,
    reading,
    references,
    sampling,
    sandbox,
    screen,
    selecting,
    settings,
    shard,
    whole,
)

NEWEST = "(the newest in results/runs)"


def build_parser() -> OneLineParser:
    """Return the whole command line; each command declares its options once it is used."""
    from importlib.metadata import version

    parser = OneLineParser(
        prog="makespan",
        description="Measure how well language-model agents plan time, against proven optima.",
        epilog="Exit status: 0 all done; 1 incomplete or with error episodes; 2 wrong use.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=version("makespan"))
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=OneLineParser
    )

    add = adder(commands)
    add("list", "Show what there is, or all about a family.", "list.show", _list)
    _on_instances(add)
    add("runs", "List the runs there are and how they stand, newest last.", "runs.runs", _runs)
    add("run", "Let models answer a suite, a family or a file.", "run.run", _run)
    add("prompt", "Show what a model would be asked, and how long it is.", "prompt.prompt", _prompt)
    add("resume", "Go on with a run that was cut off.", "resume.resume", _resume)
    add("regrade", "Replay a run with today's graders.", "regrade.regrade", _regrade)
    add("merge", "Join the shards of a run, or copies of it.", "merge.merge", _merge)
    add("watch", "Watch a run that is under way, wherever it runs.", "watch.watch", _watch)
    add("board", "Print the leaderboard of runs.", "board.board", _board)
    add("show", "Show a run's episodes, or one with prompt, reply and grade.", "show.show", _show)
    add("audit", "Look for shortcuts in instances, or check a run.", "audit.audit", _audit)
    add("compare", "Compare two models instance by instance.", "compare.compare", _compare)
    add(
        "timeline",
        "Show an episode's tool calls beside the optimal ones.",
        "timeline.timeline",
        _timeline,
    )
    add("mcp", "Serve the tools of an instance to any MCP client.", "mcp.serve", _mcp)
    add("tune", "Search for a pipeline at a budget of tokens an answer.", "tune.tune", _tune)
    add(
        "curve",
        "Accuracy against tokens, with memories that sleep and without.",
        "curve.curve",
        _curve,
    )
    add(
        "evolve",
        "Let models invent heuristics, beside a search without a model.",
        declare=_evolve,
    )
    add("publish", "Put result tables on a Hugging Face hub.", "publish.publish", _publish)
    add("report", "Write runs or a search as a page with pictures.", "report.report", _report)
    _on_records(add)
    return parser


def _on_instances(add: Callable[..., None]) -> None:
    from harness.cli.parser_instances import add_commands

    add_commands(add)


def _on_records(add: Callable[..., None]) -> None:
    from harness.cli.parser_records import add_commands

    add_commands(add)


def _list(p: Parser) -> None:
    p.add_argument("family", metavar="FAMILY", nargs="?", help="its settings, policies and more")
    p.add_argument("--json", action="store_true", help="print JSON")


def _runs(p: Parser) -> None:
    p.add_argument(
        "folder",
        type=Path,
        nargs="?",
        metavar="FOLDER",
        help="that holds run folders (results/runs)",
    )
    p.add_argument("--json", action="store_true", help="print JSON")


def _run(p: Parser) -> None:
    p.add_argument("target", metavar="SUITE|FAMILY|FILE.jsonl|FILE.toml")
    p.add_argument(
        "--model", action="append", metavar="M", help="provider/name; again for more (all policies)"
    )
    p.add_argument("--agent", metavar="A[:k=v,...]", help="how it is asked (direct)")
    p.add_argument(
        "--memory",
        metavar="M[:k=v,...]",
        help="what it remembers (history; none without rounds)",
    )
    _generated(p)
    p.add_argument(
        "--commitment", type=Path, metavar="FILE", help="of makespan commit, for its seed"
    )
    p.add_argument("--limit", type=natural, metavar="N", help="the first N instances")
    p.add_argument("--epochs", type=natural, help="times each instance is asked (1)")
    sampling(p)
    p.add_argument("--system-message", metavar="TEXT", help="stands before all it reads")
    p.add_argument("--templates", type=Path, metavar="FOLDER", help="prompts of your own, by name")
    p.add_argument("--structured", action="store_true", help="constrain replies by JSON schema")
    p.add_argument("--out", type=Path, metavar="DIR", help="run folder (results/runs/...)")
    p.add_argument("--shard", type=shard, metavar="i/n", help="only part i of n, to be merged")
    p.add_argument("--dry-run", action="store_true", help="tell what it would take, ask nobody")
    p.add_argument("--save-config", type=Path, metavar="FILE", help="write all this as a run file")
    references(p.add_argument_group("references of a file's instances"))
    sandbox(p.add_argument_group("of agents that run programs (docs/means.md)"))
    asking(p)


def _generated(p: Parser) -> None:
    p.add_argument("--level", type=natural, help="of a family")
    p.add_argument("--seed", type=whole, help="of the instances")
    settings(p)
    p.add_argument("--data", type=Path, metavar="FOLDER", help="files a suite needs")


def _prompt(p: Parser) -> None:
    p.add_argument("target", metavar="SUITE|FAMILY|FILE.jsonl|FILE.toml")
    p.add_argument("--id", metavar="X", help="the instance (the first one)")
    _generated(p)
    p.add_argument("--agent", default="direct", metavar="A[:k=v,...]", help="(direct)")
    p.add_argument("--memory", metavar="M[:k=v,...]", help="(history; none without rounds)")
    p.add_argument("--system-message", metavar="TEXT", help="stands before all else")
    p.add_argument("--templates", type=Path, metavar="FOLDER", help="prompts of your own, by name")
    p.add_argument("--json", action="store_true", help="print JSON")


def _resume(p: Parser) -> None:
    p.add_argument("folder", type=Path, nargs="?", metavar="DIR", help=NEWEST)
    asking(p)
    group = p.add_argument_group("of makespan evolve")
    sandbox(group)
    engine(group)


def _merge(p: Parser) -> None:
    p.add_argument("folders", type=Path, nargs="+", metavar="DIR")
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new run folder")


def _watch(p: Parser) -> None:
    p.add_argument("folder", type=Path, nargs="?", metavar="DIR", help=NEWEST)
    p.add_argument("--once", action="store_true", help="print one frame and end")
    p.add_argument("--every", type=positive, default=2.0, metavar="S", help="seconds (2)")


def _regrade(p: Parser) -> None:
    p.add_argument("folder", type=Path, metavar="DIR")
    engine(p, "parts of the run replayed")


def _tune(p: Parser) -> None:
    p.add_argument("file", type=Path, metavar="FILE.toml", help="the space (docs/pipelines.md)")
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="of all its runs")
    p.add_argument("--json", action="store_true", help="print JSON")
    asking(p)


def _curve(p: Parser) -> None:
    p.add_argument("target", metavar="SUITE|FAMILY|FILE.jsonl")
    p.add_argument("--model", required=True, metavar="M", help="provider/name")
    p.add_argument(
        "--memory",
        default="sleep-time:none",
        metavar="sleep-time[:k=v,...]",
        help="that sleeps (sleep-time:none); the one inside it alone stands beside",
    )
    p.add_argument(
        "--limits",
        type=naturals,
        default=(64, 128, 256, 512, 1024, 2048),
        metavar="N,N,...",
        help="tokens of a reply (64,128,256,512,1024,2048)",
    )
    p.add_argument(
        "--price-ratio",
        type=positive,
        default=10.0,
        metavar="R",
        help="tokens of sleep at the price of one that somebody waits for (10)",
    )
    p.add_argument("--no-placebo", action="store_true", help="no sleep on another context beside")
    p.add_argument("--agent", metavar="A[:k=v,...]", help="how it is asked (direct)")
    _generated(p)
    p.add_argument("--limit", type=natural, metavar="N", help="the first N instances")
    p.add_argument("--epochs", type=natural, help="times each instance is asked (1)")
    sampling(p)
    p.add_argument("--structured", action="store_true", help="constrain replies by JSON schema")
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="of all its runs")
    p.add_argument("--json", action="store_true", help="print JSON")
    asking(p)


def _evolve(p: Parser) -> None:
    from harness.cli.parser_evolve import add_actions

    add_actions(
        adder(
            p.add_subparsers(
                dest="action", required=True, metavar="ACTION", parser_class=OneLineParser
            )
        )
    )


def _board(p: Parser) -> None:
    p.add_argument("folders", type=Path, nargs="*", metavar="DIR", help=NEWEST)
    selecting(p)
    p.add_argument("--json", action="store_true", help="print JSON")
    p.add_argument("--csv", type=Path, metavar="F")
    p.add_argument("--html", type=Path, metavar="F", help="a page, sortable and self-contained")
    p.add_argument("--svg", type=Path, metavar="F", help="a picture: scores with their intervals")
    p.add_argument("--prices", type=Path, metavar="FILE", help="TOML, instead of the dated table")
    reading(p)
    screen(p)


def _show(p: Parser) -> None:
    p.add_argument("folder", type=Path, nargs="?", metavar="DIR", help=NEWEST)
    p.add_argument("id", nargs="?", metavar="ID", help="an instance (list all episodes)")
    p.add_argument("--model", metavar="M", help="one of the run's (all)")
    p.add_argument("--epoch", type=whole, metavar="K", help="one of its epochs (all)")
    p.add_argument("--all", action="store_true", help="of many calls print every one whole")
    p.add_argument("--json", action="store_true", help="print JSON")


def _compare(p: Parser) -> None:
    p.add_argument("folders", type=Path, nargs="+", metavar="DIR")
    p.add_argument("--model", action="append", required=True, metavar="M", help="twice: A, then B")
    p.add_argument(
        "--across", metavar="KEY,...", help="one --model at two values of these settings"
    )
    only_families(p)
    p.add_argument("--json", action="store_true", help="print JSON")
    p.add_argument(
        "--limit",
        type=natural,
        metavar="N",
        help="instances that differ (20 of each family; all with --json)",
    )
    screen(p)


def _audit(p: Parser) -> None:
    p.add_argument("target", type=Path, nargs="?", metavar="FILE.jsonl|DIR", help=NEWEST)
    p.add_argument("--ask", action="store_true", help="ask models for the exams of their notes")
    p.add_argument("--json", action="store_true", help="print JSON")
    screen(p)
    asking(p)


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
    p.add_argument(
        "--score", action="store_true", help="tell verdict and score of an answer submitted"
    )
    p.add_argument(
        "--turns", action="store_true", help="one tool, run_tools, whose calls run in parallel"
    )


def _publish(p: Parser) -> None:
    p.add_argument("folders", type=Path, nargs="+", metavar="DIR")
    selecting(p)
    p.add_argument("--repo", metavar="OWNER/NAME", help="a dataset repository")
    p.add_argument("--revision", metavar="R", help="its branch (main)")
    p.add_argument("--private", action="store_true", help="if it is made, it is private")
    p.add_argument(
        "--out", type=Path, metavar="FOLDER", help="write the same here, send nothing anywhere"
    )
    p.add_argument(
        "--license", metavar="SPDX", help="of the tables, such as cc-by-4.0 (what is there, none)"
    )
    p.add_argument(
        "--instances", type=Path, metavar="FILE.jsonl", help="put instances beside the tables"
    )
    p.add_argument(
        "--hide-answers", action="store_true", help="of these: no references, seeds and truth"
    )
    p.add_argument(
        "--tasks", type=Path, metavar="FOLDER", help="put an export of the format harbor there too"
    )
    p.add_argument("--dry-run", action="store_true", help="show the files, write nothing")


def _report(p: Parser) -> None:
    p.add_argument("folders", type=Path, nargs="*", metavar="DIR", help=NEWEST)
    selecting(p)
    p.add_argument("--html", type=Path, required=True, metavar="F", help="the page")
    p.add_argument("--prices", type=Path, metavar="FILE", help="TOML, instead of the dated table")
    reading(p)
