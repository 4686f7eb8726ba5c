"""The card of a published dataset: its tables and boards, how to read and to repeat them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from graders.statistics import Estimate
from harness import files
from harness.board.load import CommitmentState
from harness.digests import digest
from harness.export.columns import INSTANCES, LEADERBOARD, PAIRED, SAMPLES
from harness.formatting import cost_text, label, tokens_text, with_interval
from harness.publish.dataset import Dataset, board_key
from tasks.base import Fields, InputError

README = "README.md"
MARKER = (
    f"<!-- makespan tables {digest([LEADERBOARD, PAIRED, SAMPLES])}: written by the program -->"
)
Splits: TypeAlias = Mapping[str, Mapping[str, Sequence[str]]]
NO_SPLITS: Splits = {}
NO_COMMITMENTS: Mapping[str, CommitmentState] = {}
TABLES = {"leaderboard": LEADERBOARD, "paired": PAIRED, "samples": SAMPLES}
TYPES = {
    "text": "string",
    "json": "string (JSON)",
    "whole": "int64",
    "real": "float64",
    "texts": "list of string",
    "wholes": "list of int64",
    "reals": "list of float64",
    "values": "list of {name, value}",
    "estimates": "list of {name, value, low, high, note}",
    "replies": "list of {path, text, calls, finish, model}",
    "messages": "list of {role, content}",
}


def write_card(
    dataset: Dataset,
    name: str,
    root: Path,
    licence: str | None = None,
    instances: Splits = NO_SPLITS,
    commitments: Mapping[str, CommitmentState] = NO_COMMITMENTS,
) -> None:
    """Write README.md of a repository below a folder.

    Args:
        dataset: all that is published there.
        name: of the repository.
        root: the folder.
        licence: of the tables, as a hub names it; None says that there is none.
        instances: the files of each split of each configuration of instances beside the tables.
        commitments: those behind the seeds of runs, by the run's name.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
    environment.filters["cell"] = _cell
    source = Path(__file__).with_name("card.md.j2").read_text("utf-8")
    card = environment.from_string(source).render(
        title=f"Makespan results: {name}",
        name=name,
        licence=licence,
        marker=MARKER,
        configs={**dataset.splits(), **instances},
        boards=[
            _board(key, list(g), commitments) for key, g in groupby(dataset.latest(), board_key)
        ],
        runs=[
            rows[0] | {"name": run, "commitment": commitments.get(run)}
            for run, rows in sorted(dataset.runs.items())
        ],
        tables=TABLES | ({"instances": INSTANCES} if instances else {}),
        types=TYPES,
    )
    files.write(root / README, card)


def check_ours(readme: Path, name: str) -> None:
    """Check that the README.md of a repository may be written over.

    Raises:
        InputError: it is somebody's own, or of tables with other columns.
    """
    text = readme.read_text("utf-8", "replace")
    if MARKER in text:
        return
    if "<!-- makespan tables " in text:
        raise InputError(
            f"{name} was published by another version of makespan, whose tables have other"
            " columns: use that version, or another `repo`"
        )
    if _body(text).strip():
        raise InputError(
            f"{name} has a {README} of its own, which publishing would write over:"
            " remove it, or use another `repo`"
        )


def licence_of(readme: Path) -> str | None:
    """Return the licence that a README.md tells in its front matter; None without one."""
    front = readme.read_text("utf-8", "replace").split("\n---", 1)[0]
    match = re.search(r"^license: *([\w.+-]+) *$", front, re.MULTILINE)
    return match[1] if match else None


def _body(text: str) -> str:
    """Return a README.md without its front matter."""
    has_front = text.startswith("---") and text.count("---") > 1
    return text.split("---", 2)[2] if has_front else text


def _board(
    key: tuple[str, str, str, str],
    rows: list[Fields],
    commitments: Mapping[str, CommitmentState],
) -> Fields:
    suite, lock, family, cell = key
    settings = " ".join(f"{k}={v}" for k, v in msgspec.json.decode(cell).items())
    return {
        "title": " ".join(filter(None, [f"{family}, suite {suite}", settings])),
        "asked": " ".join([f"Lock `{lock}`.", *_seeds(rows, commitments), *_missing(rows)]),
        "lock": lock,
        "family": family,
        "lines": [_line(row) for row in rows],
    }


def _seeds(rows: list[Fields], commitments: Mapping[str, CommitmentState]) -> list[str]:
    """Return what is told of the commitments behind a board's seeds, each once."""
    states = [commitments[row["run"]] for row in rows if row["run"] in commitments]
    return [f"{words[0].upper()}{words[1:]}." for words in dict.fromkeys(s.words for s in states)]


def _missing(rows: list[Fields]) -> Iterator[str]:
    """Yield that there is no floor or ceiling beside the numbers, and how many errors."""
    kinds = [kind for kind in ("floor", "ceiling") if kind not in {row["kind"] for row in rows}]
    if kinds:
        yield f"No {' and no '.join(kinds)} was run with it."
    if errors := sum(row["errors"] for row in rows):
        yield f"{errors} episodes ended in an error and are not scored."


def _line(row: Fields) -> list[str]:
    setup = msgspec.json.decode(row["setup"])
    return [
        label(row["model"], row["agent"], row["memory"], setup),
        row["kind"],
        _score(row),
        "-" if row["rank_of"] is None else f"{row['rank_low']} to {row['rank_high']}",
        _count(row),
        *(str(row[name]) for name in ("errors", "unparsable", "infeasible")),
        tokens_text(row["tokens"]),
        cost_text(row["cost"]),
    ]


def _count(row: Fields) -> str:
    """Return the number of episodes, and beside a smaller one that of the suite."""
    partial = row["of"] is not None and row["n"] < row["of"]
    return f"{row['n']} of {row['of']}" if partial else f"{row['n']}"


def _score(row: Fields) -> str:
    ends = (row[f"score{end}"] for end in ("", "_low", "_high", "_note"))
    return with_interval(Estimate(*ends), 3)


def _cell(value: Any) -> str:
    """Return a text that stays within a cell of a table."""
    return " ".join(str(value).replace("|", "\\|").split())
