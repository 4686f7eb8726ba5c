"""The rounds as one growing talk, as agents that chat have them."""

from itertools import takewhile

from msgspec.structs import replace

from memory.notebook import Notebook
from memory.text import plain, tokens
from tasks.base import Ask, Message, Program, Tell, said


class Conversation(Notebook):
    """Shows all rounds as one talk, in which each question begins with the one before it.

    What was asked, replied and fed back stays as it was, so that a provider's cache of prefixes
    serves all but the last turn. Feedback stands in front of the next question, in its turn; so
    does what the world newly says of itself, and what it tells before the first question.
    """

    _talk: tuple[Message, ...] = ()
    _feedback: str = ""
    _question: tuple[Message, ...] = ()

    def recall(self, ask: Ask) -> Program[Ask]:
        """Return the question at the end of the talk so far."""
        yield from ()
        scene = tuple(takewhile(lambda message: message.role == "system", ask.messages))
        if not self._talk:
            self._scene, self._question = scene, ask.messages
            if not self._feedback:
                return ask
        news = [message.content for message in scene if message not in self._scene]
        self._scene = (*self._scene, *(m for m in scene if m not in self._scene))
        first, *others = ask.messages[len(scene) :]
        before = [text for text in (self._feedback, *news) if text]
        turn = replace(first, content="\n\n".join([*before, first.content]))
        self._question = (*(self._talk or scene), turn, *others)
        self._read += sum(tokens(message.content) for message in self._talk)
        return replace(ask, messages=self._question)

    def observe(self, tell: Tell) -> Program[None]:
        """Take in the reply to the question, and what was said of it."""
        if tell.reply is not None:
            self._talk = (*self._question, said(replace(tell.reply, calls=())))
        self._feedback = plain(tell.facts.get("feedback") or tell.facts.get("text") or "")
        yield from super().observe(tell)
