"""A full round of a commitment; what was changed afterwards is found, each with a line."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from harness.replay.verify import verify
from harness.suites.commitment import FIRST, read_secret
from harness.suites.instances import digest
from tests.harness.helpers import makespan
from tests.loopback import Loopback
from tests.old_folders import KINDS, unpack

TINY = """
name = "tiny"
[[entry]]
family = "rcpsp"
level = 4
count = 3
[[entry]]
family = "tardiness"
level = 4
count = 3
"""
PARTS = {"one-shot", "mini", "standard-stopped", "calendar-stopped", "shard-1", "shard-2"}
POLICIES = ("--model", "policy/exact", "--model", "policy/edf", "--model", "policy/edd")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A committed run that is revealed, and one of a public seed."""
    folder = tmp_path_factory.mktemp("committed")
    (folder / "tiny.toml").write_text(TINY)
    assert makespan("commit", folder / "tiny.toml", "--out", folder / "s.json").returncode == 0
    words = ("run", folder / "tiny.toml", *POLICIES, "--out")
    assert makespan(*words, folder / "run", "--commitment", folder / "s.json").returncode == 0
    assert makespan(*words, folder / "public").returncode == 0
    return folder


@pytest.fixture
def run(home: Path, tmp_path: Path) -> Path:
    """A copy of the committed run, revealed."""
    shutil.copytree(home / "run", tmp_path / "run")
    assert makespan("reveal", home / "s.json", tmp_path / "run").returncode == 0
    return tmp_path / "run"


def manifest_with(run: Path, change: Callable[[dict[str, object]], None]) -> None:
    place = run / "manifest.json"
    content = json.loads(place.read_bytes())
    change(content)
    place.write_text(json.dumps(content))


def problems_told(run: Path) -> list[str]:
    """The problems that `makespan verify` prints, which tells of them by its status too."""
    done = makespan("verify", run)
    lines = [line for line in done.stdout.splitlines() if line.startswith("problem: ")]
    assert done.returncode == bool(lines), done.stderr
    return lines


@pytest.mark.heavy
def test_a_round_from_the_commitment_to_its_verification(home: Path, run: Path) -> None:
    secret, before = read_secret(home / "s.json"), verify(home / "run")
    assert (before.commitment, before.revealed, before.problems) == (secret.digest, False, ())
    assert "its secret is not revealed" in before.notes[0]
    after = verify(run)
    assert (after.commitment, after.revealed, after.problems) == (secret.digest, True, ())
    assert after.notes == ()
    assert (after.seed, after.instances, after.episodes) == (secret.seed, 6, 12)
    assert problems_told(run) == []


@pytest.mark.heavy
def test_boards_tell_the_digest_the_dates_and_whether_it_is_revealed(home: Path, run: Path) -> None:
    secret = read_secret(home / "s.json")
    opened = read_secret(run / "revealed.json")
    hidden, shown = (
        json.loads(makespan("board", folder, "--json").stdout)["commitments"]
        for folder in (home / "run", run)
    )
    plain = {"suite": "tiny", "digest": secret.digest, "drawn": secret.drawn}
    assert hidden == [plain | {"revealed": None}]
    assert shown == [plain | {"revealed": opened.revealed}]
    assert "commitments" not in json.loads(makespan("board", home / "public", "--json").stdout)
    text = makespan("board", run).stdout
    assert f"tiny: seed by commitment {secret.digest}, drawn on {secret.drawn}, revealed" in text


def test_another_secret_is_not_revealed_into_a_run(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    assert makespan("commit", home / "tiny.toml", "--out", other).returncode == 0
    done = makespan("reveal", other, home / "run")
    assert (done.returncode, done.stdout) == (2, "")
    assert "published was" in done.stderr
    assert not (home / "run" / "revealed.json").exists()
    checked = makespan("verify", home / "run", "--secret", other)
    assert checked.returncode == 1
    assert "problem: the secret has the digest" in checked.stdout
    public = makespan("reveal", home / "s.json", home / "public")
    assert "its suite has no commitment" in public.stderr


def test_a_changed_instance_is_found_though_its_digest_is_mended(run: Path) -> None:
    place = run / "instances.jsonl"
    place.write_bytes(place.read_bytes().replace(b'"duration":', b'"duration":1', 1))
    assert "instances.jsonl is not what it was" in problems_told(run)[0]
    lines = place.read_bytes().splitlines()
    manifest_with(run, lambda m: m.update(made=[len(lines), digest(lines)]))
    problems = problems_told(run)
    assert problems[0].startswith("problem: instance 1, rcpsp-4-s")
    assert "the suite makes" in problems[0]


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("update records set record = json_set(record, '$.grade.score', 0.5)", "score is 0.5"),
        ("update records set record = json_set(record, '$.calls', 9)", "calls is 9"),
        ("update attempts set reply = replace(reply, 'starts', 'strats')", ""),
        ("update attempts set request = replace(request, '1', '2')", ""),
        ("delete from attempts", ""),
    ],
)
def test_a_changed_record_or_reply_is_found(run: Path, statement: str, reason: str) -> None:
    with sqlite3.connect(run / "journal.sqlite") as db:
        db.execute(statement + " where episode = 1")
    problems = problems_told(run)
    assert len(problems) == 1
    assert reason in problems[0]


