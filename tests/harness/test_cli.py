"""Wrong input: one line that says what is wrong, where, and how to mend it; status 2; no files."""

import json
from pathlib import Path
from typing import Any

import pytest

from generators.rcpsp import generate
from harness.cli import main
from harness.instances import encode
from tests.harness.helpers import instances


def line(**changes: Any) -> str:
    """An instance line with its payload changed."""
    raw = json.loads(encode(generate(3, 0, 0, {}, reference=False)))
    raw["payload"] |= changes
    return json.dumps(raw) + "\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    instances(tmp_path / "good.jsonl", 2)
    (tmp_path / "empty.jsonl").write_text("\n")
    (tmp_path / "text.jsonl").write_text("hello\n")
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\xfe\x00\n")
    (tmp_path / "twice.jsonl").write_text(line() + line())
    (tmp_path / "cyclic.jsonl").write_text(
        line(precedences=[["T1", "T2"], ["T2", "T3"], ["T3", "T1"]])
    )
    (tmp_path / "demand.jsonl").write_text(
        line(tasks=[{"id": "T1", "duration": 1, "demands": {"R1": 99}}])
    )
    (tmp_path / "negative.jsonl").write_text(line(tasks=[{"id": "T1", "duration": -4}]))
    (tmp_path / "family.jsonl").write_text('{"family": "chess"}\n')
    (tmp_path / "answers.jsonl").write_text('{"id": "nobody", "answer": {}}\n')
    (tmp_path / "neither.jsonl").write_text('{"id": "rcpsp-4-s0-i0-x"}\n')
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "file").write_text("mine")


