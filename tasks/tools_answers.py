"""The forms of answers to compound requests: plans, turns, values, picks of tools."""

from tasks.base import Fields
from tasks.schemas import AnswerForm, array_schema, mapping_schema, object_schema
from tasks.tools import PICK
from tasks.tools_payload import Errand
from tasks.tools_plan import ANSWER, PLAN, TURNS

_TEXT: Fields = {"type": "string"}


def answers(errand: Errand | None) -> dict[str, AnswerForm]:
    """Return the forms of answers to a request, or a step of it, by their names.

    A plan is what a model writes, or a file has, on the track `plan`. On the track `reactive` a
    model writes values after its last calls; a file has its turns, and with them the values.

    Args:
        errand: the request; its answers have its tools, their parameters and its keys. None is any
            request, of either track.
    """
    values, call = _values(errand), _call(errand)
    plan = AnswerForm(object_schema({PLAN: array_schema(call), ANSWER: values}))
    turns = AnswerForm(object_schema({TURNS: array_schema(array_schema(call)), ANSWER: values}))
    last = AnswerForm(object_schema({ANSWER: values}), whole=False)
    pick = AnswerForm(object_schema({PICK: _names(errand)}), whole=False)
    if errand is None:
        return {"Plan": plan, "Turns": turns, "Values": last, "Pick": pick}
    forms = {"Plan": plan} if errand.track == "plan" else {"Turns": turns, "Values": last}
    return forms | ({"Pick": pick} if errand.select else {})


def submission_schema(errand: Errand) -> Fields:
    """Return the schema of the answer by which an agent outside ends an episode.

    On the track `plan` calls may stand in it, after those that were made already.
    """
    forms = answers(errand)
    schema = forms["Plan" if errand.track == "plan" else "Values"].schema
    return {**schema, "required": [ANSWER]}


def _values(errand: Errand | None) -> Fields:
    """Return the schema of values by the keys of a request: codes, or `$id` for a call's result."""
    return (
        mapping_schema(_TEXT)
        if errand is None
        else object_schema(dict.fromkeys(errand.keys, _TEXT))
    )


def _call(errand: Errand | None) -> Fields:
    """Return the schema of a call that is written down, to any of the tools on offer."""
    if errand is None:
        return object_schema({"id": _TEXT, "tool": _TEXT, "arguments": mapping_schema(_TEXT)})
    calls = [
        object_schema({"id": _TEXT, "tool": _name(offer.name), "arguments": offer.schema})
        for offer in errand.tools
    ]
    return {"anyOf": calls}


def _name(*names: str) -> Fields:
    return {"type": "string", "enum": list(names)}


def _names(errand: Errand | None) -> Fields:
    """Return the schema of a pick of tools."""
    if errand is None:
        return array_schema(_TEXT)
    return array_schema(_name(*(offer.name for offer in errand.tools)), most=errand.select)
