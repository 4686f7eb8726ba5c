"""A packed submission that leads out of its folder, or unpacks to too much, is refused."""

import stat
import zipfile
from pathlib import Path

import pytest

from harness.replay import parcel
from harness.replay.parcel import is_expected, unpack, write_archive
from tasks.base import InputError
from tests.harness.helpers import makespan

SUITE = """
name = "tiny"
[[entry]]
family = "tardiness"
level = 4
count = 3
"""


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A packed submission as it should be."""
    folder = tmp_path_factory.mktemp("packed")
    (folder / "tiny.toml").write_text(SUITE)
    words = ("run", folder / "tiny.toml", "--model", "policy/edd", "--out", folder / "run")
    assert makespan(*words).returncode == 0
    done = makespan("submit", folder / "run", "--out", folder / "sent.zip")
    assert done.returncode == 0, done.stderr
    return folder / "sent.zip"


@pytest.mark.heavy
def test_a_packed_run_is_verified_and_kept_where_it_is_wanted(packed: Path, tmp_path: Path) -> None:
    done = makespan("verify", packed, "--into", tmp_path / "kept")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "all is as it says")
    assert makespan("verify", "--submission", tmp_path / "kept").returncode == 0
    rows = makespan("board", tmp_path / "kept", packed.parent / "run").stdout
    assert "policy/edd" in rows
    again = makespan("verify", packed, "--into", tmp_path / "kept")
    assert "is there already: use another --into" in again.stderr


def test_the_same_files_are_packed_to_the_same_bytes(packed: Path, tmp_path: Path) -> None:
    unpack(packed, tmp_path / "here")
    write_archive(tmp_path / "here", tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == packed.read_bytes()


def archive_of(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, content in entries:
            archive.writestr(entry, content)
    return path


OUTSIDE = (
    "../manifest.json",
    "/etc/passwd",
    "templates/../../x.j2",
    "templates//x.j2",
    "templates/..j2/../x.j2",
    "templates\\..\\x.j2",
    "C:/x.j2",
    "templates/x.py",
    "programs/x.sh",
    "manifest.json/",
    "journal.sqlite-wal",
    "lock",
    "sub/manifest.json",
)


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_name_that_leads_elsewhere_is_refused_and_nothing_is_written(
    name: str, tmp_path: Path
) -> None:
    assert not is_expected(name)
    packed = archive_of(tmp_path / "x.zip", ("manifest.json", b"{}"), (name, b"here"))
    before = sorted(tmp_path.rglob("*"))
    done = makespan("verify", packed, "--into", tmp_path / "kept")
    assert done.returncode == 1
    assert "is no file of a submission" in done.stdout
    assert sorted(tmp_path.rglob("*")) == before


def test_a_link_in_an_archive_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("templates/x.j2")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    packed = archive_of(tmp_path / "x.zip", (link, b"/etc/passwd"))
    with pytest.raises(InputError, match="is a link or a device"):
        unpack(packed, tmp_path / "here")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_is_twice_in_an_archive_is_refused(tmp_path: Path) -> None:
    packed = archive_of(tmp_path / "x.zip", ("manifest.json", b"1"), ("manifest.json", b"2"))
    with pytest.raises(InputError, match="is in it twice"):
        unpack(packed, tmp_path / "here")


def test_a_small_archive_that_unpacks_to_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = archive_of(tmp_path / "x.zip", ("instances.jsonl", bytes(5_000_000)))
    assert packed.stat().st_size < 10_000
    monkeypatch.setattr(parcel, "LARGEST", 4_000_000)
    with pytest.raises(InputError, match="unpacks to more than 4000000 bytes"):
        unpack(packed, tmp_path / "here")
    assert (tmp_path / "here" / "instances.jsonl").stat().st_size <= 4_000_000


def test_an_archive_that_lies_about_its_sizes_is_refused(tmp_path: Path) -> None:
    packed = archive_of(tmp_path / "x.zip", ("instances.jsonl", bytes(1000)))
    content = packed.read_bytes().replace((1000).to_bytes(4, "little"), (5).to_bytes(4, "little"))
    packed.write_bytes(content)
    with pytest.raises(InputError, match="cannot unpack"):
        unpack(packed, tmp_path / "here")


def test_more_files_than_any_run_has_are_refused(tmp_path: Path) -> None:
    names = [f"templates/rcpsp/t{k}.j2" for k in range(parcel.MOST + 1)]
    packed = archive_of(tmp_path / "x.zip", *((name, b"") for name in names))
    with pytest.raises(InputError, match=f"holds {parcel.MOST + 1} files"):
        unpack(packed, tmp_path / "here")


@pytest.mark.parametrize("content", [b"", b"PK", b"no archive"])
def test_what_is_no_archive_is_told_in_a_line(content: bytes, tmp_path: Path) -> None:
    place = tmp_path / "x.zip"
    place.write_bytes(content)
    done = makespan("verify", place)
    assert (done.returncode, done.stdout.count("\n")) == (1, 1)
    assert f"problem: cannot unpack {place}: " in done.stdout
