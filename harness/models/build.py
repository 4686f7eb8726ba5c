"""Builds the model of a name `provider/name`, which asks over the network."""

from urllib.parse import urlsplit

from harness.models.base import Model, Sampling
from harness.secrets import NO_KEY, choose_key, read_key, scrub
from tasks.base import InputError

PROVIDERS = {
    "openai": "chat completions, of OpenAI or of any server (--base-url)",
    "openai-responses": "the responses API, of the same",
    "anthropic": "the messages API",
    "litellm": "whatever litellm reaches",
    "policy": "the policies above, which ask nobody",  # built elsewhere
}


def build_model(
    spec: str,
    sampling: Sampling,
    *,
    base_url: str | None,
    api_key_env: str | None,
    max_connections: int,
) -> Model:
    """Build a model of a provider; SDKs are imported here and not before.

    Args:
        spec: `provider/name`.
        sampling: how replies are drawn.
        base_url: of the server, None for the provider's own.
        api_key_env: the variable that holds the key, None for the provider's own.
        max_connections: calls at once that there is room for.

    Raises:
        InputError: for an unknown provider, a missing key or extra, or an address that is none.
    """
    provider, _, name = spec.partition("/")
    if base_url is not None:
        _check_address(base_url)
    if name and provider == "openai":
        from harness.models.openai import OpenAI

        key = choose_key("OPENAI_API_KEY", base_url, api_key_env)
        return OpenAI(name, sampling, key, base_url, max_connections)
    if name and provider == "openai-responses":
        from harness.models.responses import Responses

        key = choose_key("OPENAI_API_KEY", base_url, api_key_env)
        return Responses(name, sampling, key, base_url, max_connections)
    if name and provider == "anthropic":
        from harness.models.anthropic import Anthropic

        key = choose_key("ANTHROPIC_API_KEY", base_url, api_key_env)
        return Anthropic(name, sampling, key, base_url, max_connections)
    if name and provider == "litellm":
        from harness.models.litellm import LiteLLM

        server_key = read_key(api_key_env) if api_key_env else NO_KEY if base_url else None
        return LiteLLM(name, sampling, server_key, base_url, max_connections)
    raise InputError(f"unknown model {spec!r}: providers are {', '.join(PROVIDERS)}")


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
