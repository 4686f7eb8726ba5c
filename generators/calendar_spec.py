"""Reads the organisations' specifications: roles, topics, partners and principles, in TOML."""

from functools import cache
from graphlib import CycleError, TopologicalSorter
from hashlib import sha256
from pathlib import Path

import msgspec

from tasks.base import InputError, Noun
from tasks.calendar_truth import Principle
from tasks.checks import first_repeated
from tasks.encoding import decoded
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
        """Return the rule as a user of the role has it."""
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
    """A topic of meetings: a phrase for it, and its subjects."""

    key: str
    about: str
    subjects: tuple[str, ...]


class Purpose(Noun, frozen=True):
    """Titles and sentences of meetings with a purpose."""

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
        """Return the roles that a user can have."""
        return tuple(role for role in self.role if role.principle)


def read_spec(text: str, where: str) -> Spec:
    """Read a specification.

    Args:
        text: in TOML.
        where: the name of its file, the beginning of messages.

    Raises:
        InputError: `FILE: key: reason` for the first thing that is wrong.
    """
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
    """Return msgspec's message with the key in front: `role[0].level: Expected ...`."""
    reason, at, key = str(error).partition(" - at `$.")
    return f"{key.rstrip('`')}: {reason}" if at else reason


def _check_enough(spec: Spec, where: str) -> None:
    """Refuse a specification with too few people, topics, words or rules to make clashes of."""
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
    for field, keys in (
        ("role", [role.key for role in spec.role]),
        ("topic", [topic.key for topic in spec.topic]),
    ):
        repeated = first_repeated(keys)
        if repeated is not None:
            raise InputError(f"{where}: {field}: {repeated!r} is there more than once")
    if not spec.users:
        raise InputError(f"{where}: role: none has a principle, so there is nobody to be the user")
    for role in spec.role:
        _check_role(role, spec, f"{where}: role.{role.key}")
    _check_reporting(spec, where)


def _check_role(role: Role, spec: Spec, place: str) -> None:
    if role.reports_to and role.reports_to not in {each.key for each in spec.role}:
        raise InputError(f"{place}.reports_to: unknown role {role.reports_to!r}")
    if role.count < 1 or role.level < 1:
        raise InputError(f"{place}: count and level must be at least 1")
    if role.principle and not (role.reports_to and role.responsibilities):
        raise InputError(f"{place}: a user's role needs reports_to and responsibilities")


def _check_reporting(spec: Spec, where: str) -> None:
    graph = {r.key: [r.reports_to] if r.reports_to else [] for r in spec.role}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        cycle = " -> ".join(error.args[1])
        raise InputError(f"{where}: role.reports_to: reporting goes in a circle: {cycle}") from None


def _check_rule(rule: Rule, spec: Spec, place: str) -> None:
    """Refuse a rule without a trigger, or with one on an attribute or value that is not there."""
    if not rule.when:
        raise InputError(f"{place}: has no trigger: say `when`")
    for attribute, value in rule.when.items():
        values = attributes(spec).get(attribute)
        if values is None:
            raise InputError(f"{place}: when: unknown attribute {attribute!r}")
        if value not in values:
            choices = ", ".join(values)
            raise InputError(f"{place}: when.{attribute}: {value!r} is not one of {choices}")


def attributes(spec: Spec) -> dict[str, tuple[str, ...]]:
    """Return the attributes of an event that a trigger can name, with their values."""
    topics = tuple(topic.key for topic in spec.topic)
    return {"topic": topics, "purpose": PURPOSES, "relation": RELATIONS, "place": PLACES}


@cache
def specs() -> tuple[Spec, ...]:
    """Return the organisations that come with the project, in the order of their files."""
    folder = shipped("organisations")
    names = sorted(f.name for f in folder.iterdir() if f.name.endswith(".toml"))
    return tuple(
        read_spec((folder / name).read_text(encoding="utf-8"), name)
        for name in names
        if name != "lexicon.toml"
    )


@cache
def lexicon() -> Lexicon:
    """Return the words that all organisations share."""
    text = (shipped("organisations") / "lexicon.toml").read_text(encoding="utf-8")
    return msgspec.toml.decode(text, type=Lexicon)


def user_spec(name: str) -> tuple[str, Spec]:
    """Read a specification in a file of the user's.

    Args:
        name: a path, with `#DIGEST` behind it if the file has to have that digest.

    Returns:
        The path with its digest, `FILE.toml#DIGEST`, and the specification.

    Raises:
        InputError: the file cannot be read, is wrong, or has another digest.
    """
    path, _, digest = name.partition("#")
    try:
        text = decoded(Path(path).read_bytes(), "strict")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise InputError(f"organisation: {path}: {reason}") from None
    actual = sha256(text.encode()).hexdigest()[:12]
    if digest not in ("", actual):
        raise InputError(f"organisation: {path} is not what it was: its digest is {actual}")
    return f"{path}#{actual}", read_spec(text, path)


def places(count: int, path: str = "") -> list[tuple[Spec, Role]]:
    """Return organisation and role of the first users: organisations in turn, then their roles.

    Args:
        count: how many users.
        path: of the one organisation there is (see `user_spec`); those shipped without it.
    """
    organisations = (user_spec(path)[1],) if path else specs()
    rows = [
        (spec, spec.users[k])
        for k in range(max(len(spec.users) for spec in organisations))
        for spec in organisations
        if k < len(spec.users)
    ]
    return [rows[k % len(rows)] for k in range(count)]