def test_a_record_of_an_episode_that_was_never_asked_is_found(run: Path) -> None:
    def without_a_model(content: dict[str, object]) -> None:
        configuration = content["configuration"]
        assert isinstance(configuration, dict)
        configuration["models"] = configuration["models"][:2]

    manifest_with(run, without_a_model)
    problems = problems_told(run)
    assert len(problems) == 3
    assert all("none of the run's" in problem for problem in problems)


@pytest.mark.parametrize("seed", [7, FIRST, FIRST + 5])
def test_a_seed_outside_the_commitment_is_found(run: Path, seed: int) -> None:
    def reseed(content: dict[str, object]) -> None:
        content["configuration"]["suite"]["seed"] = seed  # type: ignore[index]

    manifest_with(run, reseed)
    problems = problems_told(run)
    assert f"seed {seed} is not the commitment's" in problems[0]
    assert any("the lock is" in problem for problem in problems)
    assert any("instance 1" in problem for problem in problems)


def test_a_seed_of_a_commitment_without_one_is_found(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = ("run", home / "tiny.toml", "--seed", FIRST + 1, *POLICIES, "--out", out)
    assert makespan(*words).returncode == 0
    assert (
        f"seed {FIRST + 1}: seeds from {FIRST} on are those of commitments" in problems_told(out)[0]
    )


def test_a_run_that_was_begun_after_its_secret_was_shown_is_told(run: Path) -> None:
    """A secret that is used again: its instances were public by then."""

    def begin_later(content: dict[str, object]) -> None:
        content["environment"]["created"] = "2999-01-01T00:00:00+00:00"  # type: ignore[index]

    assert verify(run).notes == ()
    manifest_with(run, begin_later)
    result = verify(run)
    assert result.problems == ()
    assert "begun on 2999-01-01, its secret was revealed on " in result.notes[0]


@pytest.mark.heavy
def test_a_secret_of_another_suite_or_day_is_not_taken(run: Path) -> None:
    for name, value, reason in (
        ("suite", "other", "the secret is of suite other, the run of tiny"),
        ("lock", "0" * 12, "the secret is of a suite with the lock 000000000000"),
        ("drawn", "2020-01-01", "the secret was drawn on 2020-01-01, the run says"),
    ):
        place = run / "revealed.json"
        before = place.read_text()
        place.write_text(json.dumps(json.loads(before) | {name: value}))
        assert any(reason in problem for problem in problems_told(run)), name
        board = json.loads(makespan("board", run, "--json").stdout)
        assert board["commitments"][0]["revealed"] is None
        place.write_text(before)
    assert problems_told(run) == []


def test_a_changed_version_or_lock_is_found(run: Path) -> None:
    def reversion(content: dict[str, object]) -> None:
        versions = content["configuration"]["versions"]  # type: ignore[index]
        versions["rcpsp"] = versions["rcpsp"].replace("version 1", "version 9")

    manifest_with(run, reversion)
    assert "rcpsp is version 9" in problems_told(run)[0]
    manifest_with(run, lambda m: m["configuration"].update(lock="0" * 12))  # type: ignore[attr-defined]
    assert any(
        "the lock is 000000000000, that of its content" in line for line in problems_told(run)
    )


def test_a_run_of_a_model_verifies_and_nobody_is_asked(home: Path, tmp_path: Path) -> None:
    with Loopback(lambda *_: '{"starts": {"T1": 0}}') as server:
        words = ("--model", "openai/m", "--base-url", server.url, "--out", tmp_path / "run")
        makespan("run", home / "tiny.toml", *words, OPENAI_API_KEY="none")
    result = verify(tmp_path / "run")
    assert (result.problems, result.episodes, result.commitment) == ((), 6, None)
    assert msgspec.json.decode(makespan("verify", tmp_path / "run", "--json").stdout)["seed"] == 0


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.is_search])
def test_a_search_is_refused(name: str, tmp_path: Path) -> None:
    assert makespan("verify", unpack(name, tmp_path)).returncode != 0


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if not kind.is_search])
def test_runs_of_earlier_versions_verify(name: str, tmp_path: Path) -> None:
    result = verify(unpack(name, tmp_path))
    assert result.problems == ()
    assert result.episodes > 0
    assert (result.missing > 0) == (name in PARTS)
