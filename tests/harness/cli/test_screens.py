"""What commands print at the widths of screens, and where they do not print on one."""

import os
import pty
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from rich.cells import cell_len

from harness.board.board import Board
from harness.board.text import board_tables, overview, print_board
from harness.screen import Screen
from tests.factories.records import build_board, failed, graded
from tests.harness.helpers import command, makespan, makespan_apart
from tests.harness.processes import deadline
from tests.old_folders import unpack

ROOT = Path(__file__).parents[3]
WIDTHS = (80, 120, 200)
LONG = "openai/Qwen/Qwen2.5-72B-Instruct-GPTQ-Int4-with-a-name-that-goes-on"


def fits(text: str, width: int) -> bool:
    return max(cell_len(line) for line in text.split("\n")) <= width


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the suite mini-1 by its quickest policies."""
    out = tmp_path_factory.mktemp("mini") / "run"
    names = ("edf", "sgs-lft-disjunctions", "exact", "oracle", "random", "mddc", "sequential")
    models = [word for name in names for word in ("--model", f"policy/{name}")]
    done = makespan("run", "mini-1", *models, "--out", out)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished search, as an earlier version left it."""
    return unpack("search", tmp_path_factory.mktemp("search"))


@pytest.mark.heavy
@pytest.mark.parametrize("width", WIDTHS)
def test_boards_comparisons_searches_and_lists_fit(width: int, mini: Path, search: Path) -> None:
    commands: dict[str, tuple[list[object], str]] = {
        "board": (["board", mini], "policy/edf"),
        "compare": (
            ["compare", mini, "--model", "policy/edf", "--model", "policy/exact"],
            "A - B (95 % interval)",
        ),
        "list": (["list"], "policy/edf"),
    }
    for words, expected in commands.values():
        done = makespan(*words, COLUMNS=str(width))
        assert done.returncode == 0, done.stderr
        assert expected in done.stdout
        assert fits(done.stdout, width), words
        assert "\x1b" not in done.stdout
    done = makespan("evolve", "show", search, COLUMNS=str(width))
    report, _, program = done.stdout.partition("\ndef ")
    assert program  # as it is: a program is not broken
    assert fits(report, width)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_standard_board_fits(width: int, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "results" / "boards" / "standard" / "board.json").read_bytes()
    board = msgspec.json.decode(text, type=Board)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(width))
        print_board(board)
    printed = capsys.readouterr().out
    assert fits(printed, width)
    for row in board.rows:
        shown = [line for line in printed.split("\n") if row.model in line]
        assert any(f"{row.score.value:.3f} (" in line for line in shown), row.model


def models_of_families(count: int) -> Board:
    """A board of a few models, one of them with errors, in so many families."""
    shares = {LONG: 0.9, "openai/b": 0.2, "policy/edf": 0.3, "policy/exact": 1.0}
    records = [r for model, share in shares.items() for r in graded(model, share, n=20)]
    lost = [failed(k, model="openai/b") for k in range(20, 23)]
    rows = build_board([*records, *lost], {}).rows
    names = [f"family-{k}" for k in range(count)]
    return Board(tuple(replace(row, family=name) for name in names for row in rows))


@pytest.mark.parametrize("width", [60, *WIDTHS])
def test_the_overview_holds_all_families(width: int) -> None:
    board = models_of_families(14)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(width))
        text = Screen().text(overview(board.rows))
    assert fits(text, width)
    lines = text.split("\n")
    for name in {row.family for row in board.rows}:
        about = [line for line in lines if f" {name} " in line]
        assert len(about) == 4, name
        assert sum("0.900 (" in line for line in about) == 1
        assert len([line for line in about if re.search(r" 23 +3$", line)]) == 1, "its errors"


@pytest.mark.heavy
def test_where_there_is_no_terminal_every_column_stands(mini: Path) -> None:
    done = makespan("board", mini)
    assert "left out" not in done.stdout
    for head in ("errors", "unparsable", "tokens", "seconds", "share optimal", "half succeed at"):
        assert head in done.stdout
    wide = makespan("board", mini, "--wide", COLUMNS="40")
    assert wide.stdout == done.stdout


