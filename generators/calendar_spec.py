"""Reads the organisations' specifications: roles, topics, partners and principles, in TOML."""

from collections import Counter
from collections.abc import Iterable
from functools import cache
from graphlib import CycleError, TopologicalSorter
from hashlib import sha256
from pathlib import Path

import msgspec

from tasks.base import InputError, Noun
from tasks.calendar_truth import Principle
from tasks.shipped import shipped

RELATIONS = ("manager", "report", "team", "elsewhere", "partner")
PURPOSES = ("decision", "deadline", "problem", "update", "learning")
PLACES = ("onsite", "remote", "travel")


class Rule(Noun, frozen=True):
    """A principle of a role: what it says, its trigger on an event's attributes, its weight."""

    text: str
    weight: float
    when: dict[str, str] = {}

    @property
    def principle(self) -> Principle:
        """As a user of the role has it."""
        return Principle(self.text, self.when, self.weight)


class Role(Noun, frozen=True):
    """A position that `count` people hold; one with principles can be a user's."""

    key: str
    title: str
    level: int
    count: int
    reports_to: str = ""
    responsibilities: str = ""
    principle: tuple[Rule, ...] = ()


class Partner(Noun, frozen=True):
    """A firm outside, and the people there."""

    firm: str
    title: str
    count: int


class Topic(Noun, frozen=True):
    """What meetings are about: a phrase for the topic, and its subjects."""

    key: str
    about: str
    subjects: tuple[str, ...]


class Purpose(Noun, frozen=True):
    """How a meeting with this purpose is titled and described."""

    titles: tuple[str, ...]
    sentences: tuple[str, ...]


class Lexicon(Noun, frozen=True):
    """Words that all organisations share."""

    first: tuple[str, ...]
    last: tuple[str, ...]
    types: tuple[str, ...]
    about: tuple[str, ...]
    urgent: tuple[str, ...]
    asides: tuple[str, ...]
    like: tuple[str, ...]
    dislike: tuple[str, ...]
    phrases: dict[str, str]
    purposes: dict[str, Purpose]
    life: dict[str, tuple[str, ...]]


class Spec(Noun, frozen=True):
    """An organisation before it has people."""

    name: str
    about: str
    rooms: tuple[str, ...]
    sites: tuple[str, ...]
    season: tuple[str, ...]
    role: tuple[Role, ...]
    partner: tuple[Partner, ...]
    topic: tuple[Topic, ...]

    @property
    def users(self) -> tuple[Role, ...]:
        """The roles that a user can have."""
        return tuple(role for role in self.role if role.principle)


def read_spec(text: str, where: str) -> Spec:
    """Read a specification; InputError `FILE: key: reason` on the first thing that is wrong."""
    try:
        spec = msgspec.toml.decode(text, type=Spec)
    except msgspec.DecodeError as error:
        raise InputError(f"{where}: {_key(error)}") from None
    _check_roles(spec, where)
    _check_enough(spec, where)
    for role in spec.role:
        for rule in role.principle:
            _check_rule(rule, spec, f"{where}: role.{role.key}.principle {rule.text!r}")
    return spec


def _key(error: msgspec.DecodeError) -> str:
    """msgspec's message with the key in front: `role[0].level: Expected ...`."""
    reason, at, key = str(error).partition(" - at `$.")
    return f"{key.rstrip('`')}: {reason}" if at else reason


def _check_enough(spec: Spec, where: str) -> None:
    """InputError if clashes could hardly be made from it: too few people, topics, words, rules."""
    counts = [
        ("role: people in all", sum(role.count for role in spec.role), 40),
        ("partner: people in all", sum(partner.count for partner in spec.partner), 2),
        ("topic", len(spec.topic), 4),
        *((f"topic.{t.key}.subjects", len(t.subjects), 4) for t in spec.topic),
        *((f"role.{r.key}.principle", len(r.principle), 5) for r in spec.users),
        *((name, len(getattr(spec, name)), 1) for name in ("rooms", "sites", "season")),
    ]
    for key, count, least in counts:
        if count < least:
            raise InputError(f"{where}: {key}: {count}, but at least {least} are needed")


