"""JSON schemas of answers, as providers take them that constrain decoding."""

from collections.abc import Mapping, Sequence

from tasks.base import Fields


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
