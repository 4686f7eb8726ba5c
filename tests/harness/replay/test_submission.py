"""A submission from elsewhere stands beside our rows; a forged one is refused with a line."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.replay.parcel import CLAIMS
from tests.harness.helpers import makespan
from tests.loopback import Loopback

PERFECT = "record = json_set(record, '$.grade.score', 1.0, '$.grade.verdict', 'valid')"

SUITE = """
name = "tiny"
[[entry]]
family = "rcpsp"
level = 4
count = 6
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our own run, and the submission of another's."""
    folder = tmp_path_factory.mktemp("submitted")
    (folder / "tiny.toml").write_text(SUITE)
    words = ("run", folder / "tiny.toml", "--out")
    assert makespan(*words, folder / "ours", "--model", "policy/edf").returncode == 0
    with Loopback(lambda *_: '{"starts": {"T1": 0, "T2": 9, "T3": 20, "T4": 30}}') as server:
        model = ("--model", "openai/theirs", "--base-url", server.url)
        done = makespan(*words, folder / "theirs", *model, OPENAI_API_KEY="none")
    assert done.returncode == 0, done.stderr
    done = makespan("submit", folder / "theirs", "--out", folder / "sent")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("openai/theirs in rcpsp: ")
    return folder


@pytest.fixture
def sent(home: Path, tmp_path: Path) -> Path:
    """A copy of the submission, as it arrives."""
    shutil.copytree(home / "sent", tmp_path / "sent")
    return tmp_path / "sent"


def claims(sent: Path, **changes: Any) -> None:
    place = sent / CLAIMS
    content = json.loads(place.read_text())
    content["claims"][0] |= changes
    place.write_text(json.dumps(content))


@pytest.mark.heavy
def test_a_submission_verifies_and_is_boarded_beside_ours(home: Path, sent: Path) -> None:
    done = makespan("verify", sent)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("all is as it says\n")
    rows = json.loads(makespan("board", home / "ours", sent, "--json").stdout)["rows"]
    assert {row["model"] for row in rows} == {"policy/edf", "openai/theirs"}
    theirs_alone = json.loads(makespan("board", home / "theirs", "--json").stdout)["rows"]
    assert theirs_alone[0] in rows


@pytest.mark.heavy
def test_a_claim_that_its_records_do_not_come_to_is_refused(sent: Path) -> None:
    claims(sent, score=0.987)
    done = makespan("verify", sent)
    assert done.returncode == 1
    assert "problem: openai/theirs in rcpsp claims 0.987 over 6 episodes" in done.stdout


def test_records_that_are_forged_to_the_claim_are_refused(sent: Path) -> None:
    with sqlite3.connect(sent / "journal.sqlite") as db:
        db.execute("update records set record = json_set(record, '$.grade.score', 1.0)")
        db.execute("update records set record = json_set(record, '$.grade.verdict', 'valid')")
    claims(sent, score=1.0)
    done = makespan("verify", sent)
    assert done.returncode == 1
    assert done.stdout.count("problem: [") >= 1
    assert "its replies come to" in done.stdout


def test_a_part_of_a_run_is_neither_packed_nor_taken(sent: Path, tmp_path: Path) -> None:
    with sqlite3.connect(sent / "journal.sqlite") as db:
        db.execute("delete from records where episode = 2")
    done = makespan("verify", sent)
    assert done.returncode == 1
    assert "it is not whole" in done.stdout
    repacked = makespan("submit", sent, "--out", tmp_path / "again")
    assert repacked.returncode == 2
    assert not (tmp_path / "again").exists()


def test_what_is_there_is_not_written_over(home: Path) -> None:
    done = makespan("submit", home / "theirs", "--out", home / "sent")
    assert (done.returncode, done.stdout) == (2, "")
    assert "is there already: use another --out" in done.stderr


def sql(sent: Path, script: str) -> None:
    """Change the journal of a submission, as a forger would."""
    with sqlite3.connect(sent / "journal.sqlite") as db:
        db.executescript(script)


def with_manifest(sent: Path, change: Callable[[Any], None]) -> None:
    content = json.loads((sent / "manifest.json").read_bytes())
    change(content)
    (sent / "manifest.json").write_text(json.dumps(content))


def refusal_of(sent: Path) -> str:
    """What `makespan verify` prints of a submission that it refuses."""
    done = makespan("verify", sent)
    assert done.returncode == 1, done.stdout
    assert "problem: " in done.stdout
    return done.stdout


def test_a_forged_record_behind_the_word_error_is_not_passed_over(sent: Path) -> None:
    """Its row says that it ended in an error, so that it would have nothing to replay."""
    sql(sent, f"update records set verdict = 'error', {PERFECT} where episode = 1")
    assert "its record is valid, its row says error" in refusal_of(sent)


def test_an_episode_that_is_there_twice_is_found(sent: Path) -> None:
    script = f"""
        insert into episodes select id + 100, key from episodes where id = 1;
        insert into records select episode + 100, version, verdict, shared, record, outcome
            from records where episode = 1;
        update records set {PERFECT} where episode = 101;
    """
    sql(sent, script)
    assert "the episode is in journal.sqlite twice" in refusal_of(sent)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (
            "alter table records rename to other; create view records as select * from other;",
            "the view records is not one of a journal",
        ),
        (
            "create trigger later after insert on attempts begin delete from records; end;",
            "the trigger later is not one of a journal",
        ),
        (
            "alter table records rename to other; create table records as select * from other;",
            "the table records is not one of a journal",
        ),
        ("drop table shared;", "it has no table shared as a journal has it"),
    ],
)
def test_a_journal_with_tables_of_its_own_is_not_read(script: str, reason: str, sent: Path) -> None:
    """A view may give the verifier other rows than the board, a table two records of a key."""
    sql(sent, script)
    output = refusal_of(sent)
    assert reason in output
    assert "0 episodes replayed" in output


