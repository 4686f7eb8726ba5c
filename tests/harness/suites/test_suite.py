"""Suites: what they hold, and a lock that changes with whatever an agent is shown."""

from itertools import islice
from pathlib import Path

import msgspec
import pytest

from harness.digests import digest
from harness.families.registry import FAMILIES, family
from harness.suites import suite as suites
from tasks.base import InputError
from tasks.prompts import Prompts, installed

PROMPTS = installed()


@pytest.mark.parametrize("name", suites.names())
def test_every_suite_loads_with_its_settings_resolved(name: str) -> None:
    suite = suites.load(name)
    assert suite.about
    assert suite.size == len(list(suite.instances()))
    assert bool(suite.entry) != bool(suite.files)
    for entry in suite.entry:
        assert entry.settings == family(entry.family).resolve(entry.level, {**entry.settings})


def test_the_standard_ramp_grows_tasks() -> None:
    entries = suites.load("rcpsp").entry
    found = [(e.level, e.settings["layers"], e.settings["edges"], e.count) for e in entries]
    assert found == [
        (5, 3, 4, 40),
        (10, 4, 12, 40),
        (15, 4, 18, 40),
        (20, 5, 24, 40),
        (30, 6, 36, 40),
        (40, 8, 48, 40),
    ]
    assert {e.settings["axes"] for e in entries} == {"downtime,windows,disjunctions"}
    assert suites.load("rcpsp-hard").entry[:6] == entries


def test_the_papers_ramp_has_all_levels_and_cells() -> None:
    entries = suites.load("rcpsp-edges").entry
    full = [e.settings["edges"] for e in entries if e.settings["axes"].count(",") == 2]  # type: ignore[union-attr]
    assert full == [0, 8, 16, 24, 32, 40]
    assert len({e.settings["axes"] for e in entries if e.settings["edges"] == 24}) == 8


def test_a_prefix_of_a_suite_is_spread_over_its_entries() -> None:
    first = list(islice(suites.load("rcpsp").instances(), 12))
    assert [w.level for w in first] == [5, 10, 15, 20, 30, 40] * 2
    assert [w.index for w in first] == [0] * 6 + [1] * 6


def lock_of(suite: suites.Suite, prompts: Prompts) -> str:
    return suite.lock(suites.family_versions(suite.used, prompts))


def test_lock_changes_with_what_is_shown_and_not_with_names() -> None:
    suite = suites.load("quickstart")
    lock = lock_of(suite, PROMPTS)
    assert lock == lock_of(suites.load("quickstart"), installed())
    replace = msgspec.structs.replace
    changed = dict(PROMPTS.sources) | {"rcpsp/plain.j2": "Go."}
    assert lock_of(suites.load("tardiness"), Prompts(changed)) == lock_of(
        suites.load("tardiness"), PROMPTS
    )
    assert lock_of(suite, Prompts(changed)) != lock
    assert lock_of(replace(suite, seed=1), PROMPTS) != lock
    assert lock_of(replace(suite, entry=suite.entry[1:]), PROMPTS) != lock
    assert lock_of(replace(suite, name="other", about="x"), PROMPTS) == lock


def test_a_name_with_a_level_is_the_family() -> None:
    suite = suites.find("rcpsp", level=10, seed=None, settings={"axes": "downtime"})
    assert (suite.size, suite.entry[0].settings["axes"]) == (None, "downtime")
    assert suites.find("rcpsp", level=None, seed=3, settings={}).seed == 3


def test_settings_override_every_entry() -> None:
    suite = suites.find("rcpsp-hard", level=None, seed=None, settings={"setting": "datacentre"})
    assert {e.settings["setting"] for e in suite.entry} == {"datacentre"}
    with pytest.raises(InputError, match="no suite"):
        suites.find("nothing", level=None, seed=None, settings={})


FROZEN = {
    "standard-1": "6b5324f96698",
    "mini-1": "9f76414a5927",
    "standard-2": "aed44e9b1413",
    "mini-2": "1bce54b2a901",
}


def test_published_suites_are_frozen_and_the_newest_hold_every_family() -> None:
    locks = {name: lock_of(suites.load(name), PROMPTS) for name in FROZEN}
    assert locks == FROZEN
    assert suites.load("standard-1").families == ("rcpsp", "tardiness", "calendar", "tools")
    for kind, ranked in (("standard", True), ("mini", False)):
        newest = max(name for name in suites.names() if name.startswith(f"{kind}-"))
        assert set(suites.load(newest).families) == set(FAMILIES)
        alias = suites.find(kind, level=None, seed=None, settings={})
        assert alias.name == max(name for name in FROZEN if name.startswith(f"{kind}-"))
        assert alias.ranked == ranked


def test_a_frozen_suite_that_would_be_another_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = dict(PROMPTS.sources) | {"tools/plan.j2": "Go."}
    monkeypatch.setattr(suites, "installed", lambda: Prompts(changed))
    with pytest.raises(InputError, match="mini-1 is frozen with the lock 9f76414a5927"):
        suites.load("mini-1")
    with pytest.raises(InputError, match="mini-2 is frozen with the lock 1bce54b2a901"):
        suites.load("mini-2")
    assert suites.load("quickstart").families


def test_a_template_or_a_family_that_a_suite_does_not_use_is_no_part_of_its_lock() -> None:
    more = dict(PROMPTS.sources) | {"tools/new.j2": "?", "memory/new.j2": "?", "flow/plain.j2": "?"}
    for name in ("standard-1", "calendar", "quickstart"):
        suite = suites.load(name)
        assert lock_of(suite, Prompts(more)) == lock_of(suite, PROMPTS)


def test_a_headline_is_part_of_a_lock_only_where_it_is_named() -> None:
    suite = suites.load("rcpsp-makespan")
    replace = msgspec.structs.replace
    bare = replace(suite, headline=msgspec.UNSET)
    assert lock_of(bare, PROMPTS) == digest(
        [
            bare.seed,
            msgspec.to_builtins(bare.entry),
            bare.content,
            suites.family_versions(bare.used, PROMPTS),
        ]
    )
    locks = {lock_of(one, PROMPTS) for one in (suite, bare, replace(suite, headline="other"))}
    assert len(locks) == 3
    assert "headline" not in msgspec.to_builtins(suites.load("rcpsp"))  # nor of a folder's name
    changed = suites.find("rcpsp-makespan", level=None, seed=3, settings={"axes": "none"})
    assert changed.headline == "quality"


@pytest.mark.parametrize(
    ("family_name", "headline", "says"),
    [
        ("rcpsp", "beauty", "'beauty' is no headline of rcpsp: there are quality"),
        ("tools", "quality", "'quality' is no headline of tools: there are completion"),
        ("tardiness", "quality", "'quality' is no headline of tardiness: there are share_optimal"),
        ("calendar", "quality", "'quality' is no headline of calendar: there are none"),
    ],
)
def test_a_headline_is_a_measure_of_every_family(
    family_name: str, headline: str, says: str, tmp_path: Path
) -> None:
    """Also of a suite that includes another one."""
    entry = f'[[entry]]\nfamily = "{family_name}"\nlevel = 4\ncount = 1\n'
    (tmp_path / "a.toml").write_text(f'headline = "{headline}"\n{entry}')
    (tmp_path / "b.toml").write_text(f'headline = "quality"\n{entry}')
    (tmp_path / "c.toml").write_text('include = ["b"]\n')
    with pytest.raises(InputError, match=says):
        suites.load("a", tmp_path)
    if family_name == "rcpsp":
        with pytest.raises(InputError, match="whose headline is quality: give both the same"):
            suites.load("c", tmp_path)
