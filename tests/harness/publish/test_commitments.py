"""A full round on the command line: commit, run, publish, reveal, publish again, verify, board."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.suites.commitment import read_secret
from tests.harness.helpers import makespan
from tests.hub import Hub
from tests.loopback import Json, Loopback
from tests.optional import needs

pytestmark = needs("huggingface_hub", "pyarrow")

REPO = "me/record"
SUITE = """
name = "tiny"
[[entry]]
family = "rcpsp"
level = 4
count = 3
[[entry]]
family = "feasibility"
level = 4
count = 4
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as server:
        yield server


def says(_: int, body: Json) -> str:
    """A model that starts all at 0, and claims that nothing can be done where that may be said."""
    text = str(body["messages"])
    return '{"infeasible": ["P1", "P2"]}' if "infeasible" in text else '{"starts": {"T1": 0}}'


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A committed run of a scripted model and of policies, not revealed."""
    (tmp_path / "tiny.toml").write_text(SUITE)
    secret = tmp_path / "secret.json"
    assert makespan("commit", tmp_path / "tiny.toml", "--out", secret).returncode == 0
    with Loopback(says) as server:
        words = ("run", tmp_path / "tiny.toml", "--commitment", secret, "--out", tmp_path / "run")
        models = ("--model", "openai/m", "--model", "policy/exact", "--base-url", server.url)
        done = makespan(*words, *models, OPENAI_API_KEY="none")
    assert done.returncode == 0, done.stderr
    return tmp_path


def card_of(hub: Hub) -> str:
    return hub.repos[REPO].at("main")["README.md"].decode()


@pytest.mark.heavy
def test_a_full_round(hub: Hub, home: Path) -> None:
    run, secret = home / "run", read_secret(home / "secret.json")
    environment = hub.environment(home)
    publish = ("publish", run, "--repo", REPO)

    assert makespan(*publish, **environment).returncode == 0
    words = f"eed by commitment {secret.digest}, drawn on {secret.drawn}, "
    assert card_of(hub).count(f"S{words}not revealed yet.") == 2  # a board a family
    assert f"; s{words}not revealed yet:" in card_of(hub)
    files = hub.repos[REPO].at("main")
    assert not [name for name in files if name.endswith("revealed.json")]
    assert secret.secret not in str(files)
    hidden = makespan("verify", run)
    assert (hidden.returncode, hidden.stdout.count("note: its secret is not revealed")) == (0, 1)

    assert makespan("reveal", home / "secret.json", run).returncode == 0
    day = read_secret(run / "revealed.json").revealed
    assert makespan(*publish, **environment).returncode == 0
    assert card_of(hub).count(f"S{words}revealed on {day}.") == 2
    assert "not revealed yet" not in card_of(hub)
    files = hub.repos[REPO].at("main")
    [name] = [name for name in files if name.endswith("revealed.json")]
    assert json.loads(files[name])["secret"] == secret.secret
    (home / "from-hub.json").write_bytes(files[name])
    shown = makespan("verify", run, "--secret", home / "from-hub.json")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "7 instances made anew, 14 episodes replayed, 0 ended in errors" in shown.stdout
    assert shown.stdout.endswith("all is as it says\n")
    assert "note:" not in shown.stdout

    other = home / "public"
    makespan("run", home / "tiny.toml", "--model", "policy/edf", "--out", other)
    assert makespan("publish", other, "--repo", REPO, **environment).returncode == 0
    assert card_of(hub).count(f"S{words}revealed on {day}.") == 2  # as the repository has it


def test_every_picture_of_a_board_tells_the_commitment(home: Path) -> None:
    run, digest = home / "run", read_secret(home / "secret.json").digest
    assert (
        makespan("board", run, "--html", home / "b.html", "--svg", home / "b.svg").returncode == 0
    )
    assert makespan("report", run, "--html", home / "r.html").returncode == 0
    for name in ("b.html", "b.svg", "r.html"):
        text = (home / name).read_text("utf-8")
        assert digest in text, name
        assert "not revealed yet" in text, name


@pytest.mark.heavy
def test_a_submission_of_a_committed_suite_stands_beside_ours(home: Path) -> None:
    assert makespan("reveal", home / "secret.json", home / "run").returncode == 0
    words = ("run", home / "tiny.toml", "--commitment", home / "run" / "revealed.json")
    assert makespan(*words, "--model", "policy/edf", "--out", home / "theirs").returncode == 0
    assert makespan("reveal", home / "run" / "revealed.json", home / "theirs").returncode == 0
    assert makespan("submit", home / "theirs", "--out", home / "sent.zip").returncode == 0
    done = makespan("verify", home / "sent.zip", "--into", home / "received")
    assert (done.returncode, done.stdout.endswith("all is as it says\n")) == (0, True)
    board = json.loads(makespan("board", home / "run", home / "received", "--json").stdout)
    assert {row["model"] for row in board["rows"]} == {"openai/m", "policy/exact", "policy/edf"}
    assert [each["revealed"] is not None for each in board["commitments"]] == [True]
