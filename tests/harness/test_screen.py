"""Tables on a screen: nothing is wider than it, and what matters is always there."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from harness.formatting import table
from harness.screen import Screen, Table, TableColumn
from tasks.base import InputError
from tests.depth import examples

NAMES = st.text("abXY019/-._:[]+ 模型日ü😀", min_size=1, max_size=70).filter(str.strip)
NUMBERS = st.sampled_from(["0", "-", "12", "1,234,567", "$0.1234", "99.58 %", "-0.1 (-0.2 to 0.3)"])
SCORE = st.sampled_from(
    ["1.000 (0.962 to 1.000)", "-0.069 (-0.248 to 0.119)", "only errors at level 5, 10, 20, 40"]
)
KINDS = st.sampled_from(["model", "floor", "ceiling"])
HEADS = st.text("abcdef %", min_size=1, max_size=24).filter(str.strip)


@contextmanager
def width(columns: int | None) -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        if columns is not None:
            patch.setenv("COLUMNS", str(columns))
        yield patch


@st.composite
def tables(draw: st.DrawFn) -> Table:
    heads = draw(st.lists(HEADS, max_size=14))
    ranks = draw(st.lists(st.integers(1, 9), min_size=len(heads), max_size=len(heads)))
    rows = draw(st.integers(1, 6))
    columns = [
        TableColumn("model", rank=0, folds=True),
        TableColumn("score (95 % interval)", rank=0),
        TableColumn("n", rank=0),
        TableColumn("errors", rank=90, stays_if_any=True),
        *(TableColumn(head, rank=rank) for head, rank in zip(heads, ranks, strict=True)),
    ]
    lines = [
        [
            draw(NAMES),
            draw(SCORE),
            str(draw(st.integers(1, 9999))),
            str(draw(st.integers(0, 3))),
            *(draw(NUMBERS) for _ in heads),
        ]
        for _ in range(rows)
    ]
    return Table(draw(NAMES), columns, lines, kinds=[draw(KINDS) for _ in lines])


def body(text: str) -> list[str]:
    """The lines below the rule."""
    lines = text.split("\n")
    rule = next(k for k, line in enumerate(lines) if re.fullmatch(r" ─+", line))
    return lines[rule + 1 :]


def cut(line: str, start: int, end: int) -> str:
    """The letters that stand between two cells of a screen, without spaces."""
    part, at = "", 0
    for letter in line:
        if start <= at < end:
            part += letter
        at += cell_len(letter)
    return part.replace(" ", "")


def stands_somewhere(lines: Sequence[str], cells: Sequence[str], starts: Sequence[int]) -> bool:
    """Whether a column holds these cells, one below the other, whole."""
    wanted = "".join(cells).replace(" ", "")
    most = max(map(cell_len, lines))
    return any(
        "".join(cut(line, start, end) for line in lines) == wanted
        for start in starts
        for end in range(start + 1, most + 2)
    )


def in_order(of: Table) -> list[Sequence[str]]:
    kinds = of.kinds or []
    order = sorted(range(len(of.lines)), key=lambda k: kinds[k] != "model")
    return [of.lines[k] for k in order]


@pytest.mark.heavy
@examples(60)
@given(tables(), st.integers(40, 240))
def test_nothing_is_wider_than_the_screen_and_name_and_score_are_there(
    of: Table, columns: int
) -> None:
    with width(columns):
        screen = Screen()
        text = "\n".join([screen.text(of), *screen.left_out()])
        only = screen.text(of)
    assert max(cell_len(line) for line in text.split("\n")) <= columns
    lines, rows = body(only), in_order(of)
    assert stands_somewhere(lines, [row[0] for row in rows], [1])
    assert stands_somewhere(lines, [row[1] for row in rows], range(3, columns))
    assert stands_somewhere(lines, [row[2] for row in rows], range(3, columns))
    if any(row[3] != "0" for row in rows):
        assert stands_somewhere(lines, [row[3] for row in rows], range(3, columns))


@examples(60)
@given(tables())
def test_in_a_file_all_of_it_stands_at_its_natural_width(of: Table) -> None:
    with width(None):
        screen = Screen()
        text = screen.text(of)
        assert screen.left_out() == []
    lines, rows = [line for line in body(text) if line.strip()], in_order(of)
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        for cell in row:
            assert cell.strip() in line
    assert "\x1b" not in text


def small(*heads: str) -> Table:
    columns = [TableColumn("model", rank=0, folds=True), TableColumn("score", rank=0)]
    columns += [TableColumn(head, rank=k + 1) for k, head in enumerate(heads)]
    return Table("some", columns, [["a", "0.5", *(["123456789"] * len(heads))]])


def heads(text: str) -> list[str]:
    return text.split("\n")[2].split()


def test_columns_go_by_their_rank_and_empty_ones_first() -> None:
    table = small("x", "y", "z")
    for columns, expected in (
        (80, "model score x y z"),
        (38, "model score x y"),
        (30, "model score x"),
    ):
        with width(columns):
            assert heads(Screen().text(table)) == expected.split()
    table = Table("some", table.columns, [["a", "0.5", "0", "123456789", "123456789"]])
    with width(37):
        screen = Screen()
        assert heads(screen.text(table)) == ["model", "score", "y", "z"]
        assert " ".join(screen.left_out()).startswith("left out: x (--wide shows all,")


def test_columns_are_chosen_by_name_however_it_is_spelt() -> None:
    table = small("rank", "share optimal (95 % interval)", "gap_median")
    with width(30):
        assert heads(Screen(wide=True).text(table))[:3] == ["model", "score", "rank"]
        text = Screen(["Gap-Median", "share_optimal", "gap median"]).text(table)
    head, _, line, _ = text.split("\n")[-4:]  # what was chosen stands, though it is too wide
    assert text.count("123456789") == 2 == line.count("123456789")
    assert "gap_median" in text.replace("\n", " ")
    assert "rank" not in text
    assert head.split() == ["model", "score", "gap_median", "interval)"]
    with pytest.raises(
        InputError, match="no column is called 'nope': there are rank, share optimal"
    ):
        Screen(["rank", "nope"]).require([table])
    Screen(["rank"]).require([table, small("other")])


def test_long_heads_are_broken_before_a_column_is_left_out() -> None:
    table = small("quite a long head", "another long one")
    with width(40):
        text = Screen().text(table)
    assert all(word in text for word in ("quite", "head", "another", "one"))
    assert max(map(len, text.split("\n"))) <= 40


def test_models_stand_first_and_the_others_apart() -> None:
    columns = [TableColumn("model", rank=0), TableColumn("score", rank=0)]
    lines = [["policy/a", "1"], ["openai/b", "0.5"], ["policy/c", "0.4"], ["openai/d", "0.1"]]
    table = Table("some", columns, lines, kinds=["ceiling", "model", "floor", "model"])
    with width(None):
        printed = [line.split()[0] if line.split() else "" for line in body(Screen().text(table))]
    assert printed == ["openai/b", "openai/d", "", "policy/a", "policy/c", ""]


@pytest.mark.parametrize(
    ("variables", "is_styled"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": ""}, True),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, False),
    ],
)
def test_styles_are_for_terminals_that_want_them(
    variables: dict[str, str], is_styled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    columns = [TableColumn("model", rank=0), TableColumn("errors", stays_if_any=True)]
    lines = [["openai/a", "3"], ["policy/b", "0"]]
    text = Screen().text(Table("some", columns, lines, kinds=["model", "floor"]))
    assert ("\x1b" in text) == is_styled
    if is_styled:
        assert "\x1b[1mopenai/a" in text
        assert "\x1b[31m" in text
        assert "\x1b[2mpolicy/b" in text
    for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines():
        assert line == line.rstrip(), "a space beyond the last column would wrap"


@examples(60)
@given(NAMES, st.integers(40, 120))
def test_sentences_break_where_the_screen_ends_and_lose_nothing(text: str, columns: int) -> None:
    with width(columns) as patch:
        said: list[str] = []
        patch.setattr("builtins.print", lambda *words: said.extend(words))
        Screen().say(text)
    lines = "\n".join(said).split("\n")
    assert max(map(cell_len, lines)) <= columns
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@examples(60)
@given(st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=5), st.integers(40, 120))
def test_entries_stand_beside_their_names_or_below(
    entries: list[tuple[str, str]], columns: int
) -> None:
    with width(columns) as patch:
        said: list[str] = []
        patch.setattr("builtins.print", lambda *words: said.extend(words))
        Screen().entries(entries)
    lines = "\n".join(said).split("\n")
    assert max(map(cell_len, lines)) <= columns
    written = "".join(lines).replace(" ", "")
    letters = [letter for entry in entries for text in entry for letter in text if letter != " "]
    assert sorted(written) == sorted(letters)


def test_a_table_of_plain_lines_keeps_its_first_column() -> None:
    lines = [["run", "suite", "state"], ["results/runs/abc", "mini", "finished long ago" * 3]]
    with width(40):
        text = table("runs", lines)
    assert "results/runs/abc" in text
    assert "left out: state (all are printed where" in text
