"""`makespan list`: what there is, and all about a family."""

import json
from typing import Any

import pytest

from harness.agents.base import AGENTS
from harness.evolve.domains import DOMAINS
from harness.families.registry import FAMILIES, family
from harness.models.build import PROVIDERS
from harness.suites import suite as suites
from memory.base import MEMORIES
from tests.factories.settings import LATER
from tests.harness.helpers import makespan


def listed(*words: object) -> Any:
    done = makespan("list", *words, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_all_there_is_as_json() -> None:
    found = listed()
    for name, parts in (
        ("families", FAMILIES),
        ("domains", DOMAINS),
        ("providers", PROVIDERS),
        ("agents", AGENTS),
        ("memories", MEMORIES),
    ):
        assert [part["name"] for part in found[name]] == [*parts]
        assert all(part["about"] for part in found[name])
    assert [suite["name"] for suite in found["suites"]] == suites.names()
    assert {suite["name"]: suite["size"] for suite in found["suites"]}["quickstart"] == 70
    for name in FAMILIES:
        kinds = {p["name"]: p["kind"] for p in found["policies"][name]}
        declared = family(name).policies
        assert kinds == {f"policy/{policy}": declared[policy].kind for policy in declared}
    [summary] = [m for m in found["memories"] if m["name"] == "summary"]
    assert [s["name"] for s in summary["settings"]] == ["words"]


@pytest.mark.parametrize("name", FAMILIES.own)
@pytest.mark.parametrize(
    "columns",
    [pytest.param(50, marks=pytest.mark.heavy), 80, pytest.param(200, marks=pytest.mark.heavy)],
)
def test_a_family_has_its_settings_policies_suites_columns_and_means(
    name: str, columns: int
) -> None:
    found, declared = listed(name), family(name)
    done = makespan("list", name, COLUMNS=str(columns))
    assert (done.returncode, done.stderr) == (0, "")
    text = done.stdout
    assert max(map(len, text.splitlines())) < max(columns, 60)
    late = LATER.get(name, ())
    always = [s["name"] for s in found["settings"] if s["default"] != "" and s["name"] not in late]
    assert always == [*declared.resolve(4, {})]
    assert {c["name"] for c in found["columns"]} == {c.name for c in declared.columns}
    assert {c["name"] for c in found["columns"] if c["headline"]} == set(declared.headlines)
    having = [n for n in suites.names() if name in suites.load(n).families]
    assert [s["name"] for s in found["suites"]] == having
    for suite in found["suites"]:
        entries = [e for e in suites.load(suite["name"]).entry if e.family == name]
        assert suite["size"] == sum(e.count or 0 for e in entries)
        assert set(suite["levels"]) == {e.level for e in entries}
    names = [
        *(s["name"] for s in found["settings"]),
        *(p["name"] for p in found["policies"]),
        *(s["name"] for s in found["suites"]),
        *(c["name"] for c in found["columns"]),
        *found["means"],
    ]
    for each in names:
        assert each in " ".join(text.split()), each
    assert found["means"]["direct"]
    programs = [d for d in DOMAINS if DOMAINS[d].family == name]
    assert found["means"].get("program", []) == programs


def test_bounds_and_defaults_are_printed() -> None:
    lines = makespan("list", "rcpsp", COLUMNS="120").stdout.splitlines()
    [slack] = [line for line in lines if line.startswith("  slack ")]
    assert slack.split()[:6] == ["slack", "4", "whole", "number,", "0", "to"]
    assert "1,000,000" in slack
    assert any(line.split()[:3] == ["edges", "by", "level"] for line in lines)
    assert "level: tasks, 1 to 1,000" in lines


def test_no_such_family_is_one_line() -> None:
    for words in (("rcsp",), ("rcsp", "--json"), ("mini",)):
        done = makespan("list", *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"unknown family {words[0]!r}: there are rcpsp, " in done.stderr
        assert done.stderr.count("\n") == 1
