"""Costs: from stored usage at a dated table, told ones first, and unknown where unknown."""

import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.board.board import Board, read_board
from harness.board.text import notes
from harness.calls.prices import Prices, load
from harness.cli import main
from harness.costs import Price
from tasks.base import InputError, Usage
from tests.harness.helpers import instances, rows, zeros
from tests.loopback import FAULTS, Answer, Fault, Json, Loopback, chat_completion, says

DAY = datetime.date(2026, 1, 2)
TABLE = """
date = 2026-01-02
[models."openai/m"]
input = 1000
cached = 100
output = 5000
"""


def asked(tmp_path: Path, answer: Answer, model: str = "openai/m") -> Path:
    """A run of two instances against a server of one's own."""
    file, out = instances(tmp_path / "a.jsonl", 2), tmp_path / "x"
    with Loopback(answer) as server:
        main(
            [
                "run",
                str(file),
                "--model",
                model,
                "--base-url",
                server.url,
                "--out",
                str(out),
                "--max-attempts",
                "2",
            ]
        )
    return out


def cost(board: Board) -> float | None:
    [row] = board.rows
    return row.cost


def test_usage_is_priced_late_and_stays_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = asked(tmp_path, zeros)  # 12 tokens in, 5 out
    before = rows(out, "select record from records"), rows(out, "select reply from attempts")
    (tmp_path / "p.toml").write_text(TABLE)
    capsys.readouterr()
    assert main(["board", str(out), "--prices", str(tmp_path / "p.toml"), "--json"]) == 0
    found = msgspec.json.decode(capsys.readouterr().out, type=Board)
    assert cost(found) == pytest.approx(2 * (12 * 1000 + 5 * 5000) / 1e6)
    assert found.priced == {"openai/m": DAY}
    assert "cost at the prices of 2026-01-02: openai/m" in notes(found)
    assert before == (
        rows(out, "select record from records"),
        rows(out, "select reply from attempts"),
    )
    assert cost(read_board([out])) is None  # no price in the project's own table


def test_cached_input_has_its_own_price(tmp_path: Path) -> None:
    def some_cached(_: int, body: Json) -> Json:
        made = chat_completion('{"starts": {}}', body)
        made["usage"]["prompt_tokens_details"] = {"cached_tokens": 10}
        return made

    out = asked(tmp_path, some_cached)
    found = read_board([out], Prices(DAY, {"openai/m": Price(1000, 5000, cached=100)}))
    assert cost(found) == pytest.approx(2 * (2 * 1000 + 10 * 100 + 5 * 5000) / 1e6)


def test_the_projects_table_is_for_the_providers_only(tmp_path: Path) -> None:
    """What somebody else serves under the name of a known model has no known price."""
    out = asked(tmp_path, zeros, "openai/gpt-5")
    assert cost(read_board([out])) is None
    assert cost(read_board([out], Prices(DAY, {"openai/gpt-5": Price(1, 1)}))) is not None
    assert "openai/gpt-5" in load(None).models


def test_a_call_that_failed_for_good_may_have_been_billed(tmp_path: Path) -> None:
    def fails_once(number: int, body: Json) -> str | Fault:
        return says(400, "cannot") if number == 1 else zeros(number, body)

    found = read_board([asked(tmp_path, fails_once)], Prices(DAY, {"openai/m": Price(1, 1)}))
    assert found.rows[0].errors == 1
    assert cost(found) is None
    assert found.priced == {"openai/m": DAY}


def test_a_call_without_usage_has_an_unknown_cost(tmp_path: Path) -> None:
    def silent(number: int, body: Json) -> Json:
        made = chat_completion("{}", body)
        return made if number > 1 else {k: v for k, v in made.items() if k != "usage"}

    found = read_board([asked(tmp_path, silent)], Prices(DAY, {"openai/m": Price(1, 1)}))
    assert cost(found) is None


def test_a_retried_call_costs_what_its_reply_says(tmp_path: Path) -> None:
    def second(number: int, body: Json) -> str | Fault:
        return FAULTS["server"] if number == 1 else zeros(number, body)

    found = read_board([asked(tmp_path, second)], Prices(DAY, {"openai/m": Price(1, 0)}))
    assert cost(found) == pytest.approx(2 * 12 / 1e6)


@pytest.mark.parametrize(
    ("usage", "wanted"),
    [
        (Usage(1000, 100), 0.0015),
        (Usage(1000, 100, cached=600), 0.0012),
        (Usage(None, 5), None),
        (Usage(5, None), None),
        (Usage(2001, 1), None),
    ],
)
def test_a_price(usage: Usage, wanted: float | None) -> None:
    assert Price(1, 5, 0.5, up_to=2000).of(usage) == (wanted and pytest.approx(wanted))


def test_a_price_without_one_for_cached_input() -> None:
    assert Price(1, 5).of(Usage(1000, 0, cached=1000)) == pytest.approx(0.001)


def test_the_projects_table_is_sound() -> None:
    table = load(None)
    assert table.date <= datetime.date(2026, 11, 23)
    assert not table.everywhere
    for name, price in table.models.items():
        assert name.split("/")[0] in ("openai", "anthropic")
        assert price.output > price.input > (price.cached or 0) > 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("date = 2026-01-02", "missing required field `models`"),
        ("models = {}", "missing required field `date`"),
        (TABLE + "inptu = 1", "unknown field `inptu`"),
        (TABLE.replace("5000", "-1"), "a price is below 0"),
        (TABLE.replace("5000", '"much"'), "Expected `float`, got `str`"),
        ("date = ", "p.toml"),
        (b"\xff", "p.toml"),
    ],
)
def test_a_wrong_table_is_told(tmp_path: Path, text: Any, message: str) -> None:
    path = tmp_path / "p.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=r"p\.toml") as told:
        load(path)
    assert message in str(told.value)


def test_no_table_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = asked(tmp_path, zeros)
    capsys.readouterr()
    assert main(["board", str(out), "--prices", str(tmp_path / "none.toml")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("makespan board: cannot read")
    assert said.count("\n") == 1
