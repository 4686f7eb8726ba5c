"""The run loop's own cost: CPU of `makespan run` over that of a bare script with the same SDK.

1,000 trivial samples at 100 connections against a loopback server in a process of its own; both
are whole processes, timed by the kernel. `total` is all their CPU, `marginal` what a sample more
costs, from runs of 100 and of 1,000 samples. The least of three runs counts.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.limits import Limit
from tests.harness.helpers import command, instances, zeros
from tests.loopback import Loopback

BARE = """
import asyncio, sys
import openai
url, file, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
async def main():
    client = openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0,
                                http_client=openai.DefaultAioHttpClient())
    gate, prompt = asyncio.Semaphore(100), open(file).read()
    async def one(k):
        async with gate:
            found = await client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": f"{prompt} {k}"}])
            return found.choices[0].message.content
    await asyncio.gather(*(one(k) for k in range(count)))
    await client.close()
asyncio.run(main())
"""
SMALL, LARGE, LIMIT = 100, 1000, 1.5
MEMORY = 120  # MB
AT_ONCE, FILLED, LATENCY = 100, 0.95, 0.2


def cpu(words: list[str]) -> float:
    """User and system seconds of a process."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"exit status {status}: {' '.join(words)}")
    return usage.ru_utime + usage.ru_stime


def main() -> list[Limit]:
    """Measure both, in turn."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.loopback", "--answer", '{"starts": {}}'],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert server.stdout
        url = server.stdout.readline().strip()
        try:
            ours, bare = ({n: measure(folder, url, n, kind) for n in (SMALL, LARGE)}
                          for kind in ("ours", "bare"))  # fmt: skip
        finally:
            server.terminate()
            server.wait()
    margins = [(c[LARGE] - c[SMALL]) / (LARGE - SMALL) for c in (ours, bare)]
    print(f"run loop, total for {LARGE}: {ours[LARGE]:.2f} CPU s, bare script {bare[LARGE]:.2f}")
    print(f"run loop, marginal: {1000 * margins[0]:.2f} ms a sample, bare {1000 * margins[1]:.2f}")
    return [
        Limit("run loop over bare script, total CPU", ours[LARGE] / bare[LARGE], LIMIT),
        Limit("run loop over bare script, marginal CPU", margins[0] / margins[1], LIMIT),
        *slots(),
    ]


def slots() -> list[Limit]:
    """How many of 100 places are taken at 200 ms a call, and the most memory on the way.

    Seconds in flight, as the server sees them, between the first request and the last, over 100
    times that span; the best of three runs.
    """
    shares, peaks = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = instances(folder / "i.jsonl", LARGE, level=1)
        for k in range(3):
            with Loopback(zeros, delay=LATENCY) as server:
                process = subprocess.Popen(
                    command("run", file, "--model", "openai/m", "--base-url", server.url,
                            "--max-connections", AT_ONCE, "--out", folder / f"slots-{k}"),
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )  # fmt: skip
                _, _, usage = os.wait4(process.pid, 0)
                peaks.append(usage.ru_maxrss / 1024)
            last = max(came for came, _ in server.spans)
            first = min(came for came, _ in server.spans)
            flown = sum(min(end, last) - came for came, end in server.spans)
            shares.append(flown / (AT_ONCE * (last - first)))
    print(f"places filled at {LATENCY:g} s a call: {', '.join(f'{x:.3f}' for x in shares)}")
    return [
        Limit(f"share of {AT_ONCE} places filled", max(shares), FILLED, least=True),
        Limit(f"peak MB of a run of {LARGE} samples", min(peaks), MEMORY),
    ]


def measure(folder: Path, url: str, count: int, kind: str) -> float:
    """The least CPU of three runs."""
    file = folder / f"{count}.jsonl"
    if not file.exists():
        instances(file, count, level=1)
    prompt = folder / "prompt.txt"
    prompt.write_text("x" * 1000)
    found = []
    for k in range(3):
        if kind == "bare":
            words = [sys.executable, "-c", BARE, url, str(prompt), str(count)]
        else:
            words = command(
                "run", file, "--model", "openai/m", "--base-url", url,
                "--max-connections", 100, "--out", folder / f"run-{count}-{k}",
            )  # fmt: skip
        found.append(cpu(words))
    return min(found)