def test_a_journal_that_is_none_is_told(sent: Path) -> None:
    (sent / "journal.sqlite").write_bytes(b"SQLite format 3\0" + bytes(4000))
    assert "journal.sqlite" in refusal_of(sent)


def test_prompts_that_are_programs_do_nothing_when_they_are_verified(
    sent: Path, tmp_path: Path
) -> None:
    """A verifier renders a stranger's templates."""
    mark = tmp_path / "mark"
    attack = f"{{{{ ().__class__.__base__.__subclasses__() }}}}{{{{ '{mark}' }}}}"
    place = sent / "templates" / "rcpsp" / "plain.j2"
    place.write_text(place.read_text() + attack)
    assert "its templates of rcpsp are not those it began with" in refusal_of(sent)
    from harness.families.registry import family
    from tasks.prompts import Prompts

    root = sent / "templates"
    sources = {p.relative_to(root).as_posix(): p.read_text() for p in root.rglob("*.j2")}
    number = Prompts(sources).digest(family("rcpsp").templates)

    def sign(content: Any) -> None:
        versions = content["configuration"]["versions"]
        versions["rcpsp"] = f"{versions['rcpsp'].split(', prompts')[0]}, prompts {number}"

    with_manifest(sent, sign)
    output = refusal_of(sent)
    assert "access to attribute '__class__' of 'tuple' object is unsafe" in output
    assert "its prompts are not those of this version: rcpsp/plain.j2" in output


def test_a_suite_by_the_name_of_another_is_found(home: Path, tmp_path: Path) -> None:
    """An easy suite is called as a hard one is."""
    named = tmp_path / "rcpsp.toml"
    named.write_text(SUITE.replace('"tiny"', '"rcpsp"'))
    run = tmp_path / "run"
    assert makespan("run", named, "--out", run, "--model", "policy/edf").returncode == 0
    assert makespan("verify", run).returncode == 0
    done = makespan("submit", run, "--out", tmp_path / "sent")
    assert done.returncode == 2
    assert "it is not the suite rcpsp: its lock at seed 0 is" in done.stderr
    shutil.copytree(home / "sent", tmp_path / "sent")
    with_manifest(tmp_path / "sent", lambda c: c["configuration"]["suite"].update(name="rcpsp"))
    assert "it is not the suite rcpsp" in refusal_of(tmp_path / "sent")


def test_a_shard_is_not_a_whole_run(sent: Path) -> None:
    with_manifest(sent, lambda content: content.update(shard=[1, 2]))
    keys = sqlite3.connect(sent / "journal.sqlite").execute("select id, key from episodes")
    from harness.run.jobs import in_shard

    outside = [number for number, key in keys if not in_shard(key, (1, 2))]
    assert outside
    listed = ", ".join(map(str, outside))
    sql(sent, f"delete from records where episode in ({listed});")
    assert f"it is not whole: {len(outside)} episodes are left" in refusal_of(sent)


def test_instances_that_were_left_out_are_missed(sent: Path) -> None:
    """The hard ones, say, and all that speaks of them."""
    lines = (sent / "instances.jsonl").read_bytes().splitlines(keepends=True)
    (sent / "instances.jsonl").write_bytes(b"".join(lines[:4]))
    from harness.suites.instances import digest

    made = [4, digest(line.rstrip() for line in lines[:4])]
    with_manifest(sent, lambda content: content.update(made=made, limit=4))
    keys = sqlite3.connect(sent / "journal.sqlite").execute("select id, key from episodes")
    rest = [n for n, key in keys if not any(json.loads(key)[2].encode() in x for x in lines[:4])]
    assert len(rest) == 2
    for table in ("records", "attempts"):
        sql(sent, f"delete from {table} where episode in ({rest[0]}, {rest[1]});")
    assert "it is not whole: 2 episodes are left" in refusal_of(sent)


def test_a_policys_row_is_what_that_policy_replies(home: Path, tmp_path: Path) -> None:
    """Better replies, and the records that they come to: nothing but the policy itself tells."""
    run = tmp_path / "run"
    shutil.copytree(home / "ours", run)
    answer = '{"starts":{"T1":0,"T2":9,"T3":20,"T4":30}}'
    sql(run, f"update attempts set reply = json_set(reply, '$.text', '{answer}')")
    assert makespan("regrade", run).returncode == 0
    output = refusal_of(run)
    assert output.count("answer is not what that policy replies") == 6
    assert output.endswith("6 problems\n")


def test_what_the_agent_allows_is_not_what_the_manifest_says(sent: Path) -> None:
    with_manifest(sent, lambda content: content["configuration"].update(means=["python"]))
    assert "its agent lets them use nothing but the prompt" in refusal_of(sent)


def test_what_no_submission_holds_is_found(sent: Path) -> None:
    (sent / "notes.txt").write_text("hello")
    (sent / "templates" / "x.j2").symlink_to("/etc/hostname")
    output = refusal_of(sent)
    assert "'notes.txt' is no file of a submission" in output
    assert "'templates/x.j2' is a link or a device" in output


def test_a_run_is_no_submission_where_one_is_wanted(home: Path) -> None:
    assert makespan("verify", home / "theirs").returncode == 0
    done = makespan("verify", "--submission", home / "theirs")
    assert (done.returncode, done.stderr) == (1, "")
    assert "is no submission: it has no submission.json" in done.stdout


def test_several_are_verified_each_under_its_name(home: Path, sent: Path) -> None:
    claims(sent, score=0.987)
    done = makespan("verify", home / "sent", sent)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0] == f"{home / 'sent'}:"
    assert f"{sent}:" in lines
    assert "all is as it says" in lines
