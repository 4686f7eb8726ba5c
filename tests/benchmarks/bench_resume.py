"""How long a run of 100,000 answered calls takes to begin asking again, and what it holds on disk.

The folder is made by a real run of a few episodes, whose rows are then written again under the
names of all the others; the last episode is open. `makespan resume` is a whole process, from its
start to the moment its one request arrives at a loopback server.
"""

import json
import shutil
import sqlite3
import subprocess
import tempfile
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from time import monotonic, sleep

from harness.store.journal import key_of as episode_key
from harness.suites.instances import id_of
from tests.benchmarks.limits import Limit, cpu_limit
from tests.harness.helpers import command, instances, makespan_apart, zeros
from tests.loopback import Json, Loopback

CALLS, SECONDS, BYTES = 100_000, 2.0, 700


def main() -> list[Limit]:
    """Make the folder, resume it three times; the least counts."""
    arrived: list[float] = []

    def answer(number: int, body: Json) -> str:
        arrived.append(monotonic())
        return zeros(number, body)

    with tempfile.TemporaryDirectory() as name, Loopback(answer) as server:
        folder = Path(name)
        whole = make(folder, server.url)
        size = (whole / "journal.sqlite").stat().st_size / CALLS
        walls, cpus = [], []
        for k in range(3):
            copy = folder / f"copy-{k}"
            shutil.copytree(whole, copy)
            arrived.clear()
            before, began = getrusage(RUSAGE_CHILDREN), monotonic()
            process = subprocess.Popen(
                command("resume", copy), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            while not arrived:
                assert monotonic() < began + 120, "it asked nothing"
                sleep(0.001)
            walls.append(arrived[0] - began)
            process.kill()
            process.wait(timeout=60)
            after = getrusage(RUSAGE_CHILDREN)
            cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    print(f"resume of {CALLS} calls: asks after {min(walls):.2f} s, {min(cpus):.2f} CPU s")
    return [
        cpu_limit(f"resume of {CALLS} calls, until it asks", min(cpus), SECONDS),
        Limit("journal, bytes a trivial sample", size, BYTES),
    ]


def make(folder: Path, url: str) -> Path:
    """A run folder of `CALLS` instances, all but the last answered."""
    file, out = instances(folder / "i.jsonl", CALLS, level=1), folder / "run"
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
    assert manifest["made"][0] == CALLS
    return out


if __name__ == "__main__":
    for limit in main():
        print(limit)
