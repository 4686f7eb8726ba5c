"""How long a run takes to begin asking again, what it holds in memory until then, and on disk.

A run of 100,000 instances, and one of a million calls: 10 models, 5,000 instances, 20 epochs. The
folders are made by a real run of a few episodes, whose rows are then written again under the
names of all the others; the last episode is open. `makespan resume` is a whole process, from its
start to the moment its one request arrives at a loopback server.
"""

import json
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from time import monotonic, sleep

from harness.store import queries
from harness.store.journal import key_of as episode_key
from harness.suites.instances import id_of
from tests.benchmarks.limits import Limit, cpu_limit
from tests.harness.helpers import command, instances, makespan_apart, zeros
from tests.loopback import Json, Loopback

CALLS, SECONDS, BYTES = 100_000, 2.0, 700
MILLION, MILLION_SECONDS, MILLION_MB = 1_000_000, 10.0, 500
MODELS, INSTANCES = 10, 5_000  # of the million calls; the epochs follow


def main() -> list[Limit]:
    """Make both folders, resume each three times; the least counts."""
    arrived: list[float] = []

    def answer(number: int, body: Json) -> str:
        arrived.append(monotonic())
        return zeros(number, body)

    with tempfile.TemporaryDirectory() as name, Loopback(answer) as server:
        place = Path(name)
        one = make(place / "one", server.url, CALLS)
        size = (one / "journal.sqlite").stat().st_size / CALLS
        seconds, _ = until_asked(one, arrived)
        many = multiply(make(place / "many", server.url, INSTANCES))
        million_seconds, peak = until_asked(many, arrived)
    print(f"resume of {CALLS} calls: asks after {seconds:.2f} CPU s")
    print(f"resume of {MILLION} calls: asks after {million_seconds:.2f} CPU s, {peak:.0f} MB")
    return [
        cpu_limit(f"resume of {CALLS} calls, until it asks", seconds, SECONDS),
        cpu_limit(f"resume of {MILLION} calls, until it asks", million_seconds, MILLION_SECONDS),
        Limit(f"resume of {MILLION} calls: peak MB until it asks", peak, MILLION_MB),
        Limit("journal, bytes a trivial sample", size, BYTES),
    ]


def until_asked(whole: Path, arrived: list[float]) -> tuple[float, float]:
    """Return the CPU seconds and the peak MB of a process until it asks, the least of three."""
    cpus, peaks = [], []
    for k in range(3):
        copy = whole.with_name(f"copy-{k}")
        shutil.copytree(whole, copy)
        arrived.clear()
        before, began = getrusage(RUSAGE_CHILDREN), monotonic()
        process = subprocess.Popen(
            command("resume", copy), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while not arrived:
            assert process.poll() is None, "it ended before it asked"
            assert monotonic() < began + 300, "it asked nothing"
            sleep(0.001)
        peaks.append(_peak_of(process.pid))
        process.kill()
        process.wait(timeout=60)
        after = getrusage(RUSAGE_CHILDREN)
        cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        shutil.rmtree(copy)
    return min(cpus), min(peaks)


def _peak_of(process: int) -> float:
    """Return the most memory that a process has had so far, in MB; nan where nobody tells."""
    place = Path(f"/proc/{process}/status")
    if not place.exists():
        return float("nan")
    [line] = [line for line in place.read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def make(folder: Path, url: str, count: int) -> Path:
    """A run folder of so many instances, all but the last answered."""
    folder.mkdir()
    file, out = instances(folder / "i.jsonl", count, level=1), folder / "run"
    makespan_apart(
        "run",
        file,
        "--model",
        "openai/m",
        "--base-url",
        url,
        "--out",
        out,
        "--max-connections",
        1,
        "--budget-tokens",
        30,
    )
    ids = [id_of(line) for line in file.read_bytes().splitlines()][:-1]
    db = sqlite3.connect(out / "journal.sqlite")
    attempt = db.execute("select * from attempts").fetchone()[1:]
    record = db.execute("select * from records").fetchone()[1:]
    for table in ("episodes", "attempts", "records"):
        db.execute(f"delete from {table}")
    for k, name in enumerate(ids, 1):
        db.execute("insert into episodes values (?, ?)", (k, episode_key("openai/m", 0, name)))
        db.execute("insert into attempts values (?, ?, ?, ?, ?, ?, ?)", (k, *attempt))
        db.execute("insert into records values (?, ?, ?, ?, ?, ?)", (k, *record))
    db.commit()
    db.execute("pragma wal_checkpoint(truncate)")
    db.close()
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["made"][0] == count
    return out


def multiply(path: Path) -> Path:
    """Make a run folder of a million calls of several models, all but the last answered."""
    place = path / "manifest.json"
    manifest = json.loads(place.read_text())
    configuration, epochs = manifest["configuration"], MILLION // (MODELS * INSTANCES)
    names = [f"openai/m{k}" for k in range(MODELS)]
    configuration["models"] = [{**configuration["models"][0], "name": name} for name in names]
    configuration["epochs"] = epochs
    place.write_text(json.dumps(manifest))
    ids = [id_of(line) for line in (path / "instances.jsonl").read_bytes().splitlines()]
    episodes = ((m, e, i) for m in names for e in range(epochs) for i in ids)
    keys = [episode_key(*episode) for episode in episodes][:-1]
    with closing(sqlite3.connect(path / "journal.sqlite")) as db:
        attempt = db.execute("select * from attempts").fetchone()[1:]
        record = db.execute("select * from records").fetchone()[1:]
        for table in ("episodes", "attempts", "records"):
            db.execute(f"delete from {table}")
        numbers = range(1, len(keys) + 1)
        db.executemany("insert into episodes values (?, ?)", zip(numbers, keys, strict=True))
        db.executemany(queries.ADD_ATTEMPT, ((n, *attempt) for n in numbers))
        db.executemany(queries.ADD_RECORD, ((n, *record) for n in numbers))
        db.commit()
        db.execute("pragma wal_checkpoint(truncate)")
    return path


if __name__ == "__main__":
    for limit in main():
        print(limit)
