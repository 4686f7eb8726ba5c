"""What a row tells of its replies beside the score: empty, cut off, refused, reasoning only."""

from pathlib import Path

import msgspec
import pytest

from harness.board.board import read_board
from harness.board.html import as_html
from harness.board.replies import WORDS, End, OddReplies, end_of
from harness.board.text import notes
from harness.export.columns import LEADERBOARD
from tasks.base import Reply, ToolCall, Usage
from tests.harness.helpers import board, instances, makespan, zeros
from tests.loopback import Fault, Json, Loopback, chat_completion, says


@pytest.mark.parametrize(
    ("reply", "end"),
    [
        (Reply("yes"), "answered"),
        (Reply("yes", finish="eos"), "answered"),
        (Reply("", (ToolCall("c", "find", "{}"),), finish="tool_calls"), "answered"),
        (Reply("<think>hm</think> yes"), "answered"),
        (Reply(""), "empty"),
        (Reply(" \n"), "empty"),
        (Reply("", finish="tomorrow"), "empty"),
        (Reply("<think>hm</think>\n"), "reasoning_only"),
        (Reply("<think>hm"), "reasoning_only"),
        (Reply("", usage=Usage(9, 9, None, 9)), "reasoning_only"),
        (Reply("half", finish="length"), "cut_off"),
        (Reply("", finish="length", usage=Usage(9, 9, None, 9)), "cut_off"),
        (Reply("half", finish="MAX_TOKENS"), "cut_off"),  # as older journals have it
        (Reply("I cannot.", finish="content_filter"), "refused"),
        (Reply("", finish="content_filter"), "refused"),
        (Reply("", finish="context_length"), "too_long"),
    ],
)
def test_a_reply_ends_in_one_way(reply: Reply, end: End) -> None:
    assert end_of(msgspec.json.encode(reply).decode()) == end


def test_the_words() -> None:
    assert not OddReplies(40)
    assert OddReplies(40, 4, 12, 3).told() == (
        "4 of 40 replies were empty, 12 cut off at the token limit, 3 held reasoning only"
    )
    assert OddReplies(40, cut_off=2).told() == "2 of 40 replies were cut off at the token limit"
    assert set(WORDS) == set(OddReplies.__struct_fields__) - {"of"}


def ended(finish: str, text: str, body: Json) -> Json:
    made = chat_completion(text, body)
    made["choices"][0]["finish_reason"] = finish
    return made


def mixed(number: int, body: Json) -> str | Json | Fault:
    """Twelve calls: 3 empty, 2 cut off, 1 of reasoning, 1 refused, 1 too long, 4 answered."""
    kinds: dict[int, str | Json | Fault] = {
        0: ended("stop", "", body),
        1: ended("stop", "\n", body),
        2: ended("tomorrow", "", body),
        3: ended("length", "half", body),
        4: ended("MAX_TOKENS", "", body),
        5: ended("stop", "<think>hm</think>", body),
        6: says(403, "Your input was flagged"),
        7: says(400, "prompt is too long: 9 tokens > 8 maximum"),
    }
    return kinds.get((number - 1) % 12, zeros(number, body))


TOLD = (
    "3 of 12 replies were empty, 2 cut off at the token limit, 1 held reasoning only, 1 refusals,"
    " 1 to prompts that it cannot read"
)


@pytest.mark.heavy
def test_a_row_tells_its_replies_under_the_board(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 12), tmp_path / "run"
    with Loopback(mixed) as server:
        models = ("--model", "openai/m", "--model", "policy/serial", "--base-url", server.url)
        done = makespan("run", file, *models, "--max-connections", "1", "--out", out)
    assert done.returncode == 0, done.stderr
    assert f"openai/m: {TOLD}" in done.stdout
    assert "'tomorrow' is not known" in done.stderr
    told = [note for note in notes(read_board([out])) if "replies" in note]
    assert len(told) == 1, "a policy has no replies to tell"
    assert TOLD in as_html(read_board([out]))
    by_model = {row["model"]: row for row in board(out)}
    assert by_model["openai/m"]["replies"] == {
        "of": 12,
        "empty": 3,
        "cut_off": 2,
        "reasoning_only": 1,
        "refused": 1,
        "too_long": 1,
    }
    assert "replies" not in by_model["policy/serial"]
    page = tmp_path / "page.html"
    assert makespan("report", out, "--html", page).returncode == 0
    assert TOLD in page.read_text("utf-8")


def test_a_row_of_plain_answers_tells_nothing_and_no_table_has_a_new_column(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 3), tmp_path / "run"
    with Loopback(zeros) as server:
        how = ("--model", "openai/m", "--base-url", server.url, "--out", out)
        assert makespan("run", file, *how).returncode == 0
    assert "replies" not in board(out)[0]
    csv = tmp_path / "board.csv"
    makespan("board", out, "--csv", csv)
    assert "replies" not in csv.read_text("utf-8").splitlines()[0].split(",")
    assert "replies" not in {column.name for column in LEADERBOARD}


def test_an_error_is_one_attempt_if_it_was_tried_once(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 2), tmp_path / "run"
    with Loopback(lambda number, _body: says(400, f"not {'abcdefgh'[number]}")) as server:
        how = ("--model", "openai/m", "--base-url", server.url, "--out", out)
        done = makespan("run", file, *how)
        assert done.returncode == 1
        assert "more than one attempt" not in done.stdout
        assert board(out)[0]["retried"] == 0
        again = makespan("resume", out)
        assert "2 of 2 episodes took more than one attempt" in again.stdout
