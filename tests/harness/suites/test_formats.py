"""Files and folders of a public format: all that can be read is read, and the rest is told."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.suites.formats import read_batch, read_files
from tasks.base import InputError
from tests.factories.layouts import SM, named
from tests.harness.helpers import board, makespan


def folder(root: Path, files: Mapping[str, bytes | str]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def read(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_layout_gets_to_a_row_of_the_board(tmp_path: Path) -> None:
    """A folder of them, imported and run: none is an error, and the ceiling has no gap."""
    layouts = {f"{k:02d}-{name}": content for k, (name, content) in enumerate(named().items())}
    source, file = folder(tmp_path / "in", layouts), tmp_path / "all.jsonl"
    done = makespan("import", "psplib", source, "--out", file)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, f"{len(layouts)} instances")
    assert {line["reference"]["objective"] for line in read(file)} == {9}  # type: ignore[index]
    policies = ("--model", "policy/exact", "--model", "policy/serial")
    assert makespan("run", file, *policies, "--out", tmp_path / "run").returncode == 0
    for row in board(tmp_path / "run"):
        assert (row["n"], row["errors"], row["score"]["value"]) == (len(layouts), 0, 1)
        assert row["metrics"]["gap_mean"]["value"] is not None


def test_a_folder_is_its_files_of_the_format_in_order(tmp_path: Path) -> None:
    names = ("b.sm", "a.rcp", "sub/c.SM", "optimum.csv", "sub/notes.txt", ".hidden.sm")
    layouts = dict.fromkeys(names, SM.encode())
    layouts["a.rcp"] = named()["usual.rcp"]
    batch = read_batch("psplib", [folder(tmp_path, layouts)])
    assert [(i.id, i.index) for i in batch.instances] == [("a", 0), ("b", 1), ("c", 2)]
    assert sorted(p.name for p in batch.foreign) == [".hidden.sm", "notes.txt", "optimum.csv"]
    assert batch.complaints == []


def test_a_file_that_cannot_be_read_moves_no_other(tmp_path: Path) -> None:
    """The index of a file is its place, so that mending one changes no other instance."""
    source = folder(tmp_path / "in", {"a.sm": SM, "b.sm": "broken", "c.sm": SM, "d.mm": SM})
    broken = read_batch("psplib", [source])
    assert [(i.id, i.index) for i in broken.instances] == [("a", 0), ("c", 2)]
    assert [Path(line.split(":")[0]).name for line in broken.complaints] == ["b.sm", "d.mm"]
    folder(source, {"b.sm": SM})
    mended = read_batch("psplib", [source])
    assert [i for i in mended.instances if i.id != "b"] == broken.instances


def test_what_cannot_be_read_is_told_and_the_rest_is_there(tmp_path: Path) -> None:
    source = folder(tmp_path / "in", {"a.sm": SM, "b.sm": "broken", "notes.txt": ""})
    out = tmp_path / "out.jsonl"
    done = makespan("import", "psplib", source, "--out", out)
    assert done.returncode == 1
    passed, left, *_ = done.stderr.splitlines()
    assert passed == f"passed over, of another format: {source / 'notes.txt'}"
    assert left == f"left out: {source / 'b.sm'}:1: the file ends; expected a line 'jobs : number'"
    assert [line["id"] for line in read(out)] == ["a"]


def test_strict_writes_nothing_if_a_file_is_bad(tmp_path: Path) -> None:
    source, out = folder(tmp_path / "in", {"a.sm": SM, "b.sm": "x", "c.sm": ""}), tmp_path / "out"
    done = makespan("import", "psplib", source, "--strict", "--out", out)
    assert (done.returncode, done.stderr.count("\n"), out.exists()) == (2, 1, False)
    assert "b.sm:1: " in done.stderr
    assert "(and 1 files more)" in done.stderr
    alone = makespan("import", "psplib", source / "b.sm", source / "c.sm", "--out", out)
    assert (alone.returncode, out.exists()) == (2, False)
    with pytest.raises(InputError, match=r"b\.sm:1: "):
        read_files("psplib", [source])


def test_equal_names_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    names = ["x/one/j.sm", "x/two/j.sm", "y/one/j.sm", "z/k.sm"]
    batch = read_batch("psplib", [folder(tmp_path, dict.fromkeys(names, SM))])
    assert [i.id for i in batch.instances] == ["x.one.j", "x.two.j", "y.one.j", "k"]
    again = read_batch("psplib", [tmp_path / name for name in reversed(names)])
    assert [i.id for i in again.instances] == ["k", "y.one.j", "x.two.j", "x.one.j"]


def test_an_id_that_is_there_twice_is_told(tmp_path: Path) -> None:
    source = folder(tmp_path, {"a.sm": SM, "a.rcp": named()["usual.rcp"]})
    batch = read_batch("psplib", [source, source / "a.sm"])
    assert [i.id for i in batch.instances] == ["a"]
    assert len(batch.complaints) == 2
    assert all("the id 'a' is there twice" in line for line in batch.complaints)


def test_a_folder_without_a_file_of_the_format_is_refused(tmp_path: Path) -> None:
    folder(tmp_path, {"notes.txt": ""})
    with pytest.raises(InputError, match=r"no file of psplib in it \(\*\.sm, \*\.rcp, \*\.mm\)"):
        read_batch("psplib", [tmp_path])
    with pytest.raises(InputError, match="unknown format 'x': there are "):
        read_batch("x", [tmp_path])


def test_a_folder_of_the_library_is_its_files_of_jobs(tmp_path: Path) -> None:
    """The files of best values belong to them, and are no jobs."""
    jobs = "3 5\n2 9\n4 -5\n" * 125
    folder(tmp_path, {"wt2.txt": jobs, "wtopt2.txt": "0 " * 125, "README.txt": ""})
    batch = read_batch("orlib", [tmp_path])
    assert len(batch.instances) == 125
    assert [path.name for path in batch.foreign] == ["README.txt", "wtopt2.txt"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
def test_a_file_of_instances_is_run_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    made = makespan("generate", "tardiness", "--level", 4, "--count", 2, "--out", tmp_path / "i")
    assert made.returncode == 0
    text = (tmp_path / "i").read_text("utf-8").replace("\n", "\r\n")
    (tmp_path / "i.jsonl").write_bytes(text.encode(encoding))
    run = tmp_path / "run"
    assert makespan("run", tmp_path / "i.jsonl", "--model", "policy/exact", "--out", run)
    [row] = board(run)
    assert (row["n"], row["score"]["value"]) == (2, 1)
    assert makespan("run", tmp_path / "i.jsonl", "--model", "policy/exact", "--out", run).stderr
