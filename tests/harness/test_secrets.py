"""No key is in any file, log, error, page or published row, whatever a server says of it."""

import re
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.harness.helpers import instances, makespan
from tests.harness.report import unpacked
from tests.hub import TOKEN, Hub
from tests.loopback import Fault, Json, Loopback, says
from tests.optional import needs

pytestmark = needs("huggingface_hub", "pyarrow")

KEY = "sk-planted-Q7f2-0123456789-zzqX"
MASKED = f"{KEY[:9]}{'*' * 20}{KEY[-4:]}"  # as providers show a key that they refuse
WITNESS = "a-word-beside-the-key"  # in every reply: where it is found the key might have been
REPO = "me/results"


def shot(number: int, _: Json) -> str | Fault:
    """Replies and errors that tell the key, whole and in part."""
    said: list[str | Fault] = [
        says(500, f"{WITNESS}: your key $KEY"),
        says(500, f"{WITNESS}: Incorrect API key provided: {MASKED}. See your keys."),
        f'{WITNESS} Authorization: Bearer {KEY}\n{{"starts": {{"{KEY}": 1}}}}',
        f'{{"starts": {{}}, "{WITNESS}": "{KEY}"}}',
        says(400, f"{WITNESS}: no such key {KEY[:14]}... ends in ****{KEY[-4:]}, $KEY"),
    ]
    return said[number - 1] if number <= len(said) else '{"starts": {}}'


def program(number: int, _: Json) -> str | Fault:
    """Programs with the key in them, and an error between them."""
    if number == 3:
        return says(500, f"{WITNESS}: {MASKED} $KEY")
    return (
        f'{WITNESS} {KEY}\n```python\ndef priority(p, d, t, P, n):\n    "{WITNESS} {KEY}"\n'
        f"    return max(p + t, d) + {number / 40} * p\n```"
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that the commands write when a server tells the key; what they print is in `said`."""
    root = tmp_path_factory.mktemp("secrets")
    (root / "said").mkdir()

    def do(name: str, *words: object, status: int = 0, **extra: str) -> None:
        done = makespan(*words, **extra)
        assert done.returncode == status, done.stderr
        (root / "said" / name).write_text(done.stdout + done.stderr)

    key = {"OPENAI_API_KEY": KEY}
    for name, words, answer in (
        (
            "run",
            [
                "run",
                instances(root / "i.jsonl", 4),
                "--cache",
                root / "cache",
                "--max-connections",
                1,
                "--log-json",
                root / "run.log",
            ],
            shot,
        ),
        (
            "evolve",
            [
                "evolve",
                "run",
                "tardiness-priority",
                "--calls",
                6,
                "--limit",
                3,
                "--islands",
                1,
                "--lag",
                1,
            ],
            program,
        ),
    ):
        with Loopback(answer) as server:
            how = [
                "--model",
                "openai/m",
                "--base-url",
                server.url,
                "--api-key-env",
                "OPENAI_API_KEY",
                "--out",
                root / name,
            ]
            do(name, *words, *how, status=int(name == "run"), **key)
            sent = {r.headers["authorization"] for r in server.requests}
            assert sent == {f"Bearer {KEY}"}
    after(root, do)
    return root


def after(root: Path, do: Any) -> None:
    """What is made of the runs later, by somebody who has no key and so can hide none."""
    run, search = root / "run", root / "evolve"
    board = ["--html", root / "board.html", "--csv", root / "board.csv", "--svg", root / "b.svg"]
    do("board", "board", run, *board, status=1)
    do("json", "board", run, "--json", status=1)
    do("report", "report", run, "--html", root / "report.html", status=1)
    do("search", "report", search, "--html", root / "search.html")
    do("audit", "audit", "--ask", run)
    do("regrade", "regrade", run)
    do("show", "evolve", "show", search, "--json")
    do("champion", "evolve", "export", search, "--out", root / "champion.py")
    for form in ("csv", "jsonl", "parquet", "eee", "inspect"):
        do(form, "export", run, "--format", form, "--out", root / f"out-{form}")
    with Hub() as hub:
        do("publish", "publish", run, "--repo", REPO, status=1, **hub.environment(root / "home"))
        for name, content in hub.repos[REPO].at("main").items():
            file = root / "published" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)


def texts(file: Path) -> Iterator[str]:
    """A file as it is, and as who opens it would read it."""
    raw = file.read_bytes().decode("latin-1")
    yield raw
    if file.suffix == ".html":
        for packed in re.findall(r'octet-stream" id="[^"]+">([^<]*)<', raw):
            yield str(unpacked.value(packed))
    elif file.suffix == ".parquet" or file.name.endswith("-parquet"):
        from pyarrow import parquet

        yield str(parquet.read_table(file).to_pylist())
    elif file.suffix == ".sqlite":
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
            tables = [
                name
                for (name,) in db.execute("select name from sqlite_schema")
                if not name.startswith("sqlite_")
            ]
            yield str([db.execute(f"select * from {name}").fetchall() for name in tables])
    elif zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            yield from (archive.read(name).decode("latin-1") for name in archive.namelist())


@pytest.mark.heavy
def test_no_key_is_in_any_file_log_error_page_or_row(place: Path) -> None:
    files = [p for p in place.rglob("*") if p.is_file() and "home" not in p.parts]
    witnessed = set()
    for file in files:
        for text in texts(file):
            assert KEY not in text, file
            assert KEY[:9] not in text, file
            assert f"*{KEY[-4:]}" not in text, file
            assert TOKEN not in text, file
            if WITNESS in text:
                witnessed.add(file.relative_to(place).as_posix())
    published = [p for p in witnessed if p.startswith("published/") and p.endswith(".parquet")]
    assert published
    for wanted in (
        "run/journal.sqlite",
        "evolve/journal.sqlite",
        "cache/cache.sqlite",
        "run.log",
        "report.html",
        "search.html",
        "out-csv",
        "out-jsonl",
        "out-parquet",
        "said/run",
    ):
        assert wanted in witnessed, (wanted, sorted(witnessed))
    for folder in ("out-eee/", "out-inspect/"):
        assert any(p.startswith(folder) for p in witnessed), folder


@pytest.mark.heavy
def test_what_was_hidden_is_marked(place: Path) -> None:
    with closing(sqlite3.connect(place / "run" / "journal.sqlite")) as db:
        told = "".join(str(row) for row in db.execute("select reply, fault from attempts"))
    assert "Authorization: Bearer ***" in told
    assert "Incorrect API key provided: ***. See your keys." in told
    assert "no such key *** ends in ***, ***" in told


def test_a_key_is_not_taken_where_it_would_be_kept(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 1), tmp_path / "run"
    for words in (
        ["--extra-body", f'{{"user": ["{KEY}"]}}'],
        ["--api-key-env", KEY],
        ["--base-url", f"http://me:{KEY}@127.0.0.1/v1"],
    ):
        done = makespan(
            "run",
            file,
            "--model",
            "openai/m",
            "--base-url",
            "http://127.0.0.1:9/v1",
            *words,
            "--out",
            out,
            OPENAI_API_KEY=KEY,
        )
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        assert KEY not in done.stderr
        assert not out.exists()
