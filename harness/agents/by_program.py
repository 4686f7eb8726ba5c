"""An agent that asks for a program in place of an answer, and runs it."""

from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from harness.agents.workbench import (
    WorkbenchSettings,
    added,
    counted,
    ends,
    means_of,
    problem_of,
    shape,
    source_of,
)
from tasks.base import Ask, Message, Program, Reply, said
from tasks.means import PolicyStep, Ran, answered, run_program
from tasks.prompts import Prompts

TEMPLATES = (
    "means/failed.j2",
    "means/problem.inc.j2",
    "means/program.j2",
    "means/rights.inc.j2",
)


class ProgramSettings(WorkbenchSettings, frozen=True):
    """The settings of the agent `program`.

    Attributes:
        rounds: programs that may be written in all; after a failure the error is shown.
        packages: what programs may import beside the standard library: numpy, scipy, ortools, with
            a plus between them.
        seconds: of a processor, for each program.
        memory_mb: for each program, on top of what Python takes.
    """

    rounds: Annotated[int, Meta(ge=1, le=100)] = 1

    @property
    def means(self) -> tuple[str, ...]:
        """Return what a model may use."""
        return means_of("program", counted(self.rounds, "round"), self.limits)


class ByProgram:
    """Asks for a program in place of an answer, and runs it."""

    def __init__(self, prompts: Prompts, settings: ProgramSettings) -> None:
        self._prompts, self._settings, self._limits = prompts, settings, settings.limits

    def reply(self, ask: Ask) -> Program[Reply]:
        """Return what the last program answered; of one that failed, why."""
        problem = problem_of(ask)
        [notice] = self._prompts.messages(
            "means/program.j2",
            limits=self._limits,
            rounds=self._settings.rounds,
            shape=shape(problem),
        )
        messages = added(ask.messages, notice.content)
        view = PolicyStep(ask.view, limits=self._limits)
        step = replace(ask, schema=None, view=view)
        for number in range(1, self._settings.rounds + 1):
            path = f"{ask.path}/program-{number}"
            reply: Reply = yield replace(step, path=path, messages=messages)
            source = source_of(reply.text)
            ran = yield from run_program(f"{path}/run", source, problem, self._limits)
            if not ran.failure:
                break
            messages = (*messages, said(reply), self._failed(ran))
        return answered(reply, ran)

    def _failed(self, ran: Ran) -> Message:
        printed = ends(ran.printed)
        [message] = self._prompts.messages(
            "means/failed.j2", failure=ran.failure, printed=printed.strip()
        )
        return message
