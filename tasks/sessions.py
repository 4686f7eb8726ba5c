"""The effect of agents that are programs of their own, and what came of one.

Such a program works in a folder, asks models by itself, and leaves its answer in a file. It is
never run again on replay; each of its calls is an attempt under the path of its session.
"""

from typing import Annotated

from msgspec import Meta

from tasks.base import Action, Noun, Program

INSTRUCTION, ANSWER = "INSTRUCTION.md", "answer.json"


class SessionLimits(Noun, frozen=True):
    """What a session may use.

    Attributes:
        calls: of models, sub-agents' included.
        tokens: in and out, of all calls; 0 is no limit.
        seconds: by the clock on the wall.
    """

    calls: Annotated[int, Meta(ge=1, le=999)] = 50
    tokens: Annotated[int, Meta(ge=0)] = 0
    seconds: Annotated[float, Meta(gt=0, le=86400)] = 1800.0


class Session(Action, frozen=True):
    """Wants a command-line agent to work in a folder; answered with `SessionEnd`.

    Attributes:
        agent: by its name.
        files: the texts in the folder, by their paths.
        limits: what it may use.
        stays: whether its end tells what is in the folder then.
    """

    agent: str
    files: dict[str, str]
    limits: SessionLimits
    stays: bool = False


class SessionEnd(Noun, frozen=True, omit_defaults=True):
    """What came of a session. The status says nothing about the answer.

    Attributes:
        answer: the text of `answer.json`; None without one.
        status: of the command; None if it was killed at its time.
        seconds: of processors.
        calls: of models.
        refusal: the final word that the agent got, if it got one.
        files: the texts in the folder, where it stays.
        left_out: paths there that are no text, or too much.
        unread: requests that could not be passed on, each as its refusal.
        tail: the end of what the agent printed.
    """

    answer: str | None
    status: int | None
    seconds: float = 0.0
    calls: int = 0
    refusal: str = ""
    files: dict[str, str] = {}
    left_out: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    tail: str = ""


def run_session(effect: Session) -> Program[SessionEnd]:
    """Yield one `Session` and return what came of it."""
    end: SessionEnd = yield effect
    return end
