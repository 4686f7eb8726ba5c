"""The way to models whose provider is none of ours: by an address, or by litellm."""

from typing import NamedTuple

from tasks.near import did_you_mean


class Way(NamedTuple):
    """A way to a provider; an empty part is none.

    Attributes:
        address: of a server that speaks chat completions.
        key: the variable in which its users have their key.
        litellm: what litellm calls the provider.
    """

    address: str = ""
    key: str = ""
    litellm: str = ""


_OLLAMA = Way("http://127.0.0.1:11434/v1", litellm="ollama")
_GOOGLE = Way(
    "https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY", litellm="gemini"
)
_TOGETHER = Way("https://api.together.xyz/v1", "TOGETHER_API_KEY", litellm="together_ai")
_HUGGING_FACE = Way("https://router.huggingface.co/v1", "HF_TOKEN", litellm="huggingface")
_XAI = Way("https://api.x.ai/v1", "XAI_API_KEY", litellm="xai")
_FIREWORKS = Way(
    "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY", litellm="fireworks_ai"
)

WAYS: dict[str, Way] = {
    "ollama": _OLLAMA,
    "vllm": Way("http://127.0.0.1:8000/v1", litellm="hosted_vllm"),
    "sglang": Way("http://127.0.0.1:30000/v1"),
    "llama-cpp": Way("http://127.0.0.1:8080/v1"),
    "lmstudio": Way("http://127.0.0.1:1234/v1", litellm="lm_studio"),
    "together": _TOGETHER,
    "togetherai": _TOGETHER,
    "groq": Way("https://api.groq.com/openai/v1", "GROQ_API_KEY", litellm="groq"),
    "mistral": Way("https://api.mistral.ai/v1", "MISTRAL_API_KEY", litellm="mistral"),
    "google": _GOOGLE,
    "gemini": _GOOGLE,
    "vertex": Way(litellm="vertex_ai"),
    "azure": Way(litellm="azure"),
    "bedrock": Way(litellm="bedrock"),
    "cohere": Way(litellm="cohere_chat"),
    "hf": _HUGGING_FACE,
    "huggingface": _HUGGING_FACE,
    "openrouter": Way("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", litellm="openrouter"),
    "deepseek": Way("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY", litellm="deepseek"),
    "fireworks": _FIREWORKS,
    "grok": _XAI,
    "xai": _XAI,
}
_BEGINNINGS = {"gpt-": "openai", "chatgpt-": "openai", "o3": "openai", "claude": "anthropic"}


def way_to(name: str, providers: list[str]) -> str:
    """Return the end of a message about a model of no provider of ours: how it can be asked.

    Args:
        name: as it was given, with what may be a provider before its first slash.
        providers: those there are.
    """
    provider, slash, model = name.partition("/")
    if not slash or not model:
        likely = next((p for begin, p in _BEGINNINGS.items() if provider.startswith(begin)), None)
        return f"; did you mean '{likely}/{provider}'?" if likely else ""
    way = WAYS.get(provider.lower().replace("_", "-").removesuffix("-ai"))
    if way is None:
        return did_you_mean(provider, [*providers, *WAYS])
    ways = [f"litellm/{way.litellm}/{model}"] if way.litellm else []
    if way.address:
        key = f" and `api_key_env` {way.key}" if way.key else ""
        ways.insert(0, f"openai/{model} with `base_url` {way.address}{key}")
    return f"; give {' or '.join(ways)}"
