"""An agent that writes programs, which are tried on training instances before the best counts."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from harness.agents.workbench import (
    WorkbenchSettings,
    added,
    counted,
    means_of,
    problem_of,
    shape,
    source_of,
)
from tasks.base import Ask, Message, Number, Program, Reply, Verdict, said
from tasks.means import PolicyStep, Simulated, answered, run_program, simulate
from tasks.prompts import Prompts

TEMPLATES = (
    "means/problem.inc.j2",
    "means/rights.inc.j2",
    "means/simulate.j2",
    "means/simulated.j2",
)
VIOLATIONS = 5  # that are told of one answer


class SimulateSettings(WorkbenchSettings, frozen=True):
    """The settings of the agent `simulate`.

    Attributes:
        simulations: programs that are written, each of which is tried on all training instances.
        instances: training instances.
        packages: what programs may import beside the standard library: numpy, scipy, ortools, with
            a plus between them.
        seconds: of a processor, for each program.
        memory_mb: for each program, on top of what Python takes.
    """

    simulations: Annotated[int, Meta(ge=1, le=100)] = 4
    instances: Annotated[int, Meta(ge=1, le=20)] = 3

    @property
    def means(self) -> tuple[str, ...]:
        """Return what a model may use."""
        times = counted(self.simulations, "simulation")
        times += f" on {counted(self.instances, 'training instance')}"
        return means_of("simulate", times, self.limits)


class BySimulation:
    """Asks for programs and tries each on training instances; the best of them answers."""

    def __init__(self, prompts: Prompts, settings: SimulateSettings) -> None:
        self._prompts, self._settings, self._limits = prompts, settings, settings.limits

    def reply(self, ask: Ask) -> Program[Reply]:
        """Return what the best program answers, of equals the first; of one that fails, why."""
        count = self._settings.simulations
        [notice] = self._prompts.messages(
            "means/simulate.j2",
            limits=self._limits,
            settings=self._settings,
            shape=shape(problem_of(ask)),
        )
        messages = added(ask.messages, notice.content)
        tried: list[tuple[tuple[int, Number], Reply, str]] = []
        for number in range(1, count + 1):
            path = f"{ask.path}/program-{number}"
            view = PolicyStep(ask.view, number, self._limits)
            step = replace(ask, path=path, messages=messages, schema=None, view=view)
            reply: Reply = yield step
            source = source_of(reply.text)
            results = yield from self._simulated(path, source)
            tried.append((_worth(results), reply, source))
            messages = (*messages, said(reply), self._told(results, count - number))
        _, reply, source = min(tried, key=lambda entry: entry[0])
        path = f"{ask.path}/run"
        ran = yield from run_program(path, source, problem_of(ask), self._limits)
        return answered(reply, ran)

    def _simulated(self, path: str, source: str) -> Program[list[Simulated]]:
        """Return what came of a program on each training instance."""
        results = []
        for number in range(1, self._settings.instances + 1):
            place = f"{path}/simulation-{number}"
            results.append((yield from simulate(place, number, source, self._limits)))
        return results

    def _told(self, results: Sequence[Simulated], left: int) -> Message:
        [message] = self._prompts.messages(
            "means/simulated.j2", results=results, left=left, most=VIOLATIONS
        )
        return message


def _worth(results: Sequence[Simulated]) -> tuple[int, Number]:
    """Return what is smaller for a better program: instances without a valid answer, then costs."""
    answers = [result.checked for result in results if result.checked is not None]
    valid = [answer for answer in answers if answer.verdict is Verdict.valid]
    return len(results) - len(valid), sum(answer.objective or 0 for answer in valid)
