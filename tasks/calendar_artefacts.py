"""What a round leaves behind in writing: mails, chat, tickets and minutes of the people's own.

With `evidence=artefacts` nobody tells an agent what the user accepted: it reads what was written
before and after the meetings, and rumours among it. After OrgForge (arXiv 2603.14997).
"""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Literal

from tasks.base import Fields, Noun

TEMPLATE = "calendar/artefacts.j2"  # used only by years whose evidence is artefacts
Kind = Literal["mail", "chat", "ticket", "minutes"]
Fact = Literal["accepted", "declined", "present", "missed", "rumour"]
OF_THE_DECISION = ("accepted", "present")
OF_ANOTHER = ("declined", "missed")
_WHEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d[+-]\d\d:\d\d")


class Artefact(Noun, frozen=True, omit_defaults=True):
    """Something that one of the people wrote.

    Attributes:
        when: by the writer's own clock, an ISO time to the minute with its offset from UTC.
        kind: where it stands.
        author: the id of a person.
        text: one line.
        event: the event of the round that it is about; hidden.
        fact: what it says of the user and that event; hidden. Of a rumour nothing is known.
        to: of a mail, the id of the person it was sent to.
    """

    when: str
    kind: Kind
    author: str
    text: str
    event: str
    fact: Fact
    to: str = ""

    def __post_init__(self) -> None:
        if not _WHEN.fullmatch(self.when):
            raise ValueError(f"artefact of {self.when!r}: that is not YYYY-MM-DDTHH:MM+HH:MM")
        if not self.text or "\n" in self.text:
            raise ValueError(f"artefact of {self.when}: {self.text!r} is not one line")
        if (self.kind == "mail") != bool(self.to):
            raise ValueError(f"artefact of {self.when}: a mail, and nothing else, is to somebody")

    @property
    def moment(self) -> datetime:
        """Return when it was written, a moment that compares with those of other clocks."""
        return datetime.fromisoformat(self.when)


Evidence = tuple[tuple[Artefact, ...], ...]  # of each round, oldest first


def visible(evidence: Evidence, names: Mapping[str, str]) -> list[Fields]:
    """Return what a template may show of artefacts: nothing of the hidden.

    Args:
        evidence: of some rounds.
        names: of people by their ids.
    """
    return [
        {
            "day": each.when[:10],
            "clock": each.when[11:16],
            "offset": each.when[16:],
            "kind": each.kind,
            "author": names[each.author],
            "to": names.get(each.to, ""),
            "text": each.text,
        }
        for artefacts in evidence
        for each in artefacts
    ]


def check_evidence(
    evidence: Evidence,
    offers: Sequence[Collection[str]],
    decisions: Sequence[str],
    people: Collection[str],
) -> None:
    """Refuse artefacts that nobody could have written, or that say what did not happen.

    Args:
        evidence: of a year, not empty.
        offers: the ids of each round's events.
        decisions: the event of each round that the user accepted.
        people: the ids of everybody.

    Raises:
        ValueError: the message names the round.
    """
    if len(evidence) != len(offers):
        raise ValueError(f"evidence: of {len(evidence)} rounds, not of {len(offers)}")
    for k, (artefacts, ids, decision) in enumerate(
        zip(evidence, offers, decisions, strict=True), 1
    ):
        place = f"evidence of round {k}"
        if any(a.moment > b.moment for a, b in pairwise(artefacts)):
            raise ValueError(f"{place}: is not in the order of time")
        for each in artefacts:
            _check_artefact(place, each, ids, decision, people)


def _check_artefact(
    place: str,
    artefact: Artefact,
    ids: Collection[str],
    decision: str,
    people: Collection[str],
) -> None:
    strangers = {artefact.author, artefact.to or artefact.author}.difference(people)
    if strangers:
        raise ValueError(f"{place}: unknown person {min(strangers)!r}")
    if artefact.event not in ids:
        raise ValueError(f"{place}: {artefact.event!r} is not one of its events")
    lies = OF_ANOTHER if artefact.event == decision else OF_THE_DECISION
    if artefact.fact in lies:
        raise ValueError(f"{place}: the user accepted {decision}: {artefact.text!r} is not so")
