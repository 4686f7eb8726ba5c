"""Run folders as people have them from before: small ones of every kind, and what was said of them.

`tests/fixtures/folders/NAME/` holds a folder, packed, and what the version that made it printed of
it. `python -m tests.old_folders DIR` makes such fixtures with the code as it is. The ones in the
repository are never made again: they stand for the folders that users have. A later version adds
its own beside them, under other names.

They were made before searches and runs shared a loop, when budgets were called `--max-tokens`.
"""

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
from collections.abc import Callable, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.harness.helpers import command
from tests.loopback import Answer, Fault, Json, Loopback, prompt_of, says
from tests.scripted import answer

FIXTURES = Path(__file__).parent / "fixtures" / "folders"
ADDRESS = "http://127.0.0.1:9/v1"  # of the scripted model in a packed folder: nobody listens there
MODEL = "openai/scripted"
PROGRAM = "def priority(p, d, t, P, n):\n    return max(p + t, d)\n"


class Kind(NamedTuple):
    """A kind of folder.

    Attributes:
        words: of the command that makes it, beside the model's address and `--out`.
        answer: what the scripted model does while it is made.
        stopped: whether it ends before all is done; it is then also taken to its end in a copy.
        examined: whether it is audited once it is complete, so that exams are in its journal.
    """

    words: str
    answer: Callable[[], Answer] = lambda: answer
    stopped: bool = False
    examined: bool = False

    @property
    def is_search(self) -> bool:
        """Whether it holds a search for programs."""
        return self.words.startswith("evolve ")


def stumbling() -> Answer:
    """Like the scripted model, but the second request fails once and one reply cannot be read."""

    def stumble(number: int, body: Json) -> str | Json | Fault:
        if number == 2:
            return says(500, "something broke")
        return "I would rather not say." if number == 5 else answer(number, body)

    return stumble


def refusing() -> Answer:
    """Like the scripted model, but the first request is one that the provider does not take."""
    return lambda n, body: says(400, "no such thing") if n == 1 else answer(n, body)


def revoked() -> Answer:
    """Like the scripted model, but after 9 replies its key is no longer taken."""
    return lambda n, body: says(401, "revoked", "invalid_api_key") if n > 9 else answer(n, body)


FILE = "run week.jsonl --epochs 2 --model policy/edd --model policy/file:rule.py"
SEARCH = "evolve run tardiness-priority --calls 16 --lag 4 --islands 2 --limit 2 --seed 3"
CALENDAR = "run calendar --level 3 --limit 2 -T rounds=4 -T history=2"
TOOLS = "run tools --level 2 --limit 3 -T failures=0.2 --model policy/all-ready"

KINDS = {
    "one-shot": Kind(
        "run quickstart --limit 5 --temperature 0.25 --price openai/scripted=1,3"
        " --model policy/edf --model policy/mdd --model policy/exact",
        stumbling,
    ),
    "file": Kind(FILE),
    "mini": Kind("run mini --limit 8 --model policy/random --max-output-tokens 4000"),
    "standard-stopped": Kind(
        "run standard --limit 4 --model policy/sgs-lft --max-tokens 600", refusing, stopped=True
    ),
    "shard-1": Kind(f"{FILE} --shard 1/2"),
    "shard-2": Kind(f"{FILE} --shard 2/2"),
    "calendar-history": Kind(f"{CALENDAR} --memory history --model policy/role-prior"),
    "calendar-hub": Kind(f"{CALENDAR} --memory strategy-hub", examined=True),
    "calendar-stopped": Kind(
        f"{CALENDAR} --memory strategy-hub --model policy/first --max-tokens 12000",
        stopped=True,
        examined=True,
    ),
    "tools-direct": Kind(TOOLS),
    "tools-mcp": Kind(f"{TOOLS} -T transport=stdio"),
    "tools-text": Kind("run tools --level 2 --limit 2 --agent text-tools"),
    "search": Kind(SEARCH),
    "search-budget": Kind(
        f"{SEARCH} --max-tokens 4000 --edit diff --price openai/scripted=1,3 --max-cost 1"
    ),
    "search-stopped": Kind(f"{SEARCH} --model openai/other", revoked, stopped=True),
}


def unpack(name: str, place: Path) -> Path:
    """A folder of `tests/fixtures/folders` as it was, in `place`."""
    with tarfile.open(FIXTURES / name / "folder.tar.xz") as archive:
        archive.extractall(place, filter="data")
    return place / name


