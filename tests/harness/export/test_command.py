"""The command of a run makes the same run again."""

import shlex
from pathlib import Path

import pytest

from harness.cli import main
from harness.export.command import command
from harness.store.folder import Folder
from tests.harness.helpers import instances


@pytest.mark.parametrize(
    "words",
    [
        "quickstart --limit 2 --model policy/edf --model policy/exact",
        "rcpsp --level 5 --limit 1 --model policy/edf",
        "rcpsp --level 5 --seed 7 -T axes=none -T slack=2 --limit 2 --model policy/edf --epochs 2",
        "calendar --level 3 -T rounds=40 --limit 1 --memory none --model policy/first",
        "tardiness --limit 3 --model policy/edd --temperature 0.5 --max-output-tokens 9"
        " --max-output-tokens-as max_completion_tokens"
        " --model-seed 3 --reasoning-effort low --structured --extra-body '{\"top_p\": 0.5}'",
    ],
)
def test_it_has_the_same_configuration(tmp_path: Path, words: str) -> None:
    assert main(["run", *shlex.split(words), "--out", str(tmp_path / "one")]) == 0
    first = Folder.open(tmp_path / "one").manifest
    again = command(first)
    assert again is not None
    assert main([*shlex.split(again)[1:], "--out", str(tmp_path / "other")]) == 0
    second = Folder.open(tmp_path / "other").manifest
    assert second.configuration == first.configuration
    assert (second.limit, second.made) == (first.limit, first.made)


def test_a_file_of_ones_own_has_none(tmp_path: Path) -> None:
    file = instances(tmp_path / "quickstart.jsonl", 1)
    assert main(["run", str(file), "--model", "policy/edf", "--out", str(tmp_path / "run")]) == 0
    assert command(Folder.open(tmp_path / "run").manifest) is None
