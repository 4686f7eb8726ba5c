"""The providers, and the model of a name `provider/name`, which asks over the network."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from harness.models.base import Model, Sampling
from harness.models.ways import way_to
from harness.secrets import NO_KEY, choose_key, read_key, scrub
from tasks.base import InputError
from tasks.plugins import Parts


class Server(NamedTuple):
    """Where and how a provider is reached.

    Attributes:
        base_url: its address; None for the provider's own.
        api_key_env: the variable that holds the key; None for the provider's own.
        max_connections: calls at once that there is room for.
    """

    base_url: str | None = None
    api_key_env: str | None = None
    max_connections: int = 10


@dataclass(frozen=True)
class Provider:
    """A provider of models as it is declared.

    Attributes:
        name: what stands before the slash in the names of its models.
        about: one line.
        make: builds the model of a name, without the provider; SDKs are imported here.
    """

    name: str
    about: str
    make: Callable[[str, Sampling, Server], Model]


def _openai(name: str, sampling: Sampling, server: Server) -> Model:
    from harness.models.openai import OpenAI

    key = choose_key("OPENAI_API_KEY", server.base_url, server.api_key_env)
    return OpenAI(name, sampling, key, server.base_url, server.max_connections)


def _responses(name: str, sampling: Sampling, server: Server) -> Model:
    from harness.models.responses import Responses

    key = choose_key("OPENAI_API_KEY", server.base_url, server.api_key_env)
    return Responses(name, sampling, key, server.base_url, server.max_connections)


def _anthropic(name: str, sampling: Sampling, server: Server) -> Model:
    from harness.models.anthropic import Anthropic

    key = choose_key("ANTHROPIC_API_KEY", server.base_url, server.api_key_env)
    return Anthropic(name, sampling, key, server.base_url, server.max_connections)


def _litellm(name: str, sampling: Sampling, server: Server) -> Model:
    from harness.models.litellm import LiteLLM

    key = NO_KEY if server.base_url else None
    if server.api_key_env:
        key = read_key(server.api_key_env)
    return LiteLLM(name, sampling, key, server.base_url, server.max_connections)


_OWN = {
    "openai": Provider(
        "openai", "chat completions, of OpenAI or of any server that speaks them", _openai
    ),
    "openai-responses": Provider("openai-responses", "the responses API, of the same", _responses),
    "anthropic": Provider("anthropic", "the messages API", _anthropic),
    "litellm": Provider("litellm", "whatever litellm reaches", _litellm),
}
PROVIDERS = Parts("provider", "makespan.models", Provider, names=tuple(_OWN), load=_OWN.__getitem__)


def build_model(spec: str, sampling: Sampling, server: Server) -> Model:
    """Build a model of a provider.

    Args:
        spec: `provider/name`.
        sampling: how replies are drawn.
        server: where it is asked.

    Raises:
        InputError: for an unknown provider, a missing key or extra, or an address that is none.
    """
    provider, name = require_provider(spec)
    if server.base_url is not None:
        _check_address(server.base_url)
    return PROVIDERS[provider].make(name, sampling, server)


def require_provider(spec: str) -> tuple[str, str]:
    """Return the provider of a model and its own name there; InputError if there is none."""
    provider, _, name = spec.partition("/")
    if not name or provider not in PROVIDERS:
        choices = [*PROVIDERS, "policy"]
        raise InputError(
            f"unknown model {spec!r}: providers are {', '.join(choices)}{way_to(spec, choices)}"
        )
    return provider, name


def _check_address(base_url: str) -> None:
    try:
        parts = urlsplit(base_url)
        is_valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        has_secret = "@" in parts.netloc or bool(parts.query)
    except ValueError:  # a port or an IPv6 address that is none
        is_valid = has_secret = False
    if has_secret:
        raise InputError("a base URL is kept in the manifest: no user, password or query in it")
    if not is_valid:
        raise InputError(f"base URL {scrub(base_url)!r} is not an http:// or https:// address")
