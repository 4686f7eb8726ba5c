"""Total flow time on one machine with pre-emption, operations revealed one by one: the world.

A job is a sequence of operations; how long one is shows only when the one before it is done. The
agent is asked at every event at which two or more jobs are there, and names the one that runs to
the next. Minimise the sum of C_j - r_j. After Lindermayr, Schäfer, Schlöter and Stougie, *Online
flow time minimization with gradually revealed jobs* (arXiv 2602.12716).
"""

import msgspec

from tasks.base import Fields, Instance, Message, Outcome, Parsed, Program, ask, said
from tasks.flow_machine import KEY, OneMachine, spelled
from tasks.flow_payload import Flow
from tasks.one_shot import parsed_answer
from tasks.parse import read_object
from tasks.prompts import Prompts
from tasks.schemas import AnswerForm, array_schema, object_schema

VERSION = 1
TEMPLATES = ("flow/outside.j2", "flow/rules.inc.j2", "flow/state.j2", "flow/turn.j2")
ANSWERS = "runs"  # of an episode's answer: a list of the jobs that were named
_TEXT: Fields = {"type": "string"}
TURN: Fields = object_schema({KEY: _TEXT})  # which jobs there are it does not tell


Payload = Flow


class FlowStep(msgspec.Struct, frozen=True):
    """A turn as a policy sees it: the instance, hidden truth included, and the machine as it is."""

    instance: Instance[Flow]
    machine: OneMachine

    @property
    def family(self) -> str:
        """Return the family's name."""
        return self.instance.family

    @property
    def turn(self) -> int:
        """Return the number of the question, from 1."""
        return self.machine.turn


def answers(flow: Flow | None) -> dict[str, AnswerForm]:  # noqa: ARG001
    """Return the forms of answers by their names: all decisions of an episode, or one of them.

    No id stands in them, as they would tell of jobs that are to come.
    """
    return {
        "Runs": AnswerForm(object_schema({ANSWERS: array_schema(_TEXT)})),
        "Run": AnswerForm(TURN, whole=False),
    }


def world(instance: Instance[Flow], prompts: Prompts) -> Program[Outcome]:
    """Play one episode: a question at every event with a choice, until all jobs are done."""
    flow, decisions = instance.payload, list[Parsed]()
    machine = OneMachine(flow)
    past: tuple[Message, ...] = ()
    while not machine.is_over:
        *rules, state = turn_messages(machine, prompts)
        messages = (*rules, *past, state)
        reply = yield from ask(
            f"turn-{machine.turn:03d}",
            messages,
            schema=TURN,
            view=FlowStep(instance, machine.copy()),
            problem=machine.public(),
        )
        decisions.append(spelled(flow, read_object(reply, KEY)))
        machine.decide(decisions[-1])
        if flow.history == "conversation":
            past = (*past, state, said(reply))
    return Outcome(tuple(decisions))


def turn_messages(machine: OneMachine, prompts: Prompts) -> tuple[Message, ...]:
    """Return the rules, and after them the state, as a model reads them."""
    return prompts.messages("flow/turn.j2", **_shown_fields(machine))


def request(flow: Flow, prompts: Prompts) -> tuple[Message, ...]:
    """Return what an agent outside is asked, which runs jobs by a tool."""
    return prompts.messages("flow/outside.j2", **_shown_fields(OneMachine(flow)))


def _shown_fields(machine: OneMachine) -> Fields:
    flow = machine.flow
    return {"state": machine.public(), "count": flow.count, "pause": flow.pause}


def read(answer: Fields | None, text: str) -> Outcome:
    """Return the outcome of an episode's answer from a file: `{"runs": [the job of each turn]}`.

    Args:
        answer: the object, if the file holds one.
        text: the raw text of a reply, read if there is no object.
    """
    parsed = parsed_answer(answer, text, ANSWERS)
    runs = (parsed.value or {}).get(ANSWERS)
    if not isinstance(runs, list):
        return Outcome((Parsed(problem=parsed.problem or f'"{ANSWERS}" is not a list'),))
    return Outcome(tuple(_entry(run, parsed) for run in runs))


def _entry(run: object, parsed: Parsed) -> Parsed:
    """Return one decision in a list; what was mended in the list counts for each."""
    return Parsed(value={KEY: run}, how=parsed.how, mended=parsed.mended)
