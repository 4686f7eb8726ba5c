"""Episodes that several run folders hold: equal ones count once, others are refused.

A policy computes: its episodes are equal if grade and parsed answers are, whenever and wherever it
ran. A model is sampled: its episodes are equal only if they are of the same replies, in a copy of a
folder or from a cache. Replies that were sampled twice differ at least in the microseconds they
took.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from harness.store.folder import Folder
from harness.store.journal import Evidence, key_of, read_evidence
from harness.store.manifest import differences
from harness.store.rows import Answered
from tasks.base import Fields, InputError, Outcome, Record, short

_PAID = ("cost", "from_cache")  # a reply from a cache is the reply that is in it


class SharedEpisode(NamedTuple):
    """The records of one episode in two folders."""

    first: Record
    second: Record

    @property
    def key(self) -> str:
        """Return its name in both journals."""
        return key_of(self.first.model, self.first.epoch, self.first.instance)


def require_equal(first: Folder, second: Folder, episodes: Sequence[SharedEpisode]) -> None:
    """Raise InputError that names the first difference of episodes that two folders hold."""
    keys = [episode.key for episode in episodes]
    evidence = (read_evidence(folder.path, keys) for folder in (first, second))
    for episode, in_first, in_second in zip(episodes, *evidence, strict=True):
        contents = _content(episode.first, in_first), _content(episode.second, in_second)
        for where, value, other in differences(contents[0], contents[1], ""):
            r = episode.first
            raise InputError(
                f"{first.path} and {second.path} do not have the same episode of {r.model} on"
                f" {r.instance}, epoch {r.epoch}: its {where} is {short(value)!r} and"
                f" {short(other)!r}; {_way_out(r.model)}"
            )


def _way_out(model: str) -> str:
    if model.startswith("policy/"):
        return "board them apart, regrade the older, or leave it out by `models`"
    return (
        "a model that was asked twice has two samples: board them apart, leave it out by `models`,"
        " or ask it more `epochs` in one folder"
    )


def _content(record: Record, evidence: Evidence) -> Fields:
    """Return what must be equal, the most telling first."""
    outcome = msgspec.json.decode(evidence.outcome, type=Outcome) if evidence.outcome else None
    problem = record.problem
    content: Fields = {
        "grade": msgspec.to_builtins(record.grade),
        "problem": [problem.kind, problem.boundary, problem.message] if problem else None,
        "outcome": msgspec.to_builtins(outcome),
    }
    if record.model.startswith("policy/"):
        return content
    replies = {path: _reply(answered) for path, answered in evidence.calls.items()}
    seconds = {path: reply.pop("seconds", None) for path, reply in replies.items()}
    return content | {"replies": replies, "seconds": seconds}


def _reply(answered: Answered) -> Fields:
    """Return a reply and the digest of what it answers, without what it cost."""
    reply: Fields = msgspec.to_builtins(answered.reply) if answered.reply else {}
    unpaid = {name: value for name, value in reply.items() if name not in _PAID}
    return unpaid | {"request": answered.request if reply else None}
