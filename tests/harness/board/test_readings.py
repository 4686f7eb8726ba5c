"""Misspelt replies from a server to a row of the board, in both readings."""

import json
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from harness.store.journal import open_to_read, read_outcome, read_records
from tasks.base import Parsed
from tasks.parse import parse_object
from tests.factories.misspelt import Misspeller
from tests.harness.helpers import makespan
from tests.loopback import Json, Loopback, prompt_of
from tests.scripted import text_of

MODEL = "openai/m"
FAMILIES = {
    "rcpsp": "--level 4",
    "tardiness": "--level 5",
    "calendar": "--level 3 -T rounds=5 -T feedback=binary -T decisions=own",
    "tools": "--level 2 -T track=plan",
}


def misspelt(_: int, body: Json) -> str:
    """What the scripted model says, in a spelling of its own for each prompt."""
    text = text_of(prompt_of(body))
    ids = set(re.findall(r"\b[TJE]\d+\b", text))
    hand = Misspeller(text, ids, odds=0.3)
    return hand.reply(json.loads(text))


def right(_: int, body: Json) -> str:
    return text_of(prompt_of(body))


def run(family: str, out: Path, answer: Callable[[int, Json], str], limit: int = 6) -> None:
    with Loopback(answer) as server:
        words = ["--model", MODEL, "--base-url", server.url, "--limit", limit, "--out", out]
        done = makespan("run", family, *FAMILIES[family].split(), *words, OPENAI_API_KEY="none")
    assert done.returncode == 0, done.stderr


def row_of(folder: Path, *words: str) -> Any:
    [row] = json.loads(makespan("board", folder, "--json", *words).stdout)["rows"]
    return row


@pytest.mark.heavy
@pytest.mark.parametrize("family", FAMILIES)
def test_a_run_of_misspelt_answers_has_the_score_of_right_ones_and_both_boards(
    family: str, tmp_path: Path
) -> None:
    run(family, tmp_path / "right", right)
    run(family, tmp_path / "misspelt", misspelt)
    meant, row = row_of(tmp_path / "right"), row_of(tmp_path / "misspelt")
    strict = row_of(tmp_path / "misspelt", "--reading", "strict")
    if family != "calendar":  # there the feedback is by the strict reading
        assert row["score"]["value"] == pytest.approx(meant["score"]["value"])
    count = row["metrics"]["mended"]["value"]
    assert 0 < count <= row["n"]
    assert strict["score"]["value"] == pytest.approx(row["metrics"]["strict"]["value"])
    assert strict["score"]["value"] < row["score"]["value"] or family == "tools"
    assert "mended" not in strict["metrics"]
    assert not {"mended", "strict"} & meant["metrics"].keys()
    assert makespan("regrade", tmp_path / "misspelt").stdout.startswith("changed 0 of 6")


@pytest.mark.heavy
def test_the_board_says_what_was_mended(tmp_path: Path) -> None:
    run("tardiness", tmp_path / "x", misspelt)
    row = row_of(tmp_path / "x")
    count, strict = row["metrics"]["mended"]["value"], row["metrics"]["strict"]["value"]
    text = makespan("board", tmp_path / "x", COLUMNS="200").stdout
    assert (
        f"tardiness {MODEL}: {count:.0f} of 6 episodes had answers mended in spelling;"
        f" strict score {strict:.3f}"
    ) in text
    assert re.search(r"infeasible +mended ", text)
    told = makespan("board", tmp_path / "x", "--reading", "strict", COLUMNS="200").stdout
    assert "strict reading: no answer is mended in spelling" in told
    assert "had answers mended" not in told
    makespan("board", tmp_path / "x", "--csv", tmp_path / "a.csv")
    assert ",mended,mended_low," in (tmp_path / "a.csv").read_text().splitlines()[0]
    for reading in ("canonical", "strict"):
        page = tmp_path / f"{reading}.html"
        done = makespan("report", tmp_path / "x", "--html", page, "--reading", reading)
        assert done.returncode == 0, done.stderr
        strictly = "strict reading: no answer is mended" in page.read_text("utf-8")
        assert strictly == (reading == "strict")