@pytest.mark.heavy
def test_columns_are_chosen_by_name(mini: Path, search: Path) -> None:
    done = makespan("board", mini, "--columns", "cost,gap-median", COLUMNS="80")
    head = next(line for line in done.stdout.split("\n") if "gap median" in line).split("  ")
    assert [x.strip() for x in head if x.strip()] == [
        "model",
        "score (95 % interval)",
        "n",
        "cost",
        "gap median",
    ]
    assert "left out" not in done.stdout
    also = makespan("board", mini, "--columns", "model,score,n,cost,gap-median", COLUMNS="80")
    assert also.stdout == done.stdout  # what always stands there may be named too
    wrong = makespan("board", mini, "--columns", "cost,price")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("makespan board: no column is called 'price': there are kind,")
    assert wrong.stdout == ""
    pair = ["--model", "policy/edf", "--model", "policy/exact"]
    done = makespan("compare", mini, *pair, "--columns", "p", COLUMNS="80")
    assert "p (Holm)" not in done.stdout
    done = makespan("evolve", "show", search, "--columns", "tokens", COLUMNS="80")
    assert "tokens" in done.stdout
    assert "draws" not in done.stdout


@pytest.mark.heavy
def test_machines_get_what_they_got(mini: Path) -> None:
    """JSON and CSV do not know of screens."""
    for words in (["board", mini, "--json"], ["list"]):
        assert makespan(*words).stdout == makespan(*words, FORCE_COLOR="1").stdout
    plain = makespan("board", mini, "--json").stdout
    narrow = makespan("board", mini, "--json", "--columns", "cost", COLUMNS="40")
    assert narrow.stdout == plain


@pytest.mark.heavy
def test_the_run_folder_is_said_last(tmp_path: Path) -> None:
    words = ["run", "rcpsp", "--level", "4", "--limit", "2", "--model", "policy/edf"]
    done = subprocess.run(
        command(*words, "--out", tmp_path / "x"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=True,
    )
    lines = done.stdout.split("\n")
    assert lines[-2:] == [f"run folder: {tmp_path / 'x'}", ""]
    assert any("policy/edf" in line for line in lines[:-2])


def on_a_terminal(*words: object, **extra: str) -> str:
    """What a command prints on a terminal of 24 lines and 80 columns."""
    leader, follower = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k != "COLUMNS"}
    with deadline(120, "a command on a terminal"):
        process = subprocess.Popen(
            ["sh", "-c", 'stty cols 80 rows 24; exec "$@"', "sh", *command(*words)],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            env=environment | {"TERM": "xterm-256color"} | extra,
        )
        os.close(follower)
        text = b"".join(reads(leader))
        assert process.wait(60) == 0
    os.close(leader)
    return text.decode().replace("\r\n", "\n")


def reads(descriptor: int) -> Iterator[bytes]:
    while True:
        try:
            part = os.read(descriptor, 65536)
        except OSError:  # the end of a terminal
            return
        if not part:
            return
        yield part


@pytest.mark.heavy
def test_a_terminal_has_styles_and_its_width_unless_it_wants_none(mini: Path) -> None:
    styled = on_a_terminal("board", mini)
    assert "\x1b[2m" in styled  # floors and ceilings
    plain = on_a_terminal("board", mini, NO_COLOR="1")
    assert "\x1b" not in plain
    assert fits(plain, 80)
    assert "left out: " in plain
    without = re.sub(r"\x1b\[[0-9;]*m", "", styled)
    assert [x.rstrip() for x in without.split("\n")] == [x.rstrip() for x in plain.split("\n")]
    assert "\x1b" not in on_a_terminal("board", mini, TERM="dumb")
    piped = makespan_apart("board", mini)
    assert "\x1b" not in piped.stdout


def test_every_row_stands_in_its_familys_table(mini: Path) -> None:
    rows = msgspec.json.decode(makespan("board", mini, "--json").stdout, type=Board).rows
    for table in board_tables(Board(rows))[1:]:
        if ": " not in table.title:
            models = [line[0] for line in table.lines]
            assert models == [row.model for row in rows if row.family == table.title]
