"""The parameters of the library as options of the command line."""

from collections.abc import Mapping

_SAME = (
    "agent",
    "api_key_env",
    "base_url",
    "cache",
    "data",
    "engine",
    "http",
    "jobs",
    "level",
    "limit",
    "out",
    "price",
    "prices",
    "private",
    "ray_address",
    "references",
    "repo",
    "seed",
    "strict",
    "time_limit",
    "unsafe",
)
OPTIONS: Mapping[str, str] = {
    **{name: f"--{name.replace('_', '-')}" for name in _SAME},
    **{f"budget.{what}": f"--budget-{what}" for what in ("cost", "tokens", "time")},
    **{f"episode_budget.{what}": f"--budget-episode-{what}" for what in ("cost", "tokens", "time")},
    "connections": "--max-connections",
    "errors": "--fail-on-error",
    "models": "--model",
    "sampling.extra": "--extra-body",
    "sampling.max_tokens": "--max-output-tokens",
    "sampling.max_tokens_as": "--max-output-tokens-as",
    "sampling.reasoning_effort": "--reasoning-effort",
    "sampling.seed": "--model-seed",
    "sampling.structured": "--structured",
    "sampling.temperature": "--temperature",
    "settings": "-T",
    "solve": "--no-solve",
}
