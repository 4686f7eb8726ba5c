"""Migrations of virtual machines: the worlds of the two tracks, and the forms of answers.

On the track `plan` the agent writes all moves in one reply; on `reactive` it makes one move a turn
and sees what has become of it. On both, events may happen between the question and the moves of its
reply. After VMR2L (Ding et al., EuroSys 2025, arXiv 2505.17359).
"""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import msgspec
from msgspec.structs import replace

from tasks.base import Failure, Fields, Instance, Outcome, Parsed, Program, Reply, ask
from tasks.one_shot import parsed_answer
from tasks.parse import read_object
from tasks.prompts import Prompts
from tasks.schemas import AnswerForm, array_schema, object_schema
from tasks.spelling import GIVEN, Mends, ids_of, respelt
from tasks.vms_course import EVENTS, PLAN, STOP, TURN, WAIT, Course
from tasks.vms_payload import Cluster, Machine, Payload
from tasks.vms_placement import Placement

__all__ = ["Payload", "Step", "answers", "performed", "read", "world"]

VERSION = 1
TEMPLATES = (
    "vms/plan.j2",
    "vms/rules.inc.j2",
    "vms/turn.j2",
)
FIELDS = ("vm", "host", "numa")  # of a move
_TEXT: Fields = {"type": "string"}
_NODE: Fields = {
    "anyOf": [
        {"type": "integer", "minimum": 0, "maximum": 1},
        {"type": "string", "enum": ["both"]},
    ]
}


class NoTokens(Failure):
    """A reply without a count of its tokens, where they are what time is counted in."""


class Step(msgspec.Struct, frozen=True):
    """A step as a policy sees it: the instance, events included, and the course so far."""

    instance: Instance[Cluster]
    course: Course

    @property
    def family(self) -> str:
        """Return the family's name."""
        return self.instance.family


