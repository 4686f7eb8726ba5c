"""What OpenEvolve finds on a domain of ours, beside our own search and those without a model.

    python -m tests.arenas.evolvers OPENEVOLVE-RUN [--tries 60] [--seeds 1 2 3]

All have as many tries, and the same scripted model on loopback: its reply to a prompt is the last
program in it with one random change, that of `policy/mutate`, drawn once. So what differs is the
search alone. OpenEvolve has its own settings but for the exported ones; it begins with the
exported program, or with all seed programs, an island each, as our search does.
"""

import argparse
import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple

from harness.evolve.database import Candidate
from harness.evolve.domain import Domain
from harness.evolve.domains import domain
from harness.evolve.mutation import mutate
from harness.evolve.operators import SearchStep
from harness.evolve.outside import write_domain
from tests.harness.helpers import PROGRAM
from tests.loopback import Json, Loopback

ROOT = Path(__file__).parents[2]
NAME = "tardiness-priority"
SERVER = "http://127.0.0.1:8091/v1"  # in an exported configuration
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
OURS = "makespan"  # our own search with the scripted model
SECONDS = 1800  # of one search at most
COLUMNS = ("search", "seed", "training", "validation", "test")


class Row(NamedTuple):
    """A search and the ratios of sums that it came to; in training that of its best program."""

    search: str
    seed: int
    training: float
    validation: float
    test: float


class Chance:
    """A scripted model that changes the program which it is told; the n-th reply is a draw."""

    def __init__(self, task: Domain, seed: int) -> None:
        self._task, self._seed = task, seed

    def __call__(self, number: int, body: Json) -> str:
        """Return a program in a fence."""
        draw = Random(f"evolvers/{self._seed}/{number}")
        programs = self._task.programs
        parent = self._program(str(body["messages"][-1]["content"]))
        source = parent or draw.choice(list(programs.values()))
        candidate = Candidate(
            name="", island=0, operator="", model="", status="valid", source=source
        )
        step = SearchStep("", "mutate", (candidate,), "rewrite", self._task.function, programs)
        return f"```python\n{mutate(step, draw)}\n```"

    def _program(self, text: str) -> str | None:
        """Return the last program in a prompt; a form with nothing filled in is none."""
        for block in reversed(BLOCK.findall(text)):
            try:
                functions = [n for n in ast.parse(block).body if isinstance(n, ast.FunctionDef)]
            except SyntaxError:
                continue
            if any(f.name == self._task.function and _returns(f) for f in functions):
                return str(block)
        return None


def _returns(function: ast.FunctionDef) -> bool:
    return any(isinstance(node, ast.Return) for node in ast.walk(function))


class Workshop:
    """A folder in which searches are made, with this makespan as the command there.

    Args:
        folder: an empty one.
        openevolve: the program `openevolve-run`.
        tries: of each search.
    """

    def __init__(self, folder: Path, openevolve: Path, tries: int) -> None:
        self._folder, self._openevolve, self._tries = folder.resolve(), openevolve, tries
        command = self._folder / "makespan"
        command.write_text(f"#!{sys.executable}\n{PROGRAM[2]}\n")
        command.chmod(0o755)
        self._environment = {
            **os.environ,
            "MAKESPAN": str(command),
            "OPENAI_API_KEY": "none",
            "PYTHONPATH": str(ROOT),
        }

    def _command(self, *words: object, status: int = 0) -> str:
        done = subprocess.run(
            list(map(str, words)),
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        if done.returncode != status:
            raise RuntimeError(f"{words}: {done.returncode}\n{done.stderr[-2000:]}")
        return done.stdout

    def ours(self, seed: int) -> Iterator[Row]:
        """Yield our search with the scripted model, and the two without one."""
        run = self._folder / f"ours-{seed}"
        with Loopback(Chance(domain(NAME), seed)) as server:
            model = ("--model", "openai/chance", "--base-url", server.url)
            size = ("--calls", self._tries, "--seed", seed, "--out", run)
            self._command(self._environment["MAKESPAN"], "evolve", "run", NAME, *model, *size)
        report = json.loads(self._makespan("evolve", "show", run, "--json"))
        test = {s["who"]: s["ratio"]["value"] for s in report["scores"] if s["split"] == "test"}
        for arm in report["arms"]:
            name = arm["arm"]
            yield Row(
                search=OURS if name == "search" else name,
                seed=seed,
                training=1 + arm["training_gap"],
                validation=arm["validation_ratio"],
                test=test[name],
            )

    def others(self, seed: int, *, islands: bool) -> Row:
        """Return a search of OpenEvolve; `islands` begins it with all seed programs."""
        task = domain(NAME)
        name = f"openevolve-{len(task.programs) if islands else 1}"
        place = self._folder / f"{name}-{seed}"
        write_domain(task, place)
        with Loopback(Chance(task, seed)) as server:
            text = (place / "config.yaml").read_text().replace(SERVER, server.url)
            text += f"random_seed: {seed}\n" + (_islands(task, place) if islands else "")
            (place / "config.yaml").write_text(text)
            words = ("--config", place / "config.yaml", "--iterations", self._tries)
            start = (place / "initial_program.py", place / "evaluator.py")
            self._command(self._openevolve, *start, *words, "--output", place / "out")
            if (asked := len(server.requests)) != self._tries:
                raise RuntimeError(f"{name} asked the model {asked} times, not {self._tries}")
        best = place / "out/best/best_program.py"
        ratios = {split: self._ratio(best, split) for split in ("train", "validation", "test")}
        return Row(
            search=name,
            seed=seed,
            training=ratios["train"],
            validation=ratios["validation"],
            test=ratios["test"],
        )

    def _ratio(self, program: Path, split: str) -> float:
        words = ("evolve", "score", program, "--domain", NAME, "--split", split, "--json")
        return float(json.loads(self._makespan(*words))["ratio"])

    def _makespan(self, *words: object) -> str:
        return self._command(self._environment["MAKESPAN"], *words)


def _islands(task: Domain, place: Path) -> str:
    """Write the seed programs but the first, and return the part of a configuration."""
    lines = ["database:", f"  num_islands: {len(task.programs)}", "  island_initial_programs:"]
    lines.append("    - null")
    for number, source in enumerate(list(task.programs.values())[1:], 2):
        (place / f"seed-{number}.py").write_text(source)
        lines.append(f"    - {place / f'seed-{number}.py'}")
    return "\n".join(lines) + "\n"


def table(rows: list[Row]) -> str:
    """Return rows as a table of Markdown."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
    for row in rows:
        ratios = (f"{value:.4f}" for value in (row.training, row.validation, row.test))
        lines.append(f"| {' | '.join([row.search, str(row.seed), *ratios])} |")
    return "\n".join(lines)


def compare(openevolve: Path, tries: int, seeds: list[int]) -> Iterator[Row]:
    """Yield the searches of each seed: ours, those without a model, OpenEvolve's."""
    with TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder), openevolve, tries)
        for seed in seeds:
            yield from workshop.ours(seed)
            for islands in (False, True):
                yield workshop.others(seed, islands=islands)


def main() -> None:
    """Print each row as soon as it is there, and then the table."""
    parser = argparse.ArgumentParser(description="OpenEvolve beside our own search.")
    parser.add_argument("openevolve", type=Path, help="the program openevolve-run")
    parser.add_argument("--tries", type=int, default=60)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    options = parser.parse_args()
    rows = []
    for row in compare(options.openevolve.resolve(), options.tries, options.seeds):
        rows.append(row)
        print(*row, file=sys.stderr, flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
