"""Wrong input: one line that says what is wrong, where, and how to mend it; status 2; no files."""

import fcntl
import json
import os
import re
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from generators.rcpsp import generate
from harness.agents.base import AGENTS
from harness.cli import main
from harness.evolve.domains import DOMAINS
from harness.families.registry import FAMILIES, family
from harness.models.build import PROVIDERS
from harness.store.search_plan import NULLS
from harness.suites import suite as suites
from harness.suites.instances import encode
from memory.base import MEMORIES
from tests.harness.helpers import command, instances, makespan_apart

PLAIN = generate(3, 0, 0, {"axes": "none"}, reference=False)
DEEP = "[" * 100_000 + "]" * 100_000


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
    (tmp_path / "good-answers.jsonl").write_text("")
    (tmp_path / "neither.jsonl").write_text('{"id": "rcpsp-4-s0-i0-x"}\n')
    (tmp_path / "bytes.jsonl").write_bytes(encode(PLAIN).replace(b"T1", b"T\xff"))
    (tmp_path / "deep.jsonl").write_text(line(horizon=0).replace('"horizon": 0', f'"x": {DEEP}'))
    (tmp_path / "slash.jsonl").write_bytes(encode(PLAIN).replace(PLAIN.id.encode(), b"a/b"))
    (tmp_path / "nul.jsonl").write_bytes(encode(PLAIN).replace(PLAIN.id.encode(), b"a\\u0000b"))
    (tmp_path / "bytes-answers.jsonl").write_bytes(b'{"id": "a", "text": "\xff"}\n')
    (tmp_path / "deep-answers.jsonl").write_text(f'{{"id": "a", "answer": {DEEP}}}\n')
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "plain.jsonl").write_bytes(encode(PLAIN))
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
        ("publish x --repo a/b --dry-run", "x is no run folder"),
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
        ("solve bytes.jsonl", "bytes.jsonl:1: not UTF-8 text"),
        ("solve deep.jsonl", "deep.jsonl:1: nested too deeply"),
        ("grade good.jsonl bytes-answers.jsonl", "bytes-answers.jsonl:1: not UTF-8 text"),
        ("grade good.jsonl deep-answers.jsonl", "deep-answers.jsonl:1: nested too deeply"),
        (
            "generate rcpsp --level 5 -T horizon_factor=inf",
            "horizon_factor: inf is not from 1 to 1000",
        ),
        (
            "generate rcpsp --level 5 -T horizon_factor=nan",
            "horizon_factor: nan is not from 1 to 1000",
        ),
        (
            "generate rcpsp --level 5 -T resources=5000000",
            "resources: 5000000 is not from 1 to 100",
        ),
        ("generate rcpsp --level 5 -T slack=99999999", "slack: 99999999 is not from 0 to 1000000"),
        ("generate rcpsp --level 5 -T edges=4 -T edges=8", "-T: 'edges' is given twice"),
        ("generate rcpsp --level 5 -T edge=4", "`edge`; there are edges, layers, resources, axes"),
        ("generate tardiness --level 5 -T edge=4", "`edge`; there are tf, rdd, variant, weights"),
        ("generate rcpsp --level 20000", "level 20000: a project has at most 1000 tasks"),
        ("generate tardiness --level 10001", "level 10001: there are at most 10000 jobs"),
        (f"generate rcpsp --level 5 --count {9**20}", f"{9**20} is more than 10000000"),
        (f"generate rcpsp --level 5 --seed {9**20}", f"'{9**20}' is not a whole number of at"),
        (f"run quickstart --limit {9**20}", f"{9**20} is more than 10000000"),
        ("run quickstart --epochs NINES", "9... is more than 10000000"),
        ("solve good.jsonl --jobs 9999", "9999 is more than 1000"),
        ("generate rcpsp --level 5 --no-reference --out dir", "dir: it is a directory"),
        ("generate rcpsp --level 5 --no-reference --out loop", "Too many levels of symbolic"),
        ("generate rcpsp --level 5 --no-reference --out text.jsonl/x", "Not a directory"),
        (f"generate rcpsp --level 5 --no-reference --out {'a' * 250}", "File name too long"),
        ("generate rcpsp --level 5 --no-reference --out /dev/full", "/dev/full: No space left"),
        ("solve good.jsonl --out dir", "dir: it is a directory"),
        ("grade good.jsonl good-answers.jsonl --out dir", "dir: it is a directory"),
        (
            "export plain.jsonl --format psplib --out text.jsonl",
            "the folder text.jsonl: File exist",
        ),
        ("export slash.jsonl --format psplib --out o", "'a/b' cannot be the name of a file"),
        ("export nul.jsonl --format psplib --out o", r"'a\x00b' cannot be the name of a file"),
        ("run quickstart --temperature nan", "'nan' is not a finite number"),
        ("run quickstart --temperature inf", "'inf' is not a finite number"),
        ('run quickstart --extra-body {"x":NaN}', "not JSON"),
        ('run quickstart --extra-body {"x":1e999}', "not JSON: Number out of range"),
        ('run quickstart --extra-body {"x":"\\ud800"}', "not JSON"),
        ('run quickstart --extra-body {"x":"\udcff"}', "not UTF-8 text"),
        ('run quickstart --extra-body {"x":DEEP}', "nested too deeply"),
        (f'run quickstart --extra-body {{"x":{"[" * 200 + "]" * 200}}}', "nested too deeply"),
        ("import psplib nothing.sm", "nothing.sm"),
        ("import psplib text.jsonl", "text.jsonl"),
        ("export good.jsonl --format psplib --out o", "downtime"),
        ("run", "required: SUITE|FAMILY|FILE.jsonl"),
        (
            "run chess --model policy/edf",
            "'chess' is no suite (allocation, allocation-benefit, calendar, ",
        ),
        ("run nothing.jsonl --model policy/edf", "cannot read nothing.jsonl"),
        ("run quickstart --model policy/magic", "unknown model 'policy/magic': the policies"),
        ("run quickstart --model gpt-5", "unknown model 'gpt-5': providers are openai"),
        ("run quickstart --model foo/bar", "unknown model 'foo/bar': providers are openai"),
        ("run quickstart --model openai/gpt-5", "set the environment variable OPENAI_API_KEY"),
        ("run quickstart --model anthropic/x", "ANTHROPIC_API_KEY"),
        ("run quickstart --model openai/x --base-url nowhere", "base URL 'nowhere' is not"),
        ("run quickstart --model openai/x --base-url http://a:b@c/v1", "no user"),
        ("run quickstart --model openai/x --base-url http://c --api-key-env NOPE", "NOPE"),
        ("run quickstart --model policy/edf --model policy/edf", "given twice"),
        ("run quickstart --model policy/edf --agent spy", "unknown agent 'spy': there are direct"),
        ("run quickstart --model policy/edf --memory big", "unknown memory 'big': there are none"),
        (
            "run quickstart --model policy/edf --memory facts",
            "needs a family with rounds: ",
        ),
        ("run quickstart --model policy/edf -T slak=1", "unknown field `slak`"),
        ("run quickstart --model policy/edf --out dir", "dir is no run folder, but not empty"),
        ("run good.jsonl --model policy/edf --level 5", "no --level, --seed or -T"),
        ("run quickstart --extra-body []", "not a JSON object"),
        ("resume dir", "dir is no run folder: it has no manifest.json"),
        ("regrade nothing", "nothing is no run folder"),
        ("board dir", "dir is no run folder"),
        ("board dir --prices none.toml", "cannot read none.toml"),
        ("board dir --prices good.jsonl", "good.jsonl"),
        ("compare dir --model policy/edf", "two --model are compared, not 1"),
        ("compare dir", "required: --model"),
        ("compare dir --model policy/edf --model policy/serial", "dir is no run folder"),
        ("compare dir --model a --model b --limit 0", "'0' is not a whole number from 1 on"),
    ],
)
def test_wrong_input(
    words: str, message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    status, out, err = run(words.replace("DEEP", DEEP).replace("NINES", "9" * 5000), capsys)
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
    status, out, err = run("grade good.jsonl a.jsonl", capsys)
    assert (status, err) == (1, "1 of 2 instances have no answer\n")
    assert out.count("\n") == 1


@pytest.mark.heavy
def test_what_solve_writes_can_be_graded(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Also where it found no answer."""
    assert run("solve good.jsonl --jobs 2 --out solved.jsonl", capsys)[0] == 0
    lines = [json.loads(text) for text in (tmp_path / "solved.jsonl").read_text().splitlines()]
    lines[1]["answer"] = None
    (tmp_path / "solved.jsonl").write_text("\n".join(map(json.dumps, lines)))
    status, out, err = run("grade good.jsonl solved.jsonl", capsys)
    assert (status, err) == (0, "")
    grades = [json.loads(text) for text in out.splitlines()]
    assert [g["verdict"] for g in grades] == ["valid", "unparsable"]
    assert grades[1]["violations"] == [{"kind": "unparsable", "reason": "no answer"}]


def test_an_object_with_a_key_twice_is_no_answer(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    starts = json.dumps(PLAIN.reference.answer)
    doubled = starts[:-1] + "," + starts[1:]
    (tmp_path / "a.jsonl").write_text(f'{{"id": "{PLAIN.id}", "answer": {doubled}}}')
    status, out, _ = run("grade plain.jsonl a.jsonl", capsys)
    assert status == 0
    assert json.loads(out)["verdict"] == "unparsable"
    assert "twice" in json.loads(out)["violations"][0]["reason"]


def test_generate_writes_the_same_to_a_file_and_to_standard_output(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = "generate rcpsp --level 6 --count 5 --seed 2 -T axes=windows --no-reference"
    status, out, _ = run(words, capsys)
    assert status == 0
    assert run(f"{words} --out made.jsonl", capsys)[0] == 0
    assert (tmp_path / "made.jsonl").read_text() == out
    assert not list(tmp_path.glob("*.partial"))


MADE = "generate rcpsp --level 6 --no-reference --out made.jsonl"


def cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int) -> Path:
    """The partial file of a `generate` that was stopped after some lines."""
    from harness.suites import instances

    made: list[bytes] = []
    make = instances.make

    def stopped(wanted: instances.InstanceSpec) -> bytes:
        if len(made) == after:
            raise KeyboardInterrupt
        made.append(make(wanted))
        return made[-1]

    with monkeypatch.context() as patch:
        patch.setattr(instances, "make", stopped)
        assert main(f"{MADE} --count 9".split()) == 1
    return next(tmp_path.glob("made.jsonl.*.partial"))


@pytest.mark.parametrize("count", [2, 5, 8])
def test_a_cut_off_file_is_taken_up_where_it_ended(
    count: int,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also under another count: then with as many lines as that."""
    assert run(f"{MADE} --count {count}", capsys)[0] == 0
    whole = (tmp_path / "made.jsonl").read_bytes()
    partial = cut_off(tmp_path, monkeypatch, 5)
    lines = partial.read_bytes().splitlines(keepends=True)
    marked = b'{"kept": "from before"}\n'
    partial.write_bytes(marked + b"".join(lines[1:]) + lines[0][:40])
    assert run(f"{MADE} --count {count}", capsys)[0] == 0
    again = (tmp_path / "made.jsonl").read_bytes()
    assert again == marked + b"".join(whole.splitlines(keepends=True)[1:])
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.parametrize("what", ["the family's version", "the package's version"])
def test_lines_of_another_version_are_not_taken_up(
    what: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from harness.cli import generate, output
    from harness.families.registry import family

    partial = cut_off(tmp_path, monkeypatch, 1)
    partial.write_bytes(b'{"made": "by another"}\n')
    if what == "the family's version":
        from dataclasses import replace

        newer = replace(family("rcpsp"), version=99)
        monkeypatch.setattr(generate, "family", lambda _: newer)
    else:
        monkeypatch.setattr(output, "version", lambda _: "99")
    assert run(f"{MADE} --count 1", capsys)[0] == 0
    assert b"by another" not in (tmp_path / "made.jsonl").read_bytes()


def test_one_process_at_a_time_writes_a_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    partial = cut_off(tmp_path, monkeypatch, 2)
    before = partial.read_bytes()
    capsys.readouterr()
    with partial.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        status, _, err = run(f"{MADE} --count 9", capsys)
    assert (status, err) == (2, "makespan generate: another process is writing made.jsonl\n")
    assert partial.read_bytes() == before


# Where lines go -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "--help",
        "--version",
        "list",
        "generate rcpsp --level 4 --no-reference",
        "solve good.jsonl",
        "import jobs jobs.jsonl --no-solve",
    ],
)
def test_a_full_standard_output_is_told(words: str, tmp_path: Path) -> None:
    (tmp_path / "jobs.jsonl").write_text('{"id": "a", "p": [3], "d": [4]}\n')
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command(*words.split()), stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    name = "" if words.startswith("-") else f" {words.split()[0]}"
    said = f"makespan{name}: cannot write standard output: No space left on device\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_a_closed_standard_output_is_told() -> None:
    done = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", *command("list")],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    said = "makespan: cannot write standard output: it is closed\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_devices_pipes_and_links_stay_what_they_are(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = "generate rcpsp --level 4 --no-reference --count 2"
    wanted = run(words, capsys)[1]
    (tmp_path / "null").symlink_to("/dev/null")
    (tmp_path / "link").symlink_to("dir/real")
    os.mkfifo(tmp_path / "pipe")
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_text()))
    reader.start()
    for out in ("null", "link", "pipe"):
        assert run(f"{words} --out {out}", capsys) == (0, "", "")
    reader.join(10)
    assert got == [wanted]
    assert (tmp_path / "pipe").is_fifo()
    assert (tmp_path / "null").is_char_device()
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "dir" / "real").read_text() == wanted
    assert makespan_apart(*words.split(), "--out", "/dev/stdout").stdout == wanted
    assert not list(tmp_path.rglob("*.partial"))


def test_list_names_everything(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run("list", capsys)
    assert status == 0
    shown = [re.split(r"\s{2,}", line.strip()) for line in out.splitlines() if line[0] == " "]
    assert all(len(parts) == 2 for parts in shown)
    policies = [f"policy/{name}" for kind in FAMILIES for name in family(kind).policies]
    wanted = [
        *FAMILIES,
        *suites.names(),
        *policies,
        *NULLS,
        *DOMAINS,
        *PROVIDERS,
        "policy",
        *AGENTS,
        *MEMORIES,
    ]
    assert sorted(name for name, _ in shown) == sorted([*wanted, "policy/file:FILE.py"])


def test_placebo_needs_another_user(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = "run calendar --memory placebo --model policy/first -T rounds=4 --out"
    status, out, err = run(f"{words} {tmp_path}/one --limit 1", capsys)
    assert (status, out) == (2, "")
    assert "needs two users of a kind: a larger --limit" in err
    assert run(f"{words} {tmp_path}/two --limit 2", capsys)[0] == 0
