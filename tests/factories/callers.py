"""A scripted model that knows which calls a request needs and is careless about them."""

import json
from random import Random

import msgspec

from generators.tools import generate
from harness.families.tools import possible_calls, ready_calls, returned_codes
from tasks.base import Ask, Called, Instance, Reply, ToolCall, ToolResult, Usage
from tasks.tools import View
from tasks.tools_payload import Due, Errand, Hidden

TRIED = "have been tried before"  # in what a tree search tells
NEEDLESS, FORGETFUL = 0.15, 0.04  # chances of a call too many, and of an answer too early
WRITTEN = 40  # tokens of a reply
THOUGHTS = 9  # of another turn than those that were tried


class Careless:
    """Calls some of what is ready, at times something needless; answers too early now and then.

    It takes no turn that it is told it has tried, if it comes to think of another one. What it says
    hangs on its salt, on the path of the ask and on what it is asked.
    """

    def __init__(self, instance: Instance[Errand], salt: str) -> None:
        self._instance, self._salt = instance, salt
        self._due = tuple(Hidden(instance.payload).steps())

    def __call__(self, ask: Ask) -> Reply:
        """Return the reply to an ask; a token is four characters."""
        view = View(self._instance, self._due, "turn", calls=calls_in(ask))
        usage = Usage(sum(len(message.content) for message in ask.messages) // 4, WRITTEN)
        rng, notice = Random(f"{self._salt}/{ask.path}"), ask.messages[-1].content
        calls = self._calls(view, rng)
        for _ in range(THOUGHTS):
            if not is_told(calls, notice):
                break
            calls = self._calls(view, rng)
        if calls:
            return Reply("", calls, "tool_calls", usage=usage)
        return Reply(json.dumps({"answer": self._values(view)}), usage=usage)

    def _calls(self, view: View, rng: Random) -> tuple[ToolCall, ...]:
        ready = ready_calls(view)
        if not ready or rng.random() < FORGETFUL:
            return ()
        count = min(rng.choice([1, 1, 2, len(ready)]), len(ready))
        calls = [called(need.due) for need in rng.sample(ready, count)]
        if rng.random() < NEEDLESS:
            calls += rng.sample([*possible_calls(view)][:20], 1)
        return tuple(calls)

    def _values(self, view: View) -> dict[str, str]:
        codes = returned_codes(view)
        names = {w.key: self._due[w.step].value.name for w in self._instance.payload.wanted}
        return {key: name for key, name in names.items() if key and name in codes}


class Diligent(Careless):
    """Calls all that is ready, and nothing else.

    Attributes:
        replies: those that it gave.
    """

    def __init__(self, instance: Instance[Errand]) -> None:
        super().__init__(instance, "")
        self.replies: list[Reply] = []

    def __call__(self, ask: Ask) -> Reply:
        """Return the reply to an ask, and keep it."""
        self.replies.append(super().__call__(ask))
        return self.replies[-1]

    def _calls(self, view: View, rng: Random) -> tuple[ToolCall, ...]:  # noqa: ARG002
        return tuple(called(need.due) for need in ready_calls(view))


def called(due: Due) -> ToolCall:
    """A call that is needed."""
    return ToolCall("", due.offer.name, msgspec.json.encode(due.arguments).decode())


def is_told(calls: tuple[ToolCall, ...], notice: str) -> bool:
    """Whether a notice of what was tried tells of the same calls."""
    wanted = sorted(f"{call.name}({call.arguments})" for call in calls)
    lines = notice.splitlines() if TRIED in notice else []
    turns = [line.partition(". ")[2].split("; ") for line in lines if line[:1].isdigit()]
    return wanted in [sorted(each.partition(" returned ")[0] for each in turn) for turn in turns]


def calls_in(ask: Ask) -> tuple[Called, ...]:
    """Return the calls of a conversation, as their results tell of them."""
    calls = {call.id: call for message in ask.messages for call in message.calls}
    return tuple(
        Called(1, calls[message.call_id or ""], _result(message.content))
        for message in ask.messages
        if message.role == "tool"
    )


def _result(text: str) -> ToolResult:
    return ToolResult(text, "ok" if text.startswith("{") else "failed", 0, 0)


def requests(level: int, count: int) -> list[Instance[Errand]]:
    """The first instances of a level, seed 0."""
    return [generate(level, 0, index, {}) for index in range(count)]