def world(instance: Instance[Cluster], prompts: Prompts) -> Program[Outcome]:
    """Play one cluster: a plan, or turns until the agent stops or has no more moves."""
    cluster, course, answers = instance.payload, Course(instance.payload), list[Parsed]()
    is_plan, spent = cluster.track == "plan", 0
    key, template = (PLAN, "vms/plan.j2") if is_plan else (TURN, "vms/turn.j2")
    while not course.is_over:
        values = prompt_fields(course)
        reply = yield from ask(
            "answer" if is_plan else f"turn-{course.turns + 1:02d}/answer",
            prompts.messages(template, **values),
            schema=answer_schema(cluster),
            view=Step(instance, course),
            problem=_problem(course),
        )
        parsed = spelled(cluster, read_object(reply, key))
        if cluster.tokens:
            spent += _tokens(reply, course)
            parsed = _paced(parsed, min(len(cluster.events), spent // cluster.tokens))
        course.answer(parsed)
        answers.append(parsed)
    return Outcome(tuple(answers))


def _tokens(reply: Reply, course: Course) -> int:
    if reply.usage.output is None:
        raise NoTokens(
            f"turn {course.turns + 1}: the reply does not say how many tokens it has, and events"
            " are paced by them: set `tokens` to 0, or take a model that counts"
        )
    return reply.usage.output


def _paced(parsed: Parsed, count: int) -> Parsed:
    """Return an answer with the number of events that had happened when its moves were made."""
    written = None if parsed.written is None else {**parsed.written, EVENTS: count}
    return replace(parsed, value={**(parsed.value or {}), EVENTS: count}, written=written)


def prompt_fields(course: Course) -> Fields:
    """Return what the templates may read."""
    cluster, placement = course.cluster, course.placement
    return {
        "cluster": {
            "most": len(cluster.events),
            **{name: getattr(cluster, name) for name in ("moves", "chunk", "pace", "tokens")},
        },
        "turn": course.turns + 1,
        "hosts": placement.rows(course.moved),
        "fragments": placement.fragments(),
        "free": placement.free,
        "pairs": [pair for pair in cluster.apart if _are_present(placement, pair)],
        "fate": course.fate,
    }


def _are_present(placement: Placement, names: Sequence[str]) -> bool:
    return all(placement.places[placement.number[name]] is not None for name in names)


def _problem(course: Course) -> Fields:
    """Return what an agent may know, as data."""
    cluster, placement = course.cluster, course.placement
    return {
        "hosts": msgspec.to_builtins(cluster.hosts),
        "vms": [
            {**placement.entry((vm, place)), **_size(placement, vm)}
            for vm in placement.present()
            if (place := placement.places[vm]) is not None
        ],
        "apart": [list(pair) for pair in cluster.apart if _are_present(placement, pair)],
        "chunk": cluster.chunk,
        "track": cluster.track,
        "moves": cluster.moves - course.turns if cluster.track == "reactive" else cluster.moves,
        "moved": sorted(placement.names[vm] for vm in course.moved),
        "pace": cluster.pace,
        "tokens": cluster.tokens,
    }


def _size(placement: Placement, vm: int) -> Fields:
    cpu, memory, numas = placement.sizes[vm]
    return {"cpu": cpu * numas, "memory": memory * numas, "pinned": placement.pinned[vm]}


# Forms of answers ----------------------------------------------------------------------------


def answer_schema(cluster: Cluster) -> Fields:
    """Return the JSON schema of the answer to a question.

    Where machines come while turns are played, it does not tell which: their ids are any text.
    """
    move = _move_schema(*_names(cluster))
    if cluster.track == "plan":
        return object_schema({PLAN: array_schema(move, most=cluster.moves)})
    return object_schema({TURN: _turn_schema(move)})


def _names(cluster: Cluster) -> tuple[Fields, Fields]:
    """Return the schemas of the names of machines and hosts."""
    hosts = _enum([host.id for host in cluster.hosts])
    if cluster.track == "reactive" and cluster.events:
        return _TEXT, hosts
    return _enum([vm.id for vm in cluster.vms]), hosts


def _enum(names: Sequence[str]) -> Fields:
    return {"type": "string", "enum": list(names)}


def _move_schema(vm: Fields, host: Fields) -> Fields:
    return object_schema(dict(zip(FIELDS, (vm, host, _NODE), strict=True)))


def _turn_schema(move: Fields) -> Fields:
    return {"anyOf": [move, _enum((WAIT, STOP))]}


def answers(cluster: Cluster | None) -> dict[str, AnswerForm]:
    """Return the forms of answers to a cluster, or to a turn of it, by name; None is any cluster.

    An answer to a cluster that is paced by tokens also says how many events had happened.
    """
    if cluster is None:
        turn = _turn_schema(_move_schema(_TEXT, _TEXT))
        forms = _whole(array_schema(turn), paced=False) | _whole(array_schema(turn), paced=True)
        return forms | {"Move": AnswerForm(object_schema({TURN: turn}), whole=False)}
    step = answer_schema(cluster)
    if cluster.track == "plan":
        forms = _whole(step["properties"][PLAN], paced=bool(cluster.tokens))
        return forms | ({"Plan": AnswerForm(step, whole=False)} if cluster.tokens else {})
    turns = array_schema(step["properties"][TURN], most=cluster.moves)
    return _whole(turns, paced=bool(cluster.tokens)) | {"Move": AnswerForm(step, whole=False)}


def _whole(moves: Fields, *, paced: bool) -> dict[str, AnswerForm]:
    """Return the form of an answer to a whole cluster, by its name."""
    if not paced:
        return {"Moves": AnswerForm(object_schema({PLAN: moves}))}
    counts = array_schema({"type": "integer"})
    return {"PacedMoves": AnswerForm(object_schema({PLAN: moves, EVENTS: counts}))}


def everybody(cluster: Cluster) -> list[Machine]:
    """Return all machines that are ever there: at first, then those that arrive."""
    return [*cluster.vms, *(event.arrive for event in cluster.events if event.arrive)]


# Spelling and files --------------------------------------------------------------------------


def spelled(cluster: Cluster, parsed: Parsed) -> Parsed:
    """Return an answer with the ids and numbers of its moves read by the rule of spelling."""
    if parsed.value is None or parsed.how == GIVEN:
        return parsed
    reader, value = _MoveReader(cluster), dict(parsed.value)
    if isinstance(value.get(PLAN), list):
        value[PLAN] = [reader.move(entry) for entry in value[PLAN]]
    if TURN in value:
        value[TURN] = reader.move(value[TURN])
    return respelt(parsed, value, (*reader.renamed, *reader.mends.lines()))


class _MoveReader:
    """Reads moves, and notes what had to be mended in them."""

    def __init__(self, cluster: Cluster) -> None:
        self.mends = Mends()
        self.renamed: dict[str, None] = {}
        self._ids = {
            "vm": ids_of(tuple(vm.id for vm in everybody(cluster))),
            "host": ids_of(tuple(host.id for host in cluster.hosts)),
            "numa": ids_of(("both",)),
        }

    def move(self, entry: Any) -> Any:
        """Return a move, or the word in its place, as it is meant."""
        if not isinstance(entry, dict):
            return self.mends.id_of(entry, ids_of((WAIT, STOP)))
        fields, renamed = ids_of(FIELDS).renamed(entry)
        self.renamed |= dict.fromkeys(renamed)
        return {name: self._field(name, value) for name, value in fields.items()}

    def _field(self, name: str, value: Any) -> Any:
        if name not in self._ids:
            return value
        if name == "numa":
            value = self.mends.number_of(value)
        return self.mends.id_of(value, self._ids[name])


def read(answer: Fields | None, text: str) -> Outcome:
    """Return the outcome of an answer from a file: `{"moves": [...]}` on both tracks."""
    return Outcome((parsed_answer(answer, text, PLAN),))


def performed(cluster: Cluster, outcome: Outcome) -> Outcome:
    """Return an outcome with an answer for each reply, ids and numbers read by their rule.

    The turns of an answer from a file stand apart then, as those of an episode do.
    """
    return Outcome(tuple(spelled(cluster, parsed) for parsed in _turns_of(cluster, outcome)))


def _turns_of(cluster: Cluster, outcome: Outcome) -> list[Parsed]:
    parsed = outcome.answers[0]
    entries = (parsed.value or {}).get(PLAN)
    if cluster.track == "plan" or len(outcome.answers) > 1 or not isinstance(entries, list):
        return list(outcome.answers)
    counts = (parsed.value or {}).get(EVENTS)
    turns = [{TURN: entry} for entry in entries or [STOP]]
    if isinstance(counts, list):
        turns = [turn | {EVENTS: n} for turn, n in zip_longest(turns, counts[: len(turns)])]
    return [replace(parsed, value=turn, written=None) for turn in turns]
