"""Runs of command-line agents as tests begin them: a stand-in, declared in a file."""

import json
import sys
from pathlib import Path

from harness.sessions.mounts import SYSTEM
from tests.harness.helpers import makespan, rows
from tests.loopback import Json, Loopback

STANDIN = Path(__file__).parent / "harness" / "sessions" / "standin.py"
JOBS = ("run", "tardiness", "--level", 4)
ENDS = "select outcome from effects"
GRADES = "select record from records join episodes on id = episode order by key, version"


def declared(folder: Path, kind: str = "chat", source: str | None = None, **more: object) -> Path:
    """A file that declares the stand-in, or another source in its place."""
    python = Path(sys.executable).resolve()
    own = [] if str(python).startswith(tuple(f"/{n}/" for n in SYSTEM)) else [sys.base_prefix]
    words = [str(python), "{home}/standin.py", "{url}", kind]
    lines = {"command": words, "version": [*words, "--version"], "folders": own, **more}
    text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in lines.items())
    text += f'[files]\n"standin.py" = {json.dumps(source or STANDIN.read_text("utf-8"))}\n'
    path = folder / f"{kind}.toml"
    path.write_text(text)
    return path


def run(out: Path, agent: str, *words: object, status: int = 0) -> str:
    """What a run of small jobs writes to standard error."""
    done = makespan(*JOBS, "--agent", agent, *words, "--out", out)
    assert done.returncode == status, done.stderr
    return done.stderr


def model(server: Loopback, limit: int = 2) -> tuple[object, ...]:
    """The scripted model of a run, and of how many instances."""
    return ("--model", "openai/m", "--base-url", server.url, "--limit", limit)


def grades(out: Path) -> list[Json]:
    """The newest grades of a run, in order."""
    texts = rows(out, GRADES)
    return [json.loads(text)["grade"] for (text,) in texts]


def ends(out: Path) -> list[Json]:
    """What came of a run's sessions."""
    return [json.loads(text) for (text,) in rows(out, ENDS)]
