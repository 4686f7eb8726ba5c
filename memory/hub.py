"""A short list of strategies that the model keeps by a tool: PEARL's strategy hub.

After PEARL (arXiv 2601.11957): StrategyHub(action: list|update, strategies: [str]), at most 10
entries of 350 characters, empty at first, no retrieval. Here the list always stands in the
prompt, and the tool is offered after each round.
"""

from typing import Annotated

from msgspec import Meta

from memory.notebook import Notebook
from memory.text import line
from tasks.base import Ask, Fields, Noun, Program, Reply, Tool
from tasks.parse import parse_object

MOST = 10  # strategies
LENGTH = 350  # characters of each
KIND = "strategy"


def _tool(most: int) -> Tool:
    return Tool(
        "StrategyHub",
        "Your strategies: list them, or replace the whole list.",
        {
            "type": "object",
            "properties": {
                "action": {"type": "string", "enum": ["list", "update"]},
                "strategies": {
                    "type": "array",
                    "items": {"type": "string", "maxLength": LENGTH},
                    "maxItems": most,
                },
            },
            "required": ["action"],
        },
    )


TOOL = _tool(MOST)


class HubSettings(Noun, frozen=True):
    """What of a hub can be set: the most `strategies` that it holds."""

    strategies: Annotated[int, Meta(ge=1, le=100)] = MOST


class StrategyHub(Notebook):
    """Shows the last rounds and the strategies; an invalid update changes nothing."""

    settings_kind = HubSettings

    @property
    def _most(self) -> int:
        most: int = self.settings.strategies
        return most

    @property
    def _tool(self) -> Tool:
        return _tool(self._most)

    def notes(self, ask: Ask) -> list[str]:  # noqa: ARG002
        """Return the strategies, oldest first."""
        return [entry.text for entry in self.store.entries(KIND, self.date)]

    def idle(self, path: str) -> Program[None]:
        """Offer the tool if there are new rounds."""
        if not self.new:
            return
        now = [entry.text for entry in self.store.entries(KIND, self.date)]
        reply = yield from self.propose(
            path,
            "strategy-hub",
            tools=(self._tool,),
            strategies=now,
            most=self._most,
            length=LENGTH,
        )
        self._obey(read_call(reply))
        self.new.clear()

    def _obey(self, call: Fields | None) -> None:
        action = call.get("action") if call else None
        strategies = read_strategies(call.get("strategies"), self._most) if call else None
        if action == "update" and strategies is not None:
            self._replace(strategies)
            self.counts["updated"] += 1
        elif action == "list":
            self.counts["kept"] += 1
        else:
            self.counts["unreadable" if call is None else "invalid"] += 1

    def _replace(self, strategies: list[str]) -> None:
        """Replace the list; a strategy that stays keeps its entry and the rounds it comes from."""
        before = self.store.entries(KIND, self.date)
        for entry in before:
            if entry.text not in strategies:
                self.store.delete(entry.id, date=self.date, reason="not in the update")
        texts = {entry.text for entry in before}
        for text in strategies:
            if text not in texts:
                self.store.add(KIND, text, rounds=self.numbers(), date=self.date, reason="update")


def read_call(reply: Reply) -> Fields | None:
    """Return the arguments of the last StrategyHub call, a tool call or one written as JSON.

    Returns:
        None if there is no such call, or its arguments are no object.
    """
    calls = [call.arguments for call in reply.calls if call.name == TOOL.name]
    source = Reply(calls[-1]) if calls else reply
    arguments = parse_object(source, "action").value
    if arguments is None:  # some models write the whole call as text
        arguments = (parse_object(source, "arguments").value or {}).get("arguments")
    return arguments if isinstance(arguments, dict) else None


def read_strategies(value: object, most: int = MOST) -> list[str] | None:
    """Return each strategy once, on one line; None if it is no list of texts within the bounds."""
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        return None
    texts = list(dict.fromkeys(map(line, value)))
    if len(texts) > most or not all(0 < len(text) <= LENGTH for text in texts):
        return None
    return texts
