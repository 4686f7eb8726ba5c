"""JSON schemas in one form: what two of them say alike is written alike."""

from typing import Any

from tests.loopback import Json

NOTES = {"title", "$schema", "$id", "$defs"}


def normal(schema: Any, definitions: Json | None = None) -> Any:
    """A schema without titles, its references followed, `const` as an `enum` of one."""
    definitions = schema.get("$defs", {}) if definitions is None else definitions
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        target = definitions[schema["$ref"].rpartition("/")[2]]
        return normal({**target, **{k: v for k, v in schema.items() if k != "$ref"}}, definitions)
    plain: Json = {}
    for key, value in schema.items():
        if key == "properties":
            plain[key] = {name: normal(part, definitions) for name, part in value.items()}
        elif key in ("items", "additionalProperties"):
            plain[key] = normal(value, definitions)
        elif key in ("anyOf", "prefixItems"):
            plain[key] = [normal(part, definitions) for part in value]
        elif key == "const":
            plain["enum"] = [value]
        elif key == "required":
            plain[key] = sorted(value)
        elif key not in NOTES:
            plain[key] = value
    if plain.get("additionalProperties") is True:
        del plain["additionalProperties"]  # it says nothing
    return plain