def _check_roles(spec: Spec, where: str) -> None:
    for what, keys in (
        ("role", [r.key for r in spec.role]),
        ("topic", [t.key for t in spec.topic]),
    ):
        _once(keys, f"{where}: {what}")
    if not spec.users:
        raise InputError(f"{where}: role: none has a principle, so there is nobody to be the user")
    known = {role.key for role in spec.role}
    for role in spec.role:
        at = f"{where}: role.{role.key}"
        if role.reports_to and role.reports_to not in known:
            raise InputError(f"{at}.reports_to: unknown role {role.reports_to!r}")
        if role.count < 1 or role.level < 1:
            raise InputError(f"{at}: count and level must be at least 1")
        if role.principle and not (role.reports_to and role.responsibilities):
            raise InputError(f"{at}: a user's role needs reports_to and responsibilities")
    graph = {r.key: [r.reports_to] if r.reports_to else [] for r in spec.role}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        cycle = " -> ".join(error.args[1])
        raise InputError(f"{where}: role.reports_to: reporting goes in a circle: {cycle}") from None


def _once(keys: Iterable[str], at: str) -> None:
    for key, count in Counter(keys).items():
        if count > 1:
            raise InputError(f"{at}: {key!r} is there more than once")


def _check_rule(rule: Rule, spec: Spec, at: str) -> None:
    """A rule has a trigger, on attributes and values that there are."""
    if not rule.when:
        raise InputError(f"{at}: has no trigger: say `when`")
    for attribute, value in rule.when.items():
        values = attributes(spec).get(attribute)
        if values is None:
            raise InputError(f"{at}: when: unknown attribute {attribute!r}")
        if value not in values:
            raise InputError(f"{at}: when.{attribute}: {value!r} is not one of {', '.join(values)}")


def attributes(spec: Spec) -> dict[str, tuple[str, ...]]:
    """The attributes of an event that a trigger can name, with their values."""
    topics = tuple(topic.key for topic in spec.topic)
    return {"topic": topics, "purpose": PURPOSES, "relation": RELATIONS, "place": PLACES}


@cache
def specs() -> tuple[Spec, ...]:
    """The organisations that come with the project, by file name."""
    folder = shipped("organisations")
    names = sorted(f.name for f in folder.iterdir() if f.name.endswith(".toml"))
    return tuple(
        read_spec((folder / name).read_text(encoding="utf-8"), name)
        for name in names
        if name != "lexicon.toml"
    )


@cache
def lexicon() -> Lexicon:
    """The words that all organisations share."""
    text = (shipped("organisations") / "lexicon.toml").read_text(encoding="utf-8")
    return msgspec.toml.decode(text, type=Lexicon)


def own_spec(name: str) -> tuple[str, Spec]:
    """A specification in a file of the user's, and its name with a digest: `FILE.toml#DIGEST`.

    InputError if it cannot be read, is wrong, or is not what a digest in `name` says.
    """
    path, _, digest = name.partition("#")
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise InputError(f"organisation: {path}: {reason}") from None
    found = sha256(text.encode()).hexdigest()[:12]
    if digest not in ("", found):
        raise InputError(f"organisation: {path} is not what it was: its digest is {found}")
    return f"{path}#{found}", read_spec(text, path)


def places(count: int, own: str = "") -> list[tuple[Spec, Role]]:
    """The organisation and role of users 0, 1, ...: organisations in turn, then their roles.

    With `own` (see `own_spec`) there is that organisation only.
    """
    known = (own_spec(own)[1],) if own else specs()
    rows = [
        (spec, spec.users[k])
        for k in range(max(len(spec.users) for spec in known))
        for spec in known
        if k < len(spec.users)
    ]
    return [rows[k % len(rows)] for k in range(count)]
