"""Specifications of organisations: those that are there are whole, broken ones are refused."""

from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

from generators.calendar import generate, resolve
from generators.calendar_spec import attributes, lexicon, places, read_spec, specs
from tasks.base import InputError

LAB = (files("tasks") / "organisations" / "research-lab.toml").read_text(encoding="utf-8")


def test_what_there_is() -> None:
    """At least 6 roles in at least 3 organisations."""
    assert len(specs()) == 4
    assert sum(len(spec.users) for spec in specs()) == 12
    for spec in specs():
        assert len(spec.users) == 3
        assert 45 <= sum(role.count for role in spec.role) <= 70
        for role in spec.users:
            assert len(role.principle) == 10
            assert role.level <= 3
            assert len({tuple(sorted(rule.when.items())) for rule in role.principle}) == 10
        for topic in spec.topic:
            assert len(set(topic.subjects)) == len(topic.subjects) >= 6


def test_every_word_that_is_needed_is_there() -> None:
    words = lexicon()
    for spec in specs():
        values = {v for name, some in attributes(spec).items() if name != "topic" for v in some}
        assert values <= set(words.phrases)
        assert set(attributes(spec)["purpose"]) == set(words.purposes)
    assert set(words.life) == {"manager", "leave"}


def test_roles_differ_in_what_shows() -> None:
    """Over roles, what shows of an event on its surface speaks about as much for as against it."""
    total: Counter[str] = Counter()
    for _, role in places(12):
        for rule in role.principle:
            if set(rule.when) == {"relation"} or set(rule.when) == {"place"}:
                total[next(iter(rule.when.values()))] += round(10 * rule.weight)
    assert all(abs(weight) <= 20 for weight in total.values()), total


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('reports_to = "head"', 'reports_to = "chef"', "leader.reports_to: unknown role 'chef'"),
        (
            "level = 5\ncount = 1",
            'level = 5\ncount = 1\nreports_to = "postdoc"',
            "role.reports_to: reporting goes in a circle: ",
        ),
        ('when = { topic = "funding" }\n', "", "role.leader.principle .*: has no trigger"),
        ('when = { topic = "funding" }', "when = { }", "has no trigger"),
        ('topic = "funding" }', 'topic = "money" }', "when.topic: 'money' is not one of funding, "),
        ('relation = "report"', 'relation = "boss"', "when.relation: 'boss' is not one of manager"),
        ('place = "travel"', 'weather = "rain"', "when: unknown attribute 'weather'"),
        ("weight = 3.2", 'weight = "much"', r"role\[3\].principle\[0\].weight: Expected `float`"),
        ('key = "deputy"', 'key = "director"', "role: 'director' is there more than once"),
        ('key = "papers"\nabout', 'key = "funding"\nabout', "topic: 'funding' is there more than"),
        ("count = 3", "count = 0", "role.deputy: count and level must be at least 1"),
        ('reports_to = "head"\nresp', "resp", "role.leader: a user's role needs reports_to"),
        ('about = "It is', 'abut = "It is', "missing required field `about`|unknown field `abut`"),
        ("[[role]]", "[[role]", "research-lab.toml: "),
    ],
)
def test_broken_specifications_name_file_key_and_reason(old: str, new: str, message: str) -> None:
    assert old in LAB
    with pytest.raises(InputError, match=f"^research-lab.toml: .*({message})|{message}") as caught:
        read_spec(LAB.replace(old, new, 1), "research-lab.toml")
    assert str(caught.value).startswith("research-lab.toml: ")
    assert "\n" not in str(caught.value)


def test_an_organisation_without_principles_has_no_user() -> None:
    bare = "\n".join(
        f'{k} = "x"' if k in ("name", "about") else f'{k} = ["x"]'
        for k in ("name", "about", "rooms", "sites", "season")
    )
    rest = (
        '[[role]]\nkey = "a"\ntitle = "A"\nlevel = 1\ncount = 2\n'
        '[[partner]]\nfirm = "F"\ntitle = "T"\ncount = 1\n'
        '[[topic]]\nkey = "t"\nabout = "t"\nsubjects = ["s"]\n'
    )
    with pytest.raises(InputError, match=r"x\.toml: role: none has a principle"):
        read_spec(f"{bare}\n{rest}", "x.toml")


def test_an_organisation_of_ones_own(tmp_path: Path) -> None:
    text = (files("tasks") / "organisations" / "law-firm.toml").read_text("utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(text.replace('name = "', 'name = "Our own '))
    settings = resolve(3, {"rounds": 6, "organisation": str(path)})
    name, digest = str(settings["organisation"]).split("#")
    assert (name, len(digest)) == (str(path), 12)
    assert resolve(3, settings) == settings
    instance = generate(3, 0, 5, settings)
    assert instance.payload.organisation.name.startswith("Our own ")
    assert instance.id != generate(3, 0, 5, {"rounds": 6}).id
    path.write_text(text)
    with pytest.raises(InputError, match=r"mine\.toml is not what it was"):
        generate(3, 0, 5, settings)
    with pytest.raises(InputError, match=r"organisation: .*none\.toml: No such file"):
        resolve(3, {"organisation": str(tmp_path / "none.toml")})
    assert "organisation" not in resolve(3, {})


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('rooms = ["', 'rooms = []\nhalls = ["', "unknown field"),
        ("count = ", "count = 1 # ", "role: people in all: "),
    ],
)
def test_too_little_to_make_clashes_from(old: str, new: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_spec(LAB.replace(old, new), "lab.toml")
