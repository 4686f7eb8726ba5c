"""Branches of an episode: its world, made anew and replayed with the replies of an agent."""

from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from harness.families.registry import family
from harness.mcp.direct import toolbox, world_of
from tasks.base import Ask, CallTools, Failure, Instance, Outcome, Outside, Reference, Reply
from tasks.imagination import BranchStep, Imagine, Imagined
from tasks.means import PolicyStep
from tasks.play import Stepper
from tasks.prompts import Prompts
from tasks.tools_clock import arguments_of


class Branch:
    """A world that is answered reply by reply, its tools called where the episode's are not.

    Attributes:
        time: of the last call's end so far, in units of virtual time.
    """

    def __init__(self, instance: Instance[Any], prompts: Prompts) -> None:
        """Begin a world, up to its first ask."""
        self.time = 0
        self._tools = world_of(instance)
        self._stepper: Stepper[Outcome] = Stepper(family(instance.family).world(instance, prompts))
        self._perform()

    @property
    def ask(self) -> Ask | None:
        """Return what is asked now; None once nothing is."""
        effect = self._stepper.effect
        return effect if isinstance(effect, Ask) else None

    @property
    def outcome(self) -> Outcome:
        """Return what came of it; ValueError before the end."""
        return self._stepper.result

    def answer(self, path: str, reply: Reply) -> None:
        """Answer what is asked now.

        Args:
            path: of who wants the branch, for messages.
            reply: the answer.

        Raises:
            Failure: nothing is asked.
        """
        if self.ask is None:
            raise Failure(f"{path}: the branch ended before its last reply")
        self._stepper.answer(reply)
        self._perform()

    def _perform(self) -> None:
        """Answer all that is wanted beside replies."""
        while self._stepper.effect is not None and self.ask is None:
            self._stepper.answer(self._called(self._stepper.effect))

    def _called(self, effect: Outside) -> Any:
        if not isinstance(effect, CallTools):
            raise Failure(f"{effect.path}: no branch performs a {type(effect).__name__}")
        results = self._tools.turn([(call.name, arguments_of(call)) for call in effect.calls])
        self.time = max([self.time, *(result.end for result in results)])
        return results


class Imagination:
    """Answers what an agent wants to know of branches of one episode."""

    def __init__(self, instance: Instance[Any], prompts: Prompts) -> None:
        """Make it.

        Args:
            instance: of the episode; its reference shapes nothing that is told.
            prompts: the templates of the run.
        """
        self._instance, self._prompts = instance, prompts
        self._blind = replace(instance, reference=Reference("none"))

    def imagined(self, effect: Imagine) -> Imagined:
        """Return what comes next in a branch.

        Args:
            effect: the replies that lead there.

        Raises:
            Failure: the family declares no branches, or the branch ended before its last reply.
        """
        declared, answered = family(self._instance.family), toolbox(self._instance).answered
        if "imagine" not in declared.means or answered is None:
            raise Failure(f"{effect.path}: {declared.name} has no branches: {declared.no_means}")
        *earlier, last = effect.replies
        branch = Branch(self._blind, self._prompts)
        for reply in earlier:
            branch.answer(effect.path, reply)
        before, since = branch.ask, branch.time
        branch.answer(effect.path, last)
        took = branch.time - since
        if branch.ask is None or before is None:
            whole = answered(self._instance.payload, branch.outcome)
            return Imagined(ended=True, answered=whole, time=branch.time, took=took)
        return replace(_next(before, branch.ask), time=branch.time, took=took)

    def step(self, view: BranchStep) -> PolicyStep:
        """Return what a policy sees at a step of a branch.

        Args:
            view: the replies that lead there.

        Raises:
            Failure: nothing is asked there.
        """
        branch = Branch(self._instance, self._prompts)
        for reply in view.replies:
            branch.answer("a branch", reply)
        if branch.ask is None:
            raise Failure(f"{self._instance.id}: a branch ended where its next step is wanted")
        return PolicyStep(branch.ask.view, view.draw)

    def resolved(self, ask: Ask) -> Ask:
        """Return an ask with the view that a policy can read."""
        return replace(ask, view=self.step(ask.view)) if isinstance(ask.view, BranchStep) else ask


def _next(before: Ask, ask: Ask) -> Imagined:
    """Return an ask as what it has beyond the one before."""
    count = len(before.messages)
    goes_on = ask.messages[:count] == before.messages
    return Imagined(
        messages=ask.messages[count:] if goes_on else ask.messages,
        whole=not goes_on,
        tools=UNSET if ask.tools == before.tools else ask.tools,
        schema=ask.schema,
    )
