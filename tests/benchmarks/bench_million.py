"""`python -m tests.benchmarks.bench_million`: board, report and frames over a million records.

The run folder of `bench_board` ten times over, as further epochs, of 10 models, 5,000 instances
and 20 epochs: 0.9 GB on the disk, and about three minutes of a core. docs/limits.md has the
figures.
"""

import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from time import process_time

import msgspec
from msgspec.structs import replace

from harness.calls.request import request_parts, settings_of_seats
from harness.run.recorded import RecordedRun
from harness.store.folder import Folder
from harness.store.journal import Journal
from harness.store.manifest import Manifest
from harness.watch.read import FrameReader
from tasks.base import Ask
from tests.benchmarks.bench_board import EPOCHS, INSTANCES, MODELS, fill
from tests.benchmarks.limits import Limit, cpu_limit
from tests.benchmarks.peers.processes import run
from tests.harness.helpers import command

TIMES = 10
RECORDS = TIMES * len(MODELS) * INSTANCES * EPOCHS
LATE = 100  # episodes that are begun and graded between two frames
COPIES = (
    """insert into episodes select id + :e, json_array(json_extract(key, '$[0]'),
        json_extract(key, '$[1]') + :epoch, json_extract(key, '$[2]'))
        from episodes where id <= :most""",
    """insert into shared select id + :s,
        json_set(fields, '$.epoch', json_extract(fields, '$.epoch') + :epoch)
        from shared where id <= :most""",
    """insert into attempts select episode + :e, path, attempt, request, reply, fault, seconds
        from attempts where episode <= :most""",
    """insert into records select episode + :e, version, verdict, shared + :s, record, outcome
        from records where episode <= :most""",
)


def multiply(path: Path, times: int) -> None:
    """Make a run folder of so many times the epochs: their records are those of the first ones."""
    place = path / "manifest.json"
    manifest = msgspec.json.decode(place.read_bytes(), type=Manifest)
    epochs = manifest.configuration.epochs
    larger = replace(manifest.configuration, epochs=times * epochs)
    place.write_bytes(msgspec.json.encode(replace(manifest, configuration=larger)))
    with closing(sqlite3.connect(path / "journal.sqlite")) as db:
        db.execute("pragma synchronous = off")
        counts = "select (select max(id) from episodes), (select max(id) from shared)"
        episodes, shared = db.execute(counts).fetchone()
        for k in range(1, times):
            numbers = {"e": k * episodes, "s": k * shared, "epoch": k * epochs}
            for statement, most in zip(COPIES, (episodes, shared, episodes, episodes), strict=True):
                db.execute(statement, {**numbers, "most": most})
        db.commit()
        db.execute("pragma wal_checkpoint(truncate)")


def write_requests(path: Path) -> None:
    """Give the attempts of a run folder the requests that a replay makes, by which a page asks."""
    folder, journal = Folder.open(path), Journal(path, read_only=True)
    recorded = RecordedRun(folder, journal, folder.instances())
    rows = []
    for model in MODELS:
        settings = settings_of_seats(folder.manifest.configuration, model)[""]
        for job in recorded.jobs(model):
            ask = next(recorded.rollout.program(job, recorded.rollout.memory(job)))
            assert isinstance(ask, Ask)
            rows.append((request_parts(settings, ask), job.key))
    journal.close()
    with closing(sqlite3.connect(path / "journal.sqlite")) as db:
        ids = dict(db.execute("select key, id from episodes"))
        statement = "update attempts set request = ? where episode = ?"
        db.executemany(statement, ((request, ids[key]) for request, key in rows))
        db.commit()
        db.execute("pragma wal_checkpoint(truncate)")


def later_frame(path: Path) -> float:
    """Return the CPU seconds of a reader's second frame, after some episodes more."""
    reader = FrameReader(path)
    before = sum(model.done for model in reader.frame().models)
    with closing(sqlite3.connect(path / "journal.sqlite")) as db:
        (newest,) = db.execute("select max(id) from episodes").fetchone()
        numbers = {"e": newest, "s": 0, "epoch": TIMES * EPOCHS, "most": LATE}
        for statement in (COPIES[0], *COPIES[2:]):
            db.execute(statement, numbers)
        db.commit()
    began = process_time()
    done = sum(model.done for model in reader.frame().models)
    seconds = process_time() - began
    assert done == before + LATE
    return seconds


def main() -> list[Limit]:
    """Measure whole processes; the later frame in this one."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        folder, page = place / "run", place / "page.html"
        fill(folder)
        write_requests(folder)
        multiply(folder, TIMES)
        board = run(command("board", folder, "--json"), place)
        report = run(command("report", folder, "--html", page), place)
        size = page.stat().st_size / 1e6
        frame = run(command("watch", folder, "--once"), place)
        later = later_frame(folder)
    for what, usage in (("board", board), ("report", report), ("a frame of watch", frame)):
        print(f"{what} over {RECORDS} records: {usage.cpu:.1f} CPU s, {usage.peak:.0f} MB")
    return [
        cpu_limit(f"board of {RECORDS} records", board.cpu, 60),
        Limit(f"board of {RECORDS} records: peak MB", board.peak, 1000),
        cpu_limit(f"report of {RECORDS} records", report.cpu, 80),
        Limit(f"report of {RECORDS} records: peak MB", report.peak, 1500),
        Limit(f"report of {RECORDS} records: MB of the page", size, 10),
        cpu_limit(f"first frame of watch over {RECORDS} records", frame.cpu, 30),
        Limit(f"first frame of watch over {RECORDS} records: peak MB", frame.peak, 100),
        cpu_limit(f"later frame of watch over {RECORDS} records", later, 1),
    ]


if __name__ == "__main__":
    limits = main()
    print(*limits, sep="\n")
    sys.exit(not all(limit.kept for limit in limits))
