"""Boards are additive: folders that share episodes, and parts of them that are shown."""

import json
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import makespan as library
from harness.store.journal import key_of
from tasks.base import InputError
from tests.depth import examples
from tests.harness.helpers import board, instances, makespan, rows
from tests.harness.report.reader import Reader, unpacked
from tests.loopback import Json, Loopback, prompt_of
from tests.optional import needs
from tests.scripted import answer, text_of

FLOORS = ("--model", "policy/edf", "--model", "policy/exact")


def without_measured(value: Any) -> Any:
    """JSON without times."""
    if isinstance(value, dict):
        return {k: without_measured(v) for k, v in value.items() if k != "seconds"}
    return [without_measured(v) for v in value] if isinstance(value, list) else value


def printed(*words: object) -> str:
    """What `board --json` prints, but for the seconds."""
    done = makespan("board", *words, "--json")
    assert done.returncode in (0, 1), done.stderr
    return json.dumps(without_measured(json.loads(done.stdout)), indent=1)


def answering(number: int, body: Json) -> str | Json:
    """What a model can, or not: `openai/bad` cannot read."""
    return "I would rather not." if body["model"] == "bad" else answer(number, body)


def ask(server: Loopback, file: object, out: Path, *words: object) -> None:
    done = makespan("run", file, "--base-url", server.url, *words, "--out", out)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of a suite's file: one of three models, and one of each with the same floors."""
    root = tmp_path_factory.mktemp("additive")
    file = instances(root / "i.jsonl", 6)
    names = ("good", "bad", "other")
    with Loopback(answering) as server:
        every = [word for name in names for word in ("--model", f"openai/{name}")]
        ask(server, file, root / "whole", *every, *FLOORS, "--epochs", 2)
        for name in names:
            ask(server, file, root / name, "--model", f"openai/{name}", *FLOORS, "--epochs", 2)
        ask(server, file, root / "again", "--model", "openai/good", *FLOORS)
    return root


def ids(place: Path) -> list[str]:
    return [json.loads(line)["id"] for line in (place / "i.jsonl").read_text().splitlines()]


def entries(page: Path) -> int:
    """How many episodes a page lists."""
    return len(unpacked(Reader(page.read_text("utf-8")), "index")["entries"])


def single(place: Path) -> list[Path]:
    return [place / name for name in ("good", "bad", "other")]


# What is in several folders --------------------------------------------------------------------


@pytest.mark.heavy
def test_runs_of_three_models_that_share_floors_are_one_board(place: Path) -> None:
    assert printed(*single(place)) == printed(place / "whole")
    assert len(board(place / "whole")) == 5
    done = makespan("board", *single(place))
    assert done.returncode == 0, done.stderr


@pytest.mark.heavy
@needs("pandas")
def test_the_library_has_the_board_of_several_runs(place: Path) -> None:
    frame = library.board(single(place), models=["openai/*"])
    assert sorted(frame["model"]) == ["openai/bad", "openai/good", "openai/other"]
    assert set(library.board([library.load(path) for path in single(place)])["n"]) == {12}
    with pytest.raises(InputError, match=r"`models` openai/god: no such model .* openai/good"):
        library.board(single(place), models=["openai/god"])


@pytest.mark.heavy
def test_of_what_is_shared_the_first_folder_is_shown(place: Path) -> None:
    for first, second in (("good", "bad"), ("bad", "good")):
        done = makespan("board", place / first, place / second, "--json")
        seconds = {row["model"]: row["seconds"] for row in json.loads(done.stdout)["rows"]}
        alone = {row["model"]: row["seconds"] for row in board(place / first)}
        assert {name: seconds[name] for name in alone} == alone


@pytest.mark.heavy
def test_they_are_compared_and_reported_without_a_double(place: Path, tmp_path: Path) -> None:
    names = ("--model", "openai/good", "--model", "policy/exact")
    apart = makespan("compare", *single(place), *names, "--json")
    together = makespan("compare", place / "whole", *names, "--json")
    assert apart.returncode == 0, apart.stderr
    assert apart.stdout == together.stdout
    counts = []
    for name, folders in (("apart", single(place)), ("together", [place / "whole"])):
        done = makespan("report", *folders, "--html", tmp_path / f"{name}.html")
        assert done.returncode == 0, done.stderr
        counts.append(entries(tmp_path / f"{name}.html"))
    assert counts == [60, 60]  # 5 models, 6 instances, 2 epochs