def move(folder: Path, before: str, after: str) -> None:
    """Write another address of the scripted model into a folder's manifest."""
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace(before, after))


def requests(server: Loopback) -> list[str]:
    """The prompts that a server was asked, each as a digest, in one order for all."""
    prompts = (prompt_of(request.body) for request in server.requests)
    return sorted(sha256(prompt.encode()).hexdigest()[:12] for prompt in prompts)


# Making them --------------------------------------------------------------------------------


def make(name: str, out: Path, place: Path) -> None:
    """Make a folder in `place`, and pack it with what is printed of it to `out`."""
    kind, target = KINDS[name], out / name
    target.mkdir(parents=True)
    with Loopback(kind.answer()) as server:
        words = [*kind.words.split(), "--model", MODEL, "--base-url", server.url, "--out", name]
        if not kind.is_search:
            words += ["--max-connections", "1"]
        _printed(place, *words, statuses=(1, 2) if kind.stopped else (0,))
        if kind.examined and not kind.stopped:
            _printed(place, "audit", name)
        move(place / name, server.url, ADDRESS)
    _tidy(place / name)
    with tarfile.open(target / "folder.tar.xz", "w:xz", preset=9) as archive:
        archive.add(place / name, name, filter=_without_owner)
    _print_all(name, target, place)
    if kind.stopped:
        _finish(name, target / "finished", place)


def _finish(name: str, target: Path, place: Path) -> None:
    """Take a stopped folder to its end, and keep what is printed then, and what was asked."""
    target.mkdir()
    with Loopback(answer) as server:
        move(place / name, ADDRESS, server.url)
        _printed(place, "resume", name)
        if KINDS[name].examined:
            _printed(place, "audit", name)
        move(place / name, server.url, ADDRESS)
        asked = requests(server)
    _print_all(name, target, place)
    (target / "requests.json").write_text(json.dumps(asked, indent=1) + "\n")


def _print_all(name: str, target: Path, place: Path) -> None:
    """Keep what the commands print that ask nobody."""
    if KINDS[name].is_search:
        for file, words in (("show.json", ["--json"]), ("show.txt", [])):
            text = _printed(place, "evolve", "show", name, *words, statuses=(0, 1))
            (target / file).write_text(text)
        return
    for file, words in (("board.json", ["--json"]), ("board.txt", [])):
        (target / file).write_text(_printed(place, "board", name, *words, statuses=(0, 1)))
    (target / "audit.json").write_text(_printed(place, "audit", name, "--json"))
    with TemporaryDirectory() as copies:  # regrading adds to a folder
        shutil.copytree(place / name, Path(copies) / name)
        (target / "regrade.txt").write_text(_printed(Path(copies), "regrade", name))


def _printed(place: Path, *words: str, statuses: Sequence[int] = (0,)) -> str:
    """Standard output of a command in a folder; AssertionError if it did not end as it should."""
    environment = {k: v for k, v in os.environ.items() if k != "COLUMNS"}
    environment["OPENAI_API_KEY"] = "none"
    done = subprocess.run(
        command(*words), capture_output=True, text=True, check=False, cwd=place, env=environment
    )
    assert done.returncode in statuses, (words, done.returncode, done.stderr)
    return done.stdout


def _without_owner(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _tidy(folder: Path) -> None:
    """Leave of a folder what a finished process leaves, as small as it can be."""
    with closing(sqlite3.connect(folder / "journal.sqlite", isolation_level=None)) as db:
        db.execute("vacuum")
        db.execute("pragma wal_checkpoint(truncate)")
    for name in ("lock", "journal.sqlite-wal", "journal.sqlite-shm"):
        (folder / name).unlink(missing_ok=True)


def _prepare(place: Path) -> None:
    """The files that commands name: instances of two families, and a program."""
    lines = b""
    for family, level in (("rcpsp", "5"), ("tardiness", "6")):
        _printed(place, "generate", family, "--level", level, "--count", "2", "--out", family)
        lines += (place / family).read_bytes()
    (place / "week.jsonl").write_bytes(lines)
    (place / "rule.py").write_text(PROGRAM)


def main() -> None:
    """Make the folders that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.old_folders", description=__doc__)
    parser.add_argument("out", type=Path, metavar="DIR")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(KINDS))
    options = parser.parse_args()
    with TemporaryDirectory() as place:
        _prepare(Path(place))
        for name in options.names or KINDS:
            make(name, options.out, Path(place))
            print(name, flush=True)


if __name__ == "__main__":
    main()
