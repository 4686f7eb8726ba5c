"""pydantic models made from JSON schemas of answers.

A model accepts what its schema accepts, read strictly: no text for a number, no whole number
written as 1.0. A keyword that cannot be held to is refused, not passed over.
"""

from collections.abc import Callable, Iterator, Mapping, Set
from keyword import iskeyword
from types import GenericAlias
from typing import Annotated, Any, Literal, Union

from pydantic import BaseModel, ConfigDict, Field, create_model

from tasks.base import Fields, InputError

NOTES = {"title", "description", "default", "examples", "$schema", "$id", "$comment", "$defs"}
LIMITS = {  # of values, and what pydantic calls them
    "minimum": "ge",
    "maximum": "le",
    "exclusiveMinimum": "gt",
    "exclusiveMaximum": "lt",
    "multipleOf": "multiple_of",
    "minLength": "min_length",
    "maxLength": "max_length",
    "pattern": "pattern",
    "minItems": "min_length",
    "maxItems": "max_length",
}
NUMERIC = frozenset(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"))
PLAIN: dict[str, tuple[Any, frozenset[str]]] = {  # its Python type, the keywords that limit it
    "integer": (int, NUMERIC),
    "number": (float, NUMERIC),
    "string": (str, frozenset(("minLength", "maxLength", "pattern"))),
    "boolean": (bool, frozenset()),
    "null": (None, frozenset()),
}
REFERENCE = "#/$defs/"


def model_of(schema: Fields, name: str = "Answer") -> type[BaseModel]:
    """Make a pydantic model of the objects that a JSON schema describes.

    A property whose name cannot be a field's, such as `task-1`, `class` or `copy`, is a field under
    a name of its own, with the property as its alias; a model is read and written by aliases. A
    property that is not required is None if it is not there, and is not written if it is None.

    Args:
        schema: of an object with named properties, such as the `schema` of an ask.
        name: of the model; those of inner objects begin with it.

    Returns:
        A strict model. Its own JSON schema is `schema`, but for titles, references and
        `const` in place of an `enum` of one.

    Raises:
        InputError: the schema has a keyword that a model would not hold answers to, or is not
            of an object with named properties.
    """
    model = _Builder(schema.get("$defs", {})).type_of(schema, name)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise InputError(f"schema of {name}: it is not of an object with named properties")
    return model


class _Builder:
    """Makes the types of one schema; `definitions` are what its references lead to."""

    def __init__(self, definitions: Mapping[str, Fields]) -> None:
        self._definitions = definitions
        self._open: list[str] = []  # the references whose types are being made
        self._makers: dict[str, Callable[[Fields, str], Any]] = {
            "$ref": self._referenced,
            "anyOf": self._union,
            "enum": self._enumerated,
            "const": self._constant,
            "type": self._typed,
        }

    def type_of(self, schema: Fields | bool, name: str) -> Any:
        """Return the type of a schema; `name` is that of an object's model, and tells the place."""
        if schema is True:
            return Any
        if schema is False:
            raise InputError(f"schema of {name}: it accepts nothing")
        for keyword, make in self._makers.items():
            if keyword in schema:
                return make(schema, name)
        _check_keywords(schema, name, frozenset())
        return Any

    def _referenced(self, schema: Fields, name: str) -> Any:
        _check_keywords(schema, name, {"$ref"})
        reference = str(schema["$ref"])
        key = reference.removeprefix(REFERENCE)
        if f"{REFERENCE}{key}" != reference or key not in self._definitions:
            raise InputError(f"schema of {name}: {reference!r} is not one of its $defs")
        if key in self._open:
            raise InputError(f"schema of {name}: {reference!r} refers to itself")
        self._open.append(key)
        try:
            return self.type_of(self._definitions[key], name)
        finally:
            self._open.pop()

    def _union(self, schema: Fields, name: str) -> Any:
        _check_keywords(schema, name, {"anyOf"})
        parts = (self.type_of(part, f"{name}_{k}") for k, part in enumerate(schema["anyOf"], 1))
        return Union[tuple(parts)]  # noqa: UP007

    def _constant(self, schema: Fields, name: str) -> Any:
        _check_keywords(schema, name, {"const", "type"})
        return _literal([schema["const"]], schema.get("type"), name)

    def _enumerated(self, schema: Fields, name: str) -> Any:
        _check_keywords(schema, name, {"enum", "type"})
        return _literal(schema["enum"], schema.get("type"), name)

    def _typed(self, schema: Fields, name: str) -> Any:
        kind = schema["type"]
        if isinstance(kind, list):
            parts = [self.type_of({**schema, "type": each}, name) for each in kind]
            return Union[tuple(parts)]  # noqa: UP007
        if kind == "array":
            return self._array(schema, name)
        if kind == "object":
            return self._mapping(schema, name)
        if kind not in PLAIN:
            raise InputError(f"schema of {name}: {kind!r} is no type")
        python, limits = PLAIN[kind]
        _check_keywords(schema, name, limits | {"type"})
        return _limited(python, schema)

    def _array(self, schema: Fields, name: str) -> Any:
        if "prefixItems" in schema:
            return self._tuple(schema, name)
        _check_keywords(schema, name, {"type", "items", "minItems", "maxItems"})
        items = self.type_of(schema.get("items", True), f"{name}_item")
        return _limited(GenericAlias(list, (items,)), schema)

    def _tuple(self, schema: Fields, name: str) -> Any:
        """Return the type of an array of fixed length; in Python it may also be a list."""
        _check_keywords(schema, name, {"type", "prefixItems", "items", "minItems", "maxItems"})
        items = schema["prefixItems"]
        closed = schema.get("items") is False or schema.get("maxItems") == len(items)
        if not closed or schema.get("minItems") != len(items) or not items:
            raise InputError(f"schema of {name}: prefixItems must be all the items there are")
        parts = tuple(self.type_of(part, f"{name}_{k}") for k, part in enumerate(items, 1))
        return Annotated[GenericAlias(tuple, parts), Field(strict=False)]

    def _mapping(self, schema: Fields, name: str) -> Any:
        """Return the type of an object: a model, or a dict where no property has a name."""
        if "properties" in schema:
            return self.model(schema, name)
        _check_keywords(schema, name, {"type", "additionalProperties"})
        values = self.type_of(schema.get("additionalProperties", True), f"{name}_value")
        return GenericAlias(dict, (str, values))

    def model(self, schema: Fields, name: str) -> type[BaseModel]:
        """Return the model of an object with named properties."""
        _check_keywords(schema, name, {"type", "properties", "required", "additionalProperties"})
        others, required = schema.get("additionalProperties", True), schema.get("required", [])
        if not isinstance(others, bool):
            raise InputError(f"schema of {name}: it has named properties and a schema of others")
        if missing := [key for key in required if key not in schema["properties"]]:
            raise InputError(f"schema of {name}: {missing[0]!r} is required and no property")
        config = ConfigDict(
            strict=True,
            extra="allow" if others else "forbid",
            serialize_by_alias=True,
            protected_namespaces=(),
        )
        fields: dict[str, Any] = {
            field: self._field(key, schema, f"{name}_{field}")
            for field, key in _field_names(schema["properties"])
        }
        about = schema.get("description")
        return create_model(name, __config__=config, __module__=__name__, __doc__=about, **fields)

    def _field(self, key: str, schema: Fields, name: str) -> tuple[Any, Any]:
        """Return the type and the declaration of the field of a property."""
        part = schema["properties"][key]
        about = part.get("description") if isinstance(part, dict) else None
        options: Fields = {"alias": key, "description": about}
        if key not in schema.get("required", []):
            options |= _default_of(part)
        return self.type_of(part, name), Field(**options)


def _default_of(part: Fields | bool) -> Fields:
    if isinstance(part, dict) and "default" in part:
        return {"default": part["default"]}
    return {"default_factory": lambda: None, "exclude_if": lambda value: value is None}


def _field_names(properties: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield for each property the name of its field, and the property's own."""
    usual = {key for key in properties if _is_field_name(key)}
    for number, key in enumerate(properties, 1):
        name = key if key in usual else f"field_{number}"
        while name != key and name in usual:
            name += "_"
        yield name, key


def _is_field_name(key: str) -> bool:
    """Return whether a property's name can be a field's: pydantic keeps some for itself."""
    usual = key.isidentifier() and key.isascii() and not iskeyword(key)
    return usual and not key.startswith("_") and not hasattr(BaseModel, key)


def _literal(values: list[Any], kind: object, name: str) -> Any:
    """Return the type of some values; they are texts, whole numbers, booleans and null."""
    if kind is not None:
        if kind not in PLAIN:
            raise InputError(f"schema of {name}: an enum of type {kind!r} is no model's")
        python = PLAIN[str(kind)][0] or type(None)
        values = [value for value in values if type(value) is python]
    if not values or any(type(v) not in (str, int, bool, type(None)) for v in values):
        raise InputError(f"schema of {name}: its enum is not of texts, whole numbers or booleans")
    return Literal.__getitem__(tuple(values))


def _limited(python: Any, schema: Fields) -> Any:
    """Return a type with the limits that a schema sets."""
    limits: Fields = {LIMITS[key]: value for key, value in schema.items() if key in LIMITS}
    return Annotated[python, Field(**limits)] if limits else python


def _check_keywords(schema: Fields, name: str, allowed: Set[str]) -> None:
    """Raise InputError if a schema has a keyword that its model would not hold answers to."""
    if unknown := sorted(set(schema) - allowed - NOTES):
        raise InputError(f"schema of {name}: no model is held to the keyword {unknown[0]!r}")
