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
from tests.harness.helpers import command, instances

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
