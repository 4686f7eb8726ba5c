"""Reads the layers of Archon's configurations (github.com/ScalingIntelligence/Archon, JSON).

Both shapes in use are read: layers that are lists of components, and layers that are one component
or `{"models": [...]}`.
"""

from collections.abc import Mapping
from typing import Any

from harness.agents.pipeline_format import SORTS, Component, Layer, built
from tasks.base import Fields, InputError

PROVIDERS = {
    "OpenAI_API": "openai",
    "Anthropic_API": "anthropic",
    "Together_API": "litellm/together_ai",
    "Groq_API": "litellm/groq",
    "Google_API": "litellm/gemini",
    "Bedrock_API": "litellm/bedrock",
    "vLLM": "openai",
    "tgi": "openai",
    "": "openai",
}
RENAMED = {"max_tokens": "max_output_tokens"}
IDLE = ("first_pass", "custom")  # what is read apart, or only says what is there


def layers_of_archon(raw: Mapping[str, Any], where: str, notes: list[str]) -> tuple[Layer, ...]:
    """Return the layers of a configuration, their order unchecked.

    Args:
        raw: the JSON object.
        where: it is, for messages.
        notes: to which is added what has no effect.

    Raises:
        InputError: a component is none, or needs a model that runs in this process.
    """
    layers = raw.get("layers")
    if not isinstance(layers, list):
        raise InputError(f"{where}: it has no list `layers`")
    return tuple(
        tuple(_component(each, f"{where}: layer {number}", notes) for each in _tables(layer))
        for number, layer in enumerate(layers, 1)
    )


def _tables(layer: Any) -> list[Any]:
    """Return the components of a layer, in either shape."""
    if isinstance(layer, dict):
        models = layer.get("models")
        return models if isinstance(models, list) else [layer]
    return layer if isinstance(layer, list) else [layer]


def _component(raw: Any, where: str, notes: list[str]) -> Component:
    if not isinstance(raw, dict) or raw.get("type") not in SORTS:
        sort = raw.get("type") if isinstance(raw, dict) else raw
        raise InputError(f"{where}: type {sort!r} is none of {', '.join(SORTS)}")
    if raw["type"] == "ranker" and "PairRM" in str(raw.get("model")):  # in other names it is a part
        raise InputError(
            f"{where}: {raw['model']} is a ranking model that would run here: rank by a served one"
        )
    fields: Fields = {
        RENAMED.get(str(name), str(name)): value
        for name, value in raw.items()
        if name not in ("model", "model_type", *IDLE)
    }
    fields |= _model(raw, where)
    if raw.get("first_pass") and raw["type"] in ("verifier", "unit_test_evaluator"):
        fields.setdefault("first_k", 1)
    return built(fields, where, notes)


def _model(raw: Fields, where: str) -> Fields:
    """Return whom a component asks, with the provider's name of this project; nobody is nothing."""
    name, kind = raw.get("model") or "", raw.get("model_type") or ""
    if not name:
        return {}
    if not isinstance(name, str):
        raise InputError(f"{where}: model {name!r} is no name")
    if not isinstance(kind, str) or kind not in PROVIDERS:
        raise InputError(f"{where}: model_type {kind!r} is none of {', '.join(PROVIDERS)}")
    return {"model": f"{PROVIDERS[kind]}/{name}"}