def run(words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    try:
        status = main(words.split())
    except SystemExit as stop:
        status = int(stop.code or 0)
    said = capsys.readouterr()
    return status, said.out, said.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "the following arguments are required: COMMAND"),
        ("dance", "invalid choice: 'dance'"),
        ("publish x --repo a/b", "invalid choice: 'publish'"),
        ("generate chess --level 5", "unknown family 'chess': there are rcpsp"),
        ("generate rcpsp", "required: --level"),
        ("generate rcpsp --level 0", "'0' is not a whole number from 1 on"),
        ("generate rcpsp --level 5 --count x", "'x' is not a whole number"),
        ("generate rcpsp --level 5 -T edges", "'edges' is not of the form key=value"),
        ("generate rcpsp --level 5 -T edge=4", "unknown field `edge`"),
        ("generate rcpsp --level 5 -T edges=many", "edges"),
        ("generate rcpsp --level 20 -T edges=500", "take at most"),
        ("generate rcpsp --level 20 -T edges=500 --out o.jsonl", "take at most"),
        ("generate rcpsp --level 5 --out no/where.jsonl", "there is no folder no"),
        ("solve nothing.jsonl", "cannot read nothing.jsonl: No such file"),
        ("solve dir", "cannot read dir: Is a directory"),
        ("solve empty.jsonl", "empty.jsonl: no instances in it"),
        ("solve text.jsonl", "text.jsonl:1: JSON is malformed"),
        ("solve binary.jsonl", "binary.jsonl:1: "),
        ("solve twice.jsonl", "twice.jsonl:2: the id"),
        ("solve cyclic.jsonl", "precedences: cyclic: T"),
        ("solve demand.jsonl", "task T1: demands 99 of R1, whose capacity is"),
        ("solve negative.jsonl", "task T1: duration -4 is negative"),
        ("solve family.jsonl", "family.jsonl:1: unknown family 'chess'"),
        ("solve good.jsonl --time-limit 0", "'0' is not a number above 0"),
        ("grade good.jsonl answers.jsonl", "answers.jsonl:1: no instance has the id 'nobody'"),
        ("grade good.jsonl neither.jsonl", 'needs either "answer" or "text"'),
        ("grade good.jsonl text.jsonl", "text.jsonl:1: JSON is malformed"),
        ("import psplib nothing.sm", "nothing.sm"),
        ("import psplib text.jsonl", "text.jsonl"),
        ("export good.jsonl --format psplib --out o", "downtime"),
        ("run", "required: SUITE|FAMILY|FILE.jsonl"),
        ("run chess --model policy/edf", "'chess' is no suite (quickstart, rcpsp"),
        ("run nothing.jsonl --model policy/edf", "cannot read nothing.jsonl"),
        ("run quickstart --model policy/magic", "unknown model 'policy/magic': the policies"),
        ("run quickstart --model gpt-5", "unknown model 'gpt-5': providers are openai"),
        ("run quickstart --model foo/bar", "unknown model 'foo/bar': providers are openai"),
        ("run quickstart --model openai/gpt-5", "set the environment variable OPENAI_API_KEY"),
        ("run quickstart --model anthropic/x", "ANTHROPIC_API_KEY"),
        ("run quickstart --model openai/x --base-url nowhere", "base URL 'nowhere' is not"),
        ("run quickstart --model openai/x --base-url http://a:b@c/v1", "no user or password"),
        ("run quickstart --model openai/x --base-url http://c --api-key-env NOPE", "NOPE"),
        ("run quickstart --model policy/edf --model policy/edf", "given twice"),
        ("run quickstart --model policy/edf --agent spy", "unknown agent 'spy': there are direct"),
        ("run quickstart --model policy/edf --memory big", "unknown memory 'big': there are none"),
        ("run quickstart --model policy/edf --memory facts", "needs a family of several steps"),
        ("run quickstart --model policy/edf -T slak=1", "unknown field `slak`"),
        ("run quickstart --model policy/edf --out dir", "dir is no run folder, but not empty"),
        ("run good.jsonl --model policy/edf --level 5", "no --level, --seed or -T"),
        ("run quickstart --extra-body []", "not a JSON object"),
        ("resume dir", "dir is no run folder: it has no manifest.json"),
        ("regrade nothing", "nothing is no run folder"),
        ("board dir", "dir is no run folder"),
    ],
)
def test_wrong_input(
    words: str, message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    status, out, err = run(words, capsys)
    assert status == 2
    assert out == ""
    assert message in err
    assert err.count("\n") == 1, err
    assert err.startswith("makespan")
    after = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert after == before


def test_openai_base_url_must_be_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    status, _, err = run("run quickstart --model openai/x", capsys)
    assert status == 2
    assert "OPENAI_BASE_URL is set: give it as --base-url" in err


def test_grade_takes_objects_and_texts(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    made = [generate(4, 0, k, {}, reference=False) for k in range(2)]
    gold = [i.reference.answer for i in made]
    cases: list[tuple[list[dict[str, Any]], list[str]]] = [
        ([{"answer": gold[0]}, {"text": f"So: {json.dumps(gold[1])}"}], ["valid", "valid"]),
        ([{"answer": {"starts": {}}}, {"text": "no"}], ["infeasible", "unparsable"]),
        ([{"answer": [1]}, {"answer": {"start": 1}}], ["unparsable", "unparsable"]),
    ]
    for answers, verdicts in cases:
        lines = [json.dumps({"id": i.id, **a}) for i, a in zip(made, answers, strict=True)]
        (tmp_path / "a.jsonl").write_text("\n".join(lines))
        status, out, err = run("grade good.jsonl a.jsonl", capsys)
        assert (status, err) == (0, "")
        grades = [json.loads(text) for text in out.splitlines()]
        assert [g["verdict"] for g in grades] == verdicts
        assert [g["id"] for g in grades] == [i.id for i in made]
        assert [g["score"] for g in grades] == [float(v == "valid") for v in verdicts]


def test_some_instances_without_an_answer_are_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    first = generate(4, 0, 0, {}, reference=False)
    (tmp_path / "a.jsonl").write_text(json.dumps({"id": first.id, "text": "?"}))
    status, _, err = run("grade good.jsonl a.jsonl", capsys)
    assert (status, err) == (0, "1 of 2 instances have no answer\n")


def test_generate_writes_the_same_to_a_file_and_to_standard_output(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = "generate rcpsp --level 6 --count 5 --seed 2 -T axes=windows --no-reference"
    status, out, _ = run(words, capsys)
    assert status == 0
    assert run(f"{words} --out made.jsonl", capsys)[0] == 0
    assert (tmp_path / "made.jsonl").read_text() == out
    assert not list(tmp_path.glob("*.partial"))


def test_a_cut_off_file_is_taken_up_where_it_ended(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = "generate rcpsp --level 6 --count 5 --no-reference --out made.jsonl"
    assert run(words, capsys)[0] == 0
    whole = (tmp_path / "made.jsonl").read_bytes()
    from generators.rcpsp import resolve
    from harness.cli import output
    from harness.request import digest

    key = digest(["rcpsp", 6, 0, resolve(6, {}), True])
    marked = b'{"kept": "from before"}\n'
    (tmp_path / f"made.jsonl.{key}.partial").write_bytes(marked + whole.splitlines()[1][:40])
    assert run(words, capsys)[0] == 0
    again = (tmp_path / "made.jsonl").read_bytes()
    assert again == marked + b"".join(whole.splitlines(keepends=True)[1:])
    assert output.emit is not None


def test_list_names_everything(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run("list", capsys)
    assert status == 0
    for name in ("rcpsp-hard", "rcpsp-edges", "rcpsp-transfer", "policy/exact", "direct", "none"):
        assert name in out
