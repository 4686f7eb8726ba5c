"""A secret binds a seed, a suite and its version; other runs keep their bytes and locks."""

import hmac
import json
import stat
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from harness.suites import suite as suites
from harness.suites.commitment import (
    FIRST,
    Secret,
    committed,
    draw,
    pretty,
    problems_of,
    read_secret,
)
from harness.suites.suite import Suite, family_versions
from tasks.base import InputError
from tasks.prompts import Prompts, installed
from tests.harness.helpers import makespan

PROMPTS = installed()
SECRET = "ab" * 32
TINY = """
name = "tiny"
[[entry]]
family = "rcpsp"
level = 4
count = 2
"""


def secret_of(name: str = "quickstart", text: str = SECRET) -> Secret:
    return draw(suites.load(name), text, "2026-01-02")


def test_digest_and_seed_are_the_published_formulas() -> None:
    secret = secret_of()
    lock = suites.load("quickstart").lock(family_versions(suites.load("quickstart").used, PROMPTS))
    assert secret.lock == lock
    content = f'["makespan commitment",1,"quickstart","{lock}","{SECRET}"]'
    assert secret.digest == sha256(content.encode()).hexdigest()
    message = f'["makespan seed","quickstart","{lock}"]'.encode()
    number = int(hmac.new(bytes.fromhex(SECRET), message, sha256).hexdigest(), 16)
    assert secret.seed == 2**40 + number % 2**52


@given(st.binary(min_size=32, max_size=32))
def test_every_committed_seed_is_beyond_public_ones_and_whole_in_any_json(secret: bytes) -> None:
    each = Secret("s", "l", secret.hex(), "d")
    assert FIRST <= each.seed < 2**53
    assert msgspec.json.decode(pretty(each), type=Secret) == each


def test_another_secret_suite_or_lock_has_another_digest_and_seed() -> None:
    one = secret_of()
    others = [
        secret_of(text="ac" * 32),
        replace(one, suite="other"),
        replace(one, lock="0123456789ab"),
    ]
    assert len({each.digest for each in (one, *others)}) == 4
    assert len({each.seed for each in (one, *others)}) == 4
    assert replace(one, drawn="2026-02-03", revealed="2026-03-04").digest == one.digest


def test_a_commitment_is_part_of_the_lock_and_no_part_of_any_without() -> None:
    suite, secret = suites.load("quickstart"), secret_of()
    bound = committed(suite, secret)
    versions = family_versions(suite.used, PROMPTS)
    assert bound.seed == secret.seed
    assert bound.lock(versions) != replace(suite, seed=secret.seed).lock(versions)
    assert "commitment" not in msgspec.to_builtins(suite)
    old = msgspec.json.decode(msgspec.json.encode(suite), type=Suite)
    assert old == suite
    assert problems_of(bound, PROMPTS, secret) == []


def test_what_does_not_fit_a_commitment_is_told() -> None:
    suite, secret = suites.load("quickstart"), secret_of()
    bound = committed(suite, secret)
    other = replace(secret, secret="cd" * 32)
    changed = Prompts(dict(PROMPTS.sources) | {"rcpsp/plain.j2": "Go."})
    assert problems_of(suite, PROMPTS, secret) == [
        "its suite has no commitment: its seed is public"
    ]
    assert "published was" in problems_of(bound, PROMPTS, other)[0]
    assert problems_of(replace(bound, seed=FIRST), PROMPTS, secret) == [
        f"seed {FIRST} is not the commitment's, which is {secret.seed}"
    ]
    assert "the secret is of a suite with the lock" in problems_of(bound, changed, secret)[0]
    fewer = replace(bound, entry=bound.entry[1:])
    assert "the secret is of a suite with the lock" in problems_of(fewer, PROMPTS, secret)[0]
    later = replace(secret, drawn="2026-09-09")
    assert "drawn on 2026-09-09" in problems_of(bound, PROMPTS, later)[0]


def test_a_commitment_to_another_suite_or_version_is_refused() -> None:
    with pytest.raises(InputError, match=r"is to quickstart with the lock \w+, not to rcpsp with"):
        committed(suites.load("rcpsp"), secret_of())
    with pytest.raises(InputError, match="draw another"):
        committed(suites.load("quickstart"), replace(secret_of(), lock="0123456789ab"))
    with pytest.raises(InputError, match="from files, not from a seed"):
        draw(Suite("files", content="0123"), SECRET, "2026-01-02")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{}", "missing required field"),
        ("no", "truncated"),
        ('{"suite":"s","lock":"l","secret":"ab","drawn":"d"}', "not 64 hex digits"),
        (f'{{"suite":"s","lock":"l","secret":"{"AB" * 32}","drawn":"d"}}', "not 64 hex digits"),
        (f'{{"suite":"s","lock":"l","secret":"{SECRET}","drawn":"d","format":2}}', "format 2"),
    ],
)
def test_a_wrong_file_is_told_in_one_line(text: str, reason: str, tmp_path: Path) -> None:
    place = tmp_path / "x.json"
    place.write_text(text)
    with pytest.raises(InputError, match=f"is no file of `makespan commit`: .*{reason}"):
        read_secret(place)
    with pytest.raises(InputError, match="cannot read"):
        read_secret(tmp_path / "nothing.json")


def test_the_command_keeps_the_secret_and_prints_its_digest_alone(tmp_path: Path) -> None:
    suite, place = tmp_path / "tiny.toml", tmp_path / "s.json"
    suite.write_text(TINY)
    done = makespan("commit", suite, "--out", place)
    assert done.returncode == 0
    secret = read_secret(place)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    published = json.loads(done.stdout)
    assert published == {
        "suite": "tiny",
        "lock": secret.lock,
        "digest": secret.digest,
        "drawn": secret.drawn,
    }
    assert secret.secret not in done.stdout + done.stderr
    second = makespan("commit", suite, "--out", place)
    assert (second.returncode, second.stdout) == (2, "")
    assert "is there already, perhaps another secret: use --out" in second.stderr
    assert read_secret(place) == secret


@pytest.mark.parametrize("words", [("--seed", "3"), ("-T", "axes=none"), ("--level", "4")])
def test_a_committed_suite_takes_no_dials(words: tuple[str, ...], tmp_path: Path) -> None:
    place = tmp_path / "s.json"
    place.write_bytes(pretty(secret_of()))
    done = makespan("run", "quickstart", "--commitment", place, *words, "--model", "policy/exact")
    assert done.returncode == 2
    assert "a committed suite is as it is: no --level, --seed or -T" in done.stderr


def test_no_run_file_tells_of_a_secret(tmp_path: Path) -> None:
    place, file = tmp_path / "s.json", tmp_path / "run.toml"
    place.write_bytes(pretty(secret_of()))
    words = ("--commitment", place, "--model", "policy/exact", "--save-config", file)
    done = makespan("run", "quickstart", *words, "--dry-run")
    assert done.returncode == 2
    assert "--commitment names a secret, which no run file tells" in done.stderr
    assert not file.exists()
