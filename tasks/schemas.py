"""JSON schemas of answers, as providers take them that constrain decoding."""

from collections.abc import Mapping, Sequence

from tasks.base import Fields, Noun


class AnswerForm(Noun, frozen=True):
    """An object that a family takes as an answer.

    Attributes:
        schema: its JSON schema.
        whole: whether it answers an instance, as in a file of answers, and not one step of it.
    """

    schema: Fields
    whole: bool = True


def object_schema(properties: Mapping[str, Fields]) -> Fields:
    """Return the schema of an object that has each of the properties and no other."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def permutation_schema(ids: Sequence[str]) -> Fields:
    """Return the schema of an array of as many of the ids as there are."""
    return {
        "type": "array",
        "items": {"type": "string", "enum": list(ids)},
        "minItems": len(ids),
        "maxItems": len(ids),
    }


def mapping_schema(values: Fields) -> Fields:
    """Return the schema of an object of any keys, each with a value of a schema."""
    return {"type": "object", "additionalProperties": values}


def array_schema(items: Fields, *, most: int | None = None) -> Fields:
    """Return the schema of an array of items of a schema, of `most` at the most."""
    return {"type": "array", "items": items} | ({} if most is None else {"maxItems": most})


def tuple_schema(items: Sequence[Fields]) -> Fields:
    """Return the schema of an array that has one item of each of the schemas, in their order."""
    size = len(items)
    return {"type": "array", "prefixItems": list(items), "minItems": size, "maxItems": size}
