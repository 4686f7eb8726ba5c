"""The jobs format: what is read, and what is refused with its line."""

import json
from pathlib import Path

import pytest

from generators.jobs import read_jobs
from tasks.base import InputError, Reference
from tasks.tardiness import Job, Jobs
from tests.data import data

GOOD = '{"id": "a", "p": [3, 5], "d": [4, -5], "opt": 13}'


def write(folder: Path, *lines: str) -> Path:
    path = folder / "jobs.jsonl"
    path.write_text("\n".join([*lines, ""]), "utf-8")
    return path


def test_lines_become_instances(tmp_path: Path) -> None:
    weighted = '{"w": [2], "p": [1], "d": [9], "id": "b"}'
    first, second = read_jobs(write(tmp_path, GOOD, "", weighted))
    assert (first.id, first.family, first.level, first.seed) == ("a", "tardiness", 2, None)
    assert (first.index, second.index) == (0, 2)
    assert first.settings == {"source": "jobs"}
    assert first.payload == Jobs((Job("J01", 3, 4), Job("J02", 5, -5)))
    assert first.reference == Reference("optimal", 13, 13, solver="given by the file")
    assert second.payload == Jobs((Job("J01", 1, 9, 2),))
    assert second.reference == Reference("none")


def test_ids_are_as_wide_as_they_need_to_be(tmp_path: Path) -> None:
    line = json.dumps({"id": "x", "p": [1] * 100, "d": [1] * 100})
    (instance,) = read_jobs(write(tmp_path, line))
    ids = [job.id for job in instance.payload.jobs]
    assert ids[0] == "J001"
    assert ids == sorted(ids)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": "b", "p": [3, 5], "d": [4]}', "p has 2 numbers and d 1"),
        ('{"id": "b", "p": [3], "d": [4], "w": []}', "p has 1 numbers and w 0"),
        ('{"id": "b", "p": [3, 0], "d": [4, 5]}', "job J02: processing time p = 0 is below 1"),
        ('{"id": "b", "p": [-3], "d": [4]}', "p = -3 is below 1"),
        ('{"id": "b", "p": [3], "d": [4], "w": [0]}', "w = 0 is below 1"),
        ('{"id": "b", "p": [], "d": []}', "at least one"),
        ('{"id": "b", "p": [3.0], "d": [4]}', r"Expected `int`, got `float` - at `\$\.p\[0\]`"),
        ('{"id": "b", "p": [3], "d": [4.5]}', "Expected `int`, got `float`"),
        ('{"id": "b", "p": [true], "d": [4]}', "Expected `int`, got `bool`"),
        ('{"id": "b", "p": ["3"], "d": [4]}', "Expected `int`, got `str`"),
        ('{"id": "b", "p": [1], "d": [1000000000001]}', "Expected `int` <= 1000000000000 - at"),
        ('{"id": "b", "p": [1' + "0" * 30 + '], "d": [1]}', "Expected `int` <= 1000000000000"),
        ('{"id": "b", "p": 3, "d": [4]}', "Expected `array`, got `int`"),
        ('{"id": "b", "p": [3], "d": [4], "opt": -1}', "opt -1 is negative"),
        ('{"id": "b", "p": [3], "d": [4], "opt": 1.5}', "Expected `int"),
        ('{"id": "a", "p": [3], "d": [4]}', "the id 'a' is there already, in line 1"),
        ('{"id": "", "p": [3], "d": [4]}', "id is empty"),
        ('{"id": 7, "p": [3], "d": [4]}', "Expected `str`, got `int`"),
        ('{"p": [3], "d": [4]}', "missing required field `id`"),
        ('{"id": "b", "d": [4]}', "missing required field `p`"),
        ('{"id": "b", "p": [4]}', "missing required field `d`"),
        ('{"id": "b", "p": [3], "d": [4], "weights": [1]}', "unknown field `weights`"),
        ('{"id": "b", "p": [3], "d": [4]', "truncated"),
        ('{"id": "b", "p": [3], "d": [NaN]}', "malformed"),
        ("[3, 4]", "Expected `object`, got `array`"),
    ],
)
def test_broken_lines_are_named(tmp_path: Path, line: str, message: str) -> None:
    path = write(tmp_path, GOOD, line)
    with pytest.raises(InputError, match=message) as caught:
        read_jobs(path)
    assert str(caught.value).startswith(f"{path}:2: ")
    assert "\n" not in str(caught.value)


def test_other_encodings_and_empty_and_missing_files(tmp_path: Path) -> None:
    path = tmp_path / "jobs.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode() + b"\r\n" + b'{"id": "\xff"}')
    with pytest.raises(InputError, match=r"jobs\.jsonl:2: .*utf-8"):
        read_jobs(path)
    with pytest.raises(InputError, match="the file ends; expected a line of jobs"):
        read_jobs(write(tmp_path, "", ""))
    with pytest.raises(InputError, match="No such file"):
        read_jobs(tmp_path / "none.jsonl")


@pytest.mark.parametrize(("name", "count", "level"), [("n20", 800, 20), ("n100", 200, 100)])
def test_the_published_sets(name: str, count: int, level: int) -> None:
    read = read_jobs(data("smtt", f"{name}.jsonl"))
    assert len(read) == count
    assert {(i.level, i.reference.status) for i in read} == {(level, "optimal")}
    assert [i.index for i in read] == list(range(count))
