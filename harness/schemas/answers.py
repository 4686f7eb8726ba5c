"""pydantic models of the answers of a family, for users of libraries that parse replies."""

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from harness.families.registry import family
from tasks.base import Fields, InputError, Instance
from tasks.extras import extra

if TYPE_CHECKING:
    from pydantic import BaseModel

OLDEST = (2, 12)  # pydantic that writes aliases by default and leaves out fields by their value


def answer_model(
    family_name: str, instance: Instance[Any] | None = None, form: str | None = None
) -> "type[BaseModel]":
    """Make the pydantic model of a family's answers.

    Args:
        family_name: its name.
        instance: one of its own, whose ids and names the answer has to have; without one they may
            be any, and providers that constrain decoding may refuse the model.
        form: which of the forms of `answer_forms`; the first by default, which answers a whole
            instance and is what `grade` takes.

    Returns:
        A strict model, called as its form. `model_dump_json()` is an answer.

    Raises:
        InputError: there is no such family or form, the instance is of another family, or pydantic
            is missing or too old.
    """
    forms = answer_forms(family_name, instance)
    if not forms:
        raise InputError(f"{family_name} declares no answers: make a model of the schema of an ask")
    form = next(iter(forms)) if form is None else form
    if form not in forms:
        raise InputError(f"{family_name} has no answer {form!r} here: there are {', '.join(forms)}")
    return model_of(forms[form], form)


def answer_forms(family_name: str, instance: Instance[Any] | None = None) -> dict[str, Fields]:
    """Return the JSON schemas of a family's answers by their names, those of whole answers first.

    Args:
        family_name: its name.
        instance: as in `answer_model`.

    Raises:
        InputError: there is no such family, or the instance is of another.
    """
    declared = family(family_name)
    if instance is not None and instance.family != family_name:
        raise InputError(f"instance {instance.id} is of {instance.family}, not of {family_name}")
    forms = declared.answers(None if instance is None else instance.payload)
    ordered = sorted(forms.items(), key=lambda entry: not entry[1].whole)
    return {form: deepcopy(answer.schema) for form, answer in ordered}


def model_of(schema: Fields, name: str = "Answer") -> "type[BaseModel]":
    """Make a pydantic model of a JSON schema (see `harness.schemas.models.model_of`).

    Args:
        schema: of an object, such as that of an ask.
        name: of the model.

    Raises:
        InputError: a model would not hold answers to the schema, or pydantic is missing or too old.
    """
    _require_pydantic()
    from harness.schemas.models import model_of as build_model

    return build_model(schema, name)


def _require_pydantic() -> None:
    """Raise InputError if pydantic is not there, or older than what models are made with."""
    with extra("schemas", "a model of answers"):
        from pydantic import VERSION
    if tuple(map(int, VERSION.split(".")[:2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise InputError(
            f"models of answers need pydantic {oldest} or later, not {VERSION}:"
            f" pip install -U 'makespan[schemas]'"
        )