def test_a_copy_is_the_same_and_two_samples_are_not(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "good", tmp_path / "copy")
    assert printed(place / "good", tmp_path / "copy") == printed(place / "good")
    for command in (["board"], ["report", "--html", tmp_path / "p.html"]):
        refused = makespan(*command, place / "good", place / "again")
        assert refused.returncode == 2
        [line] = refused.stderr.splitlines()
        assert f"{place / 'good'} and {place / 'again'} do not have the same episode" in line
        assert f"openai/good on {ids(place)[0]}, epoch 0: its seconds.answer is " in line
        assert "leave it out by --model, or ask it more --epochs in one folder" in line
    assert not (tmp_path / "p.html").exists()
    floors = ("--model", "policy/*")
    assert printed(place / "good", place / "again", *floors) == printed(place / "good", *floors)
    names = ("--model", "openai/bad", "--model", "policy/exact")
    compared = makespan("compare", place / "bad", place / "good", place / "again", *names)
    assert compared.returncode == 0, compared.stderr


def test_a_reply_from_a_cache_is_the_one_that_is_in_it(tmp_path: Path) -> None:
    file, cache = instances(tmp_path / "i.jsonl", 3), ("--cache", tmp_path / "cache")
    with Loopback(answer) as server:
        for name, model in (("a", "openai/m"), ("b", "openai/m")):
            ask(server, file, tmp_path / name, "--model", model, *cache)
        assert len(server.requests) == 3
    assert printed(tmp_path / "a", tmp_path / "b") == printed(tmp_path / "a")


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ("record = json_set(record, '$.grade.score', 0.25)", "its grade.score is 1.0 and 0.25"),
        ("outcome = json_set(outcome, '$.answers[0].how', 'else')", "its outcome.answers[0].how"),
        ("verdict = verdict, record = json_set(record, '$.attempts', 7)", ""),
        ("record = json_set(record, '$.seconds', 70)", ""),
    ],
)
def test_a_policy_is_compared_by_its_grade_and_answers(
    place: Path, tmp_path: Path, change: str, difference: str
) -> None:
    shutil.copytree(place / "bad", tmp_path / "copy")
    with closing(sqlite3.connect(tmp_path / "copy" / "journal.sqlite")) as db, db:
        key = key_of("policy/exact", 1, ids(place)[3])
        db.execute(
            f"update records set {change} where episode = (select id from episodes where key = ?)",
            (key,),
        )
    both = makespan("board", place / "good", tmp_path / "copy")
    if not difference:
        assert both.returncode == 0, both.stderr
        return
    assert both.returncode == 2
    assert both.stderr.count("\n") == 1
    assert f"of policy/exact on {ids(place)[3]}, epoch 1: " in both.stderr
    assert difference in both.stderr


def test_an_error_in_one_of_the_folders_is_another_episode(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "good", tmp_path / "copy")
    with closing(sqlite3.connect(tmp_path / "copy" / "journal.sqlite")) as db, db:
        problem = '{"boundary": "solver", "message": "away", "kind": "solver"}'
        db.execute(
            "update records set verdict = 'error', outcome = null, record = "
            "json_set(json_remove(record, '$.grade'), '$.problem', json(?)) where episode = "
            "(select id from episodes where key = ?)",
            (problem, key_of("policy/edf", 0, ids(place)[2])),
        )
    refused = makespan("board", place / "bad", tmp_path / "copy")
    assert refused.returncode == 2
    assert f"of policy/edf on {ids(place)[2]}, epoch 0: its grade is " in refused.stderr


# Any split ------------------------------------------------------------------------------------


def keys_of(folder: Path) -> list[str]:
    return [key for (key,) in rows(folder, "select key from episodes order by id")]


def split(whole: Path, out: Path, keys: Sequence[str]) -> None:
    """A copy of a run that was cut off when it had no more than some of its episodes."""
    shutil.copytree(whole, out)
    with closing(sqlite3.connect(out / "journal.sqlite")) as db, db:
        db.execute("create temp table kept (key text)")
        db.executemany("insert into kept values (?)", [(key,) for key in keys])
        gone = "episode in (select id from episodes where key not in kept)"
        for table in ("records", "attempts"):
            db.execute(f"delete from {table} where {gone}")
        db.execute("delete from episodes where key not in kept")


