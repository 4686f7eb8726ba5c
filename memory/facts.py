"""Single facts that the model proposes to add, update or delete, and the engine checks.

"The model proposes, the engine decides": what breaks a rule is refused and counted, the rest of
the reply still applies. A fact that is deleted, or whose `until` has come, is no longer shown.
"""

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any

from msgspec import Meta

from memory.notebook import Notebook
from memory.store import MemoryEntry
from memory.text import line
from tasks.base import Ask, Fields, Noun, Program
from tasks.parse import parse_object

MOST = 40  # facts valid at a time
SHOWN = 20  # of them in a prompt: those that share most with the question
LENGTH = 300  # characters of a fact
OPERATIONS = 8  # in one reply
KIND = "fact"
_OPERATION = {
    "type": "object",
    "properties": {
        "op": {"type": "string", "enum": ["add", "update", "delete", "nothing"]},
        "id": {"type": ["integer", "null"]},
        "text": {"type": ["string", "null"], "maxLength": LENGTH},
        "until": {"type": ["string", "null"]},
        "reason": {"type": ["string", "null"]},
    },
    "required": ["op", "id", "text", "until", "reason"],
    "additionalProperties": False,
}
SCHEMA = {
    "type": "object",
    "properties": {"operations": {"type": "array", "items": _OPERATION}},
    "required": ["operations"],
    "additionalProperties": False,
}


class FactsSettings(Noun, frozen=True):
    """What of the facts can be set: how many `facts` may be valid at a time."""

    facts: Annotated[int, Meta(ge=1, le=400)] = MOST


class Refused(ValueError):
    """A proposed operation breaks a rule, which the message names."""


class Facts(Notebook):
    """Shows the last rounds and the facts that bear on the question."""

    settings_kind = FactsSettings

    def notes(self, ask: Ask) -> list[str]:
        """The valid facts; if they are many, the best by BM25, then the newest, in order of id."""
        facts = self._valid()
        if len(facts) > SHOWN:
            query = ask.messages[-1].content if ask.messages else ""
            best = self.store.search(query, date=self.date, kind=KIND, limit=SHOWN)
            chosen = dict.fromkeys((*best, *reversed(facts)))
            facts = tuple(sorted(list(chosen)[:SHOWN], key=lambda fact: fact.id))
        return [fact.text for fact in facts]

    def idle(self, path: str) -> Program[None]:
        """Ask for operations if there are new rounds, and do what is allowed."""
        if not self.new:
            return
        reply = yield from self.propose(
            path,
            "facts",
            schema=SCHEMA,
            facts=self._valid(),
            date=self.date,
            most=self.settings.facts,
            length=LENGTH,
            operations=OPERATIONS,
        )
        wanted = (parse_object(reply, "operations").value or {}).get("operations")
        if isinstance(wanted, list):
            self._perform(wanted)
        else:
            self.counts["unreadable"] += 1
        self.new.clear()

    def _valid(self) -> tuple[MemoryEntry, ...]:
        return self.store.entries(KIND, self.date)

    def _perform(self, wanted: list[Any]) -> None:
        if surplus := wanted[OPERATIONS:]:
            self.counts["refused: too many operations"] += len(surplus)
        for operation in wanted[:OPERATIONS]:
            try:
                self.counts[self._apply(operation)] += 1
            except Refused as refusal:
                self.counts[f"refused: {refusal}"] += 1

    def _apply(self, wanted: object) -> str:
        """Do one operation and say what was done."""
        if not isinstance(wanted, dict):
            raise Refused("not an object")
        match wanted.get("op"):
            case "add":
                return self._add(wanted)
            case "update":
                return self._update(wanted)
            case "delete":
                fact = self._known(wanted)
                self.store.delete(fact.id, date=self.date, reason=_reason(wanted))
                return "deleted"
            case "nothing":
                return "nothing"
        raise Refused("unknown operation")

    def _add(self, wanted: Fields) -> str:
        text, until = self._text(wanted), self._until(wanted)
        if _said(text, self._valid()):
            raise Refused("duplicate")
        if len(self._valid()) >= self.settings.facts:
            raise Refused("too many facts")
        self.store.add(
            KIND,
            text,
            rounds=self.numbers(),
            date=self.date,
            until=until,
            reason=_reason(wanted),
        )
        return "added"

    def _update(self, wanted: Fields) -> str:
        fact = self._known(wanted)
        text = self._text(wanted)
        until = self._until(wanted) or fact.until
        if _said(text, [other for other in self._valid() if other.id != fact.id]):
            raise Refused("duplicate")
        if (text, until) == (fact.text, fact.until):
            raise Refused("no change")
        self.store.update(
            fact.id,
            date=self.date,
            reason=_reason(wanted),
            text=text,
            until=until,
            rounds=self.numbers(*fact.rounds),
        )
        return "updated"

    def _known(self, wanted: Fields) -> MemoryEntry:
        number = wanted.get("id")
        for fact in self._valid():
            if type(number) is int and fact.id == number:
                return fact
        raise Refused("unknown id")

    def _text(self, wanted: Fields) -> str:
        text = wanted.get("text")
        if not isinstance(text, str) or not line(text):
            raise Refused("no text")
        if len(line(text)) > LENGTH:
            raise Refused("too long")
        return line(text)

    def _until(self, wanted: Fields) -> str | None:
        """The day from which it no longer holds: ISO, after today."""
        given = wanted.get("until")
        if given is None:
            return None
        try:
            until = date.fromisoformat(given).isoformat()
        except (TypeError, ValueError):
            raise Refused("bad date") from None
        if until <= self.date:
            raise Refused("bad date")
        return until


def _said(text: str, facts: Iterable[MemoryEntry]) -> bool:
    """Whether one of the facts already says it, in whatever case."""
    return text.casefold() in {fact.text.casefold() for fact in facts}


def _reason(wanted: Fields) -> str:
    given = wanted.get("reason")
    return line(given)[:LENGTH] if isinstance(given, str) else ""