def test_the_journal_keeps_what_was_written(tmp_path: Path) -> None:
    run("rcpsp", tmp_path / "x", lambda n, body: _twice(n, right(n, body)))
    found: list[Parsed] = []
    for record in read_records(tmp_path / "x"):
        key = json.dumps([record.model, record.epoch, record.instance], separators=(",", ":"))
        outcome = read_outcome(tmp_path / "x", key)
        assert outcome is not None
        found += outcome.answers
    assert [bool(parsed.mended) for parsed in found] == [True] * 6
    assert {bool(parsed.written) for parsed in found} == {True, False}
    with closing(open_to_read(tmp_path / "x")) as db:
        texts = [row[0] for row in db.execute("select outcome from records")]
    assert len(texts) == 6
    assert sum('"mended":' in text for text in texts) == sum(bool(p.mended) for p in found)


def _twice(number: int, text: str) -> str:
    """Ids in lower case, and every second time a comma too many."""
    return text.replace('"T', '"t').replace("}}", "},}" if number % 2 else "}}")


@pytest.mark.heavy
@pytest.mark.parametrize("family", FAMILIES)
def test_a_run_from_before_the_rule_is_replayed_and_tells_what_changes(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its prompts are the same to the byte: what an episode goes on with is read strictly."""
    folder = tmp_path / "x"
    with monkeypatch.context() as before:
        for place in ("one_shot", "calendar", "tools"):
            before.setattr(f"tasks.{place}.read_object", parse_object)
        before.setattr("tasks.rcpsp.spelled", lambda _, outcome: outcome)
        before.setattr("tasks.tardiness.spelled", lambda _, outcome: outcome)
        before.setattr("tasks.calendar.spelled", lambda parsed, _: parsed)
        before.setattr("tasks.tools.spelled_script", lambda _, parsed: (dict(parsed.value), ()))
        for grader in ("rcpsp", "tardiness"):
            before.setattr(f"graders.{grader}.spelled", lambda _, outcome: outcome)
        before.setattr("graders.calendar.spelled", lambda parsed, _: parsed)
        run(family, folder, misspelt)
    old = row_of(folder)
    assert "mended" not in old["metrics"]
    audit = json.loads(makespan("audit", folder, "--json").stdout)
    assert audit["replayed"] == 6
    assert audit["differ"]
    assert all("read otherwise now: makespan regrade" in line for line in audit["differ"])
    told = makespan("regrade", folder).stdout
    count = row_of(folder)["metrics"]["mended"]["value"]
    assert re.match(r"changed [1-6] of 6", told)
    assert count >= 1
    strict = row_of(folder, "--reading", "strict")
    assert strict["score"] == old["score"]
    assert makespan("audit", folder).returncode == 0


def test_the_headline_of_a_suite_has_its_strict_score_too(tmp_path: Path) -> None:
    """Where the suite scores by another measure, so does the strict reading."""
    folder = tmp_path / "x"

    def answer(number: int, body: Json) -> str:
        return _twice(number, right(number, body)) if number % 3 else right(number, body)

    with Loopback(answer) as server:
        words = ["--model", MODEL, "--base-url", server.url, "--limit", 6, "--out", folder]
        done = makespan("run", "rcpsp-makespan", *words, OPENAI_API_KEY="none")
    assert done.returncode == 0, done.stderr
    row, strict = row_of(folder), row_of(folder, "--reading", "strict")
    assert row["headline"] == strict["headline"] == "quality"
    assert row["score"]["value"] > row["metrics"]["strict"]["value"] > 0
    assert strict["score"]["value"] == pytest.approx(row["metrics"]["strict"]["value"])