@examples(60)
@given(data=st.data())
def test_any_split_into_folders_that_overlap_boards_to_the_whole(
    place: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    root, keys = tmp_path_factory.mktemp("split"), keys_of(place / "whole")
    count = data.draw(st.integers(1, 4))
    owners = [data.draw(st.sets(st.integers(0, count - 1), min_size=1), label=key) for key in keys]
    folders = [root / str(number) for number in range(count)]
    for number, folder in enumerate(folders):
        part = [key for key, owner in zip(keys, owners, strict=True) if number in owner]
        split(place / "whole", folder, part)
    assert printed(*data.draw(st.permutations(folders))) == printed(place / "whole")
    shutil.rmtree(root)


@pytest.mark.heavy
@examples(60)
@given(
    models=st.lists(
        st.sets(st.sampled_from(["edf", "exact", "serial", "sgs-lft"]), min_size=1),
        min_size=1,
        max_size=3,
    ),
    data=st.data(),
)
def test_folders_of_fewer_models_instances_and_epochs_board_to_the_whole(
    place: Path,
    tmp_path_factory: pytest.TempPathFactory,
    models: list[set[str]],
    data: st.DataObject,
) -> None:
    """The folders were run apart; each model has one that holds all of it."""
    root = tmp_path_factory.mktemp("boxes")
    names = sorted(set().union(*models))
    boxes = [(part, 3, 2) for part in models]
    boxes += [(part, data.draw(st.integers(1, 3)), data.draw(st.integers(1, 2))) for part in models]
    folders = []
    for number, (part, limit, epochs) in enumerate([(set(names), 3, 2), *boxes]):
        words = [word for name in sorted(part) for word in ("--model", f"policy/{name}")]
        how = (*words, "--limit", limit, "--epochs", epochs, "--out", root / str(number))
        assert makespan("run", place / "i.jsonl", *how).returncode == 0
        folders.append(root / str(number))
    assert printed(*data.draw(st.permutations(folders[1:]))) == printed(folders[0])
    shutil.rmtree(root)


# A part that is shown -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two_families(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two families by a model and a policy of each."""
    root = tmp_path_factory.mktemp("families")
    words = ("--model", "openai/m", "--model", "policy/sgs-lft", "--model", "policy/edd")
    for name, level in (("rcpsp", 4), ("tardiness", 6)):
        generate = ("generate", name, "--level", level, "--count", 3, "--out", root / name)
        assert makespan(*generate).returncode == 0
    lines = (root / "rcpsp").read_bytes() + (root / "tardiness").read_bytes()
    (root / "both.jsonl").write_bytes(lines)
    with Loopback(answer) as server:
        ask(server, root / "both.jsonl", root / "run", *words)
    return root / "run"


def shown(folder: Path, *words: str) -> set[tuple[str, str]]:
    done = makespan("board", folder, *words, "--json")
    assert done.returncode == 0, done.stderr
    return {(row["family"], row["model"]) for row in json.loads(done.stdout)["rows"]}


def test_models_and_families_are_shown_alone(two_families: Path) -> None:
    every = shown(two_families)
    assert len(every) == 4
    for words, part in (
        (["--model", "openai/*"], {e for e in every if e[1] == "openai/m"}),
        (["--family", "tardiness"], {e for e in every if e[0] == "tardiness"}),
        (["--model", "policy/edd", "--model", "*/sgs*"], {e for e in every if "policy" in e[1]}),
        (["--model", "policy/*", "--family", "rcpsp"], {("rcpsp", "policy/sgs-lft")}),
    ):
        assert shown(two_families, *words) == part


def test_the_rows_that_are_shown_are_those_of_the_whole_board(two_families: Path) -> None:
    whole = board(two_families)
    done = makespan("board", two_families, "--model", "policy/*", "--json")
    part = json.loads(done.stdout)
    assert part["rows"] == [row for row in whole if row["model"] != "openai/m"]
    assert part["selection"] == {"models": ["policy/*"], "families": []}
    assert "selection" not in json.loads(makespan("board", two_families, "--json").stdout)


def test_a_part_says_that_it_is_one(two_families: Path, tmp_path: Path) -> None:
    words = ("--model", "openai/*", "--family", "rcpsp")
    note = "only models openai/* of families rcpsp: the folders may hold more"
    assert note in makespan("board", two_families, *words).stdout
    assert note not in makespan("board", two_families).stdout
    for command in ("board", "report"):
        page = tmp_path / f"{command}.html"
        assert makespan(command, two_families, *words, "--html", page).returncode == 0
        assert note in page.read_text("utf-8").replace("Only models", "only models")
    assert entries(tmp_path / "report.html") == 3


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--model", "openai/n"], "--model openai/n: no such model in the folders: did you mean"),
        (["--model", "gemini*"], "--model gemini*: no such model in the folders: there are open"),
        (["--family", "rcps"], "--family rcps: no such family in the folders: did you mean rcpsp?"),
        (
            ["--model", "policy/edd", "--family", "rcpsp"],
            "no finished episodes of models policy/edd of families rcpsp in ",
        ),
    ],
)
@pytest.mark.parametrize("command", [["board"], ["report", "--html", "page.html"]])
def test_a_pattern_of_nothing_is_one_line(
    two_families: Path, command: list[str], words: list[str], line: str, tmp_path: Path
) -> None:
    place = [str(tmp_path / word) if word.endswith(".html") else word for word in command]
    done = makespan(*place, two_families, *words)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert line in done.stderr


