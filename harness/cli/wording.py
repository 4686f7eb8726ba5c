"""The parameters of the library as options of the command line."""

from collections.abc import Mapping

_SAME = (
    "api_key_env",
    "base_url",
    "cache",
    "data",
    "engine",
    "epochs",
    "http",
    "jobs",
    "level",
    "limit",
    "out",
    "price",
    "prices",
    "private",
    "ray_address",
    "repo",
    "seed",
    "unsafe",
)
OPTIONS: Mapping[str, str] = {
    **{name: f"--{name.replace('_', '-')}" for name in _SAME},
    **{f"budget.{what}": f"--budget-{what}" for what in ("cost", "tokens", "time")},
    **{f"episode_budget.{what}": f"--budget-episode-{what}" for what in ("cost", "tokens", "time")},
    "connections": "--max-connections",
    "errors": "--fail-on-error",
    "families": "--family",
    "models": "--model",
    "sampling.extra": "--extra-body",
    "settings": "-T",
}
