"""The commands on files of instances and their options."""

from collections.abc import Callable
from pathlib import Path

from harness.cli.arguments import (
    Parser,
    engine,
    natural,
    out,
    positive,
    references,
    settings,
    whole,
)


def add_commands(add: Callable[..., None]) -> None:
    """Add them all."""
    add("generate", "Make instances of a family, one a line.", "generate.generate", _generate)
    add("import", "Read instances from a public format.", "import_.import_", _import)
    add("export", "Write instances or runs in a public format.", "export.export", _export)
    add("solve", "Find each instance's optimum or bound, one a line.", "solve.solve", _solve)
    add("grade", "Grade answers from a file, one a line.", "grade.grade", _grade)
    add("schema", "Print the JSON schema of a kind of file.", "schema.schema", _schema)


def _generate(p: Parser) -> None:
    p.add_argument("family", metavar="FAMILY")
    p.add_argument("--level", type=natural, required=True, help="the dial, such as tasks")
    p.add_argument("--count", type=natural, default=1, help="instances 0 to COUNT - 1 (1)")
    p.add_argument("--seed", type=whole, default=0, help="whole number (0)")
    settings(p)
    p.add_argument("--no-reference", action="store_true", help="do not prove optima")
    engine(p, "instances made")
    out(p, "file (standard output)")


def _import(p: Parser) -> None:
    p.add_argument("format", metavar="FORMAT", help="psplib, orlib, jobs, or a plug-in's")
    p.add_argument("files", nargs="+", type=Path, metavar="FILE|FOLDER")
    p.add_argument("--strict", action="store_true", help="write nothing if a file cannot be read")
    references(p)
    out(p, "file (standard output)")


def _export(p: Parser) -> None:
    p.add_argument("file", type=Path, metavar="FILE.jsonl|DIR", help="instances, or a run folder")
    p.add_argument(
        "--format",
        required=True,
        metavar="FORMAT",
        help="of instances: harbor, hf, psplib, ics, or a plug-in's; of a run: csv, jsonl,"
        " parquet, eee, inspect, config",
    )
    p.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="F",
        help="file for csv, jsonl, parquet and config, else folder",
    )
    p.add_argument(
        "--hide-answers", action="store_true", help="hf: without references, seeds and truth"
    )


def _solve(p: Parser) -> None:
    p.add_argument("file", type=Path, metavar="FILE.jsonl")
    p.add_argument("--time-limit", type=positive, metavar="S", help="seconds for each instance")
    engine(p, "instances solved")
    out(p, "file (standard output)")


def _grade(p: Parser) -> None:
    p.add_argument("instances", type=Path, metavar="INSTANCES.jsonl")
    p.add_argument("answers", type=Path, metavar="ANSWERS.jsonl")
    p.add_argument(
        "--references", type=Path, metavar="FILE", help="lines of solve, or a table (docs/runs.md)"
    )
    out(p, "file (standard output)")


def _schema(p: Parser) -> None:
    p.add_argument("kind", metavar="KIND", nargs="?", help="such as instance (list the kinds)")
    p.add_argument("--family", metavar="F", help="its payloads and answers only")