def test_a_comparison_is_of_patterns_that_are_of_one_model(two_families: Path) -> None:
    done = makespan("compare", two_families, "--model", "open*", "--model", "policy/s*", "--json")
    assert done.returncode == 0, done.stderr
    assert {json.loads(done.stdout)[side] for side in "ab"} == {"openai/m", "policy/sgs-lft"}
    several = makespan("compare", two_families, "--model", "policy/*", "--model", "openai/m")
    assert several.returncode == 2
    assert "is of 2 models, policy/sgs-lft, policy/edd: give one of them" in several.stderr
    nothing = makespan("compare", two_families, "--model", "openai/mm", "--model", "openai/m")
    assert (nothing.returncode, nothing.stderr.count("\n")) == (2, 1)
    assert "did you mean openai/m?" in nothing.stderr


def test_a_comparison_of_one_family_says_so(two_families: Path) -> None:
    names = ("--model", "openai/m", "--model", "policy/edd", "--family", "tardiness")
    done = makespan("compare", two_families, *names)
    assert done.returncode == 0, done.stderr
    assert "only families tardiness: p (Holm) is over these" in done.stdout
    matches = json.loads(makespan("compare", two_families, *names, "--json").stdout)["matches"]
    assert [match["family"] for match in matches] == ["tardiness"]


def test_the_status_is_that_of_what_is_shown(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "good", tmp_path / "cut")
    keys = [key for key in keys_of(place / "good") if "openai/good" not in key]
    shutil.rmtree(tmp_path / "cut")
    split(place / "good", tmp_path / "cut", keys)
    assert makespan("board", tmp_path / "cut").returncode == 1
    assert "openai/good: no episode is finished" in makespan("board", tmp_path / "cut").stdout
    assert makespan("board", tmp_path / "cut", "--model", "policy/*").returncode == 0
    assert makespan("board", tmp_path / "cut", "--model", "*o*").returncode == 1


# How answers are read, and how they ended -------------------------------------------------------


def misspelling(number: int, body: Json) -> str:
    """A right answer, one with a comma too many, and nothing, in turn."""
    text = text_of(prompt_of(body))
    return ("", text, text.replace("}}", "},}"))[number % 3]


@pytest.fixture(scope="module")
def misspelt(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A run of answers that are mended, and a copy of it."""
    root = tmp_path_factory.mktemp("misspelt")
    file = instances(root / "i.jsonl", 6)
    with Loopback(misspelling) as server:
        ask(server, file, root / "run", "--model", "openai/m", *FLOORS)
    shutil.copytree(root / "run", root / "copy")
    return [root / "run", root / "copy"]


@pytest.mark.parametrize("reading", ["canonical", "strict"])
def test_episodes_that_were_mended_are_shared_like_others(
    misspelt: Sequence[Path], reading: str
) -> None:
    words = ("--reading", reading)
    assert printed(*misspelt, *words) == printed(misspelt[0], *words)
    [row] = [
        row for row in json.loads(printed(*misspelt, *words))["rows"] if row["kind"] == "model"
    ]
    assert (row["replies"]["of"], row["replies"]["empty"]) == (6, 2)
    assert ("mended" in row["metrics"]) == (reading == "canonical")


def test_a_part_is_shown_by_either_reading(misspelt: Sequence[Path], tmp_path: Path) -> None:
    words = (*misspelt, "--model", "openai/*", "--reading", "strict")
    shown = json.loads(printed(*words))
    assert shown["reading"] == "strict"
    assert shown["selection"]["models"] == ["openai/*"]
    whole = json.loads(printed(misspelt[0], "--reading", "strict"))
    assert shown["rows"] == [row for row in whole["rows"] if row["kind"] == "model"]
    text = makespan("board", *words, COLUMNS="200").stdout
    page = tmp_path / "page.html"
    makespan("report", *words, "--html", page)
    for note in ("nly models openai/*", "strict reading: no answer is mended"):
        assert note in text
        assert note in page.read_text("utf-8")
    assert entries(page) == 6


def test_a_copy_that_is_read_otherwise_is_refused_until_it_is_regraded(
    misspelt: Sequence[Path], tmp_path: Path
) -> None:
    """As of a folder from before answers were mended."""
    old = tmp_path / "old"
    shutil.copytree(misspelt[0], old)
    with closing(sqlite3.connect(old / "journal.sqlite")) as db, db:
        changed = db.execute(
            "update records set outcome = json_remove(outcome, '$.answers[0].mended'),"
            " record = json_remove(record, '$.grade.metrics.mended', '$.grade.metrics.strict')"
            " where json_extract(outcome, '$.answers[0].mended') is not null"
        ).rowcount
    assert changed
    refused = makespan("board", misspelt[0], old)
    assert refused.returncode == 2
    assert "its grade.metrics.mended is 1.0 and None" in refused.stderr
    assert makespan("regrade", old).stdout.startswith(f"changed {changed} of ")
    assert printed(misspelt[0], old) == printed(misspelt[0])
