"""An agent whose answers are checked by the family's grader before the best of them counts."""

from typing import Annotated, Literal

from msgspec import Meta
from msgspec.structs import replace

from harness.agents.workbench import added, counted
from tasks.base import Ask, Message, Noun, Program, Reply, said, together
from tasks.means import Checked, PolicyStep, check
from tasks.prompts import Prompts

TEMPLATES = ("means/checked.j2", "means/checker.j2")
VIOLATIONS = 20  # that are told of one answer


class CheckerSettings(Noun, frozen=True):
    """The settings of the agent `checker`.

    Attributes:
        checks: answers that are checked in all, the last one included.
        mode: `repair` tells what was wrong and asks again; `best` takes the best of answers that
            are asked apart.
    """

    checks: Annotated[int, Meta(ge=1, le=1000)] = 3
    mode: Literal["repair", "best"] = "repair"

    @property
    def means(self) -> tuple[str, ...]:
        """Return what a model may use."""
        return (f"checker ({counted(self.checks, 'check')})",)


class WithChecker:
    """Has answers checked by the family's grader, which tells no optimum; the best one counts."""

    def __init__(self, prompts: Prompts, settings: CheckerSettings) -> None:
        self._prompts, self._settings = prompts, settings

    def reply(self, ask: Ask) -> Program[Reply]:
        """Return the best of the replies that were checked, of equals the first."""
        if self._settings.mode == "best":
            numbers = range(1, self._settings.checks + 1)
            results = yield from together(self._checked(ask, number) for number in numbers)
        else:
            results = yield from self._repaired(ask)
        reply, _ = min(results, key=lambda result: result[1].order)
        return reply

    def _checked(self, ask: Ask, number: int) -> Program[tuple[Reply, Checked]]:
        """Return the reply to one of several questions, and what the checker tells of it."""
        path = f"{ask.path}/answer-{number}"
        reply: Reply = yield replace(ask, path=path, view=PolicyStep(ask.view, number))
        return reply, (yield from check(f"{path}/check", reply))

    def _repaired(self, ask: Ask) -> Program[list[tuple[Reply, Checked]]]:
        """Return replies, each but the first after what the checker told of the one before it."""
        checks = self._settings.checks
        [notice] = self._prompts.messages("means/checker.j2", checks=checks)
        messages = added(ask.messages, notice.content) if checks > 1 else ask.messages
        results: list[tuple[Reply, Checked]] = []
        for number in range(1, checks + 1):
            reply, checked = yield from self._checked(replace(ask, messages=messages), number)
            results.append((reply, checked))
            messages = (*messages, said(reply), self._told(checked, checks - number))
        return results

    def _told(self, checked: Checked, left: int) -> Message:
        [message] = self._prompts.messages(
            "means/checked.j2", checked=checked, left=left, most=VIOLATIONS
        )
        return message
