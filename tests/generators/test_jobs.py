"""The jobs format: what is read, and what is refused with its line."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from generators.jobs import read_jobs
from generators.tardiness import generate
from harness.cli import main
from tasks.base import InputError, Reference, Scalar
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


# Optima that cannot be right ----------------------------------------------------------------


def solved_lines(count: int = 20, **settings: Scalar) -> list[dict[str, Any]]:
    """Generated sets of 9 jobs with their proven optima, as lines of a file."""
    instances = [generate(9, 5, index, settings) for index in range(count)]
    return [
        {
            "id": f"set-{index + 1}",
            "p": [job.p for job in instance.payload.jobs],
            "d": [job.d for job in instance.payload.jobs],
            "w": [job.w for job in instance.payload.jobs],
            "opt": instance.reference.objective,
        }
        for index, instance in enumerate(instances)
    ]


def dump(folder: Path, lines: list[dict[str, Any]]) -> Path:
    return write(folder, *map(json.dumps, lines))


@pytest.mark.parametrize("weights", [False, True])
def test_optima_in_the_order_of_file_names_are_refused(tmp_path: Path, weights: bool) -> None:
    lines = solved_lines(weights=weights)
    assert len(read_jobs(dump(tmp_path, lines))) == 20
    by_name = sorted(lines, key=lambda line: line["id"])
    assert [line["id"] for line in by_name[:3]] == ["set-1", "set-10", "set-11"]
    optima = [line["opt"] for line in by_name]
    moved = [line | {"opt": opt} for line, opt in zip(lines, optima, strict=True)]
    with pytest.raises(InputError, match=r"another order than the jobs.*1, 10, 2") as caught:
        read_jobs(dump(tmp_path, moved))
    message = str(caught.value)
    count = re.search(r":(\d+): the optimum given for (\d+) of 20 instances is too high", message)
    assert count
    assert 5 <= int(count[2]) < 20
    assert f"(set-{count[1]}, " in message
    assert f" and {int(count[2]) - 5} more; " in message
    assert "\n" not in message


@pytest.mark.parametrize("weights", [False, True])
def test_one_optimum_that_is_too_high_is_refused(tmp_path: Path, weights: bool) -> None:
    """By 1, on the instances whose best rule is optimal; of others no rule tells."""
    lines, refused = solved_lines(weights=weights), list[str]()
    for line in lines:
        changed = [other | {"opt": other["opt"] + (other is line)} for other in lines]
        try:
            read_jobs(dump(tmp_path, changed))
        except InputError as error:
            name, opt = line["id"], line["opt"]
            refused.append(
                str(error)
                .replace(f"jobs.jsonl:{name.removeprefix('set-')}: ", "LINE ")
                .replace(f"({name}; for {name} it is {opt + 1}, but", "VALUES")
                .replace(f"reaches {opt})", "OPTIMUM")
            )
    assert len(refused) >= 5
    pattern = (
        r".*LINE the optimum given for 1 of 20 instances is too high VALUES the rule"
        r" [a-z ]+ OPTIMUM: give the right value for it, or none"
    )
    assert all(re.fullmatch(pattern, message) for message in refused)


def test_an_import_that_is_refused_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = solved_lines()
    lines[7]["opt"] *= 10
    out = tmp_path / "out.jsonl"
    assert main(["import", "jobs", str(dump(tmp_path, lines)), "--out", str(out)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not out.exists()
