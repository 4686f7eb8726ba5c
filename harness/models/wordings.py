"""How servers say what went wrong: one table, read from its top, the first row that fits counts.

A row fits an error by its status, its code and its words; what it must not be stands in the row.
In words, `{input}` stands for a number of tokens with that meaning, `#` for any number and `...`
for anything. Case and blanks do not count.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from tasks.base import Noun


class ErrorText(NamedTuple):
    """An error as a server told it.

    Attributes:
        status: of HTTP, else the number that the error gives as its code; 0 for none.
        codes: its code, type and the like, lower case.
        text: its message and all else that it says, in one line, lower case.
    """

    status: int
    codes: tuple[str, ...]
    text: str


class Wording(Noun, frozen=True):
    """A row of the table.

    Attributes:
        kind: of failure.
        server: who says so.
        says: words of the message; empty where the code is enough.
        codes: of which the error has one; one with an underscore may also stand in its message.
        statuses: of which it has one; empty for any. An error without a status fits all.
        unless: words that it must not have.
    """

    kind: str
    server: str
    says: str = ""
    codes: tuple[str, ...] = ()
    statuses: tuple[int, ...] = ()
    unless: tuple[str, ...] = ()


REFUSED = (400, 403, 404, 413, 422, 500)  # what servers give a request that they cannot take
PACE = ("rate limit", "per minute", "per min", "too many requests", "please wait", "(tpm)")


def _length(server: str, says: str) -> Wording:
    """Return a row of requests that are longer than the model, or the setting, allows."""
    return Wording("context length", server, says, statuses=REFUSED, unless=PACE)


def _limit(server: str, says: str) -> Wording:
    return Wording("output limit", server, says, statuses=REFUSED, unless=PACE)


def _code(kind: str, server: str, *codes: str, statuses: tuple[int, ...] = ()) -> Wording:
    return Wording(kind, server, codes=codes, statuses=statuses)


def _filter(server: str, says: str = "", *codes: str, unless: tuple[str, ...] = ()) -> Wording:
    return Wording(
        "content filter", server, says, codes=codes, statuses=(400, 403, 422, 451), unless=unless
    )


WORDINGS: tuple[Wording, ...] = (
    # The account has nothing left: before rate limits, whose status it often has.
    _code(
        "no credit", "OpenAI, Azure, Mistral", "insufficient_quota", "billing_hard_limit_reached"
    ),
    _code("no credit", "Moonshot", "exceeded_current_quota_error"),
    _code("no credit", "Z.ai", "1113", statuses=(400, 429)),
    _code("no credit", "DashScope", "arrearage", "allocationquota.freetieronly"),
    _code("no credit", "Volcengine", "accountoverdueerror"),
    _code("no credit", "MiniMax", "1008"),
    Wording("no credit", "Anthropic", "credit balance is too low"),
    Wording("no credit", "DeepSeek", "insufficient balance"),
    Wording("no credit", "OpenRouter", "insufficient credits"),
    Wording("no credit", "OpenRouter", "key limit exceeded", statuses=(402, 403)),
    Wording("no credit", "xAI", "doesn't have any credits", statuses=(402, 403)),
    Wording("no credit", "compatible servers", "insufficient funds"),
    # Too much at once: these words also stand in messages about length.
    Wording("rate limit", "Bedrock", "too many tokens, please wait"),
    Wording("rate limit", "Groq", "tokens per minute (tpm)", statuses=(400, 413, 429)),
    _code(
        "rate limit", "OpenAI, Mistral", "rate_limit_exceeded", "rate_limit_error", "rate_limited"
    ),
    _code("rate limit", "Bedrock", "throttlingexception", "throttling", "throttling.ratequota"),
    _code("rate limit", "Gemini", "resource_exhausted", statuses=(429,)),
    _code("rate limit", "MiniMax", "1002"),
    _code("rate limit", "Z.ai", "1302", "1303", "1305", statuses=(429,)),
    # The provider has no room.
    _code("overloaded", "Anthropic", "overloaded_error"),
    _code("overloaded", "Moonshot", "engine_overloaded_error"),
    _code("overloaded", "Mistral", "service_tier_capacity_exceeded"),
    _code("overloaded", "Bedrock", "servicequotaexceededexception", "modelnotreadyexception"),
    Wording("overloaded", "Groq", "capacity exceeded", statuses=(498, 503)),
    Wording("overloaded", "TGI, Gemini", "model is overloaded", statuses=(429, 503)),
    Wording("overloaded", "Ollama", "server busy, please try again", statuses=(503,)),
    Wording("overloaded", "OpenAI", "engine is currently overloaded", statuses=(429, 503)),
    # The key.
    _code(
        "authentication", "OpenAI, Gemini", "invalid_api_key", "api_key_invalid", "unauthenticated"
    ),
    _code("authentication", "Anthropic", "authentication_error", "permission_error"),
    _code("authentication", "MiniMax", "1004"),
    _code("authentication", "OpenAI", "unsupported_country_region_territory"),
    Wording("authentication", "xAI", "incorrect api key provided", statuses=(400, 401)),
    Wording("authentication", "Gemini", "api key not valid", statuses=(400, 401)),
    Wording(
        "authentication", "Gemini", "location is not supported for the api use", statuses=(400,)
    ),
    # The address is wrong: something answers there, and no model's name is told.
    Wording("wrong address", "Go servers", "404 page not found", statuses=(404,)),
    Wording("wrong address", "Express", "cannot post /", statuses=(404,)),
    Wording("wrong address", "nginx, Apache", "<html", statuses=(404, 405)),
    Wording("wrong address", "llama.cpp", "file not found", statuses=(404,)),
    Wording("wrong address", "OpenAI", "invalid url (post", statuses=(404,)),
    Wording(
        "wrong address", "Azure", "resource not found", statuses=(404,), unless=("deployment",)
    ),
    Wording("wrong address", "vLLM, SGLang", "detail: not found", statuses=(404,)),
    Wording("wrong address", "LM Studio", "unexpected endpoint or method"),
    Wording("wrong address", "FastAPI", "detail: method not allowed", statuses=(405,)),
    # A model, but none that takes what is asked with it.
    Wording("bad request", "OpenRouter", "no endpoints found that support", statuses=(404,)),
    # What the model wrote could not be read by its own server: another try writes it anew.
    _code("server", "Groq", "tool_use_failed", "json_validate_failed"),
    # The model is not there.
    _code(
        "no such model",
        "OpenAI, Groq",
        "model_not_found",
        "model_decommissioned",
        "model_not_active",
    ),
    _code("no such model", "Azure", "deploymentnotfound"),
    _code("no such model", "Mistral", "invalid_model"),
    _code("no such model", "Volcengine", "modelnotopen", "invalidendpointormodel.notfound"),
    Wording("no such model", "DeepSeek", "model not exist", statuses=(400, 404)),
    Wording("no such model", "OpenRouter", "is not a valid model id", statuses=(400, 404)),
    Wording("no such model", "OpenAI", "invalid model id", statuses=(400,)),
    Wording("no such model", "xAI", "the model ... does not exist", statuses=(400, 404)),
    Wording("no such model", "Bedrock", "model identifier is invalid", statuses=(400,)),
    Wording("no such model", "LM Studio", "no models loaded", statuses=(400, 404)),
    # The user's limit of output tokens is more than the model or the server writes.
    _limit("OpenAI", "supports at most # completion tokens"),
    _limit("Anthropic", "which is the maximum allowed number of output tokens"),
    _limit("DeepSeek", "the valid range of max_tokens is"),
    _limit("DashScope", "range of max_tokens should be"),
    _limit("Groq", "max_tokens` must be less than or equal to"),
    _limit("Groq", "max_completion_tokens` must be less than or equal to"),
    _limit("Gemini", "maxoutputtokens value of # but the supported range"),
    _limit("Gemini", "max_output_tokens must be"),
    _limit("Bedrock", "maximum tokens you requested exceeds the model limit"),
    _limit("Together", "set max_tokens to a lower number"),
    _limit("Z.ai", "max_tokens is limited to #"),
    # The request is too long, or with the user's limit of output too long: the numbers tell.
    _length(
        "vLLM",
        "max_tokens... is too large: {output}. this model's maximum context length is {limit}"
        " tokens and your request has {input} input tokens",
    ),
    _length(
        "vLLM",
        "maximum context length is {limit} tokens. however, you requested {output} output tokens"
        " and your prompt contains ...{input} input tokens",
    ),
    _length(
        "vLLM",
        "you passed {input} input tokens and requested {output} output tokens. however, the model's"
        " context length is only {limit} tokens",
    ),
    _length(
        "OpenAI, vLLM, Azure",
        "maximum context length is {limit} tokens... you requested {total} tokens ({input} in"
        " ... {output} ",
    ),
    _length(
        "OpenRouter",
        "maximum context length is {limit} tokens. however, you requested about {total} tokens"
        " ({input} of text input, ...{output} in the output)",
    ),
    _length(
        "SGLang",
        "maximum context length of {limit} tokens. you requested a total of {total} tokens: {input}"
        " tokens from the input messages and {output} tokens for the completion",
    ),
    _length("OpenAI", "maximum context length is {limit} tokens... you requested {total} tokens"),
    _length(
        "OpenAI",
        "maximum context length is {limit} tokens... your messages resulted in {input} tokens",
    ),
    _length(
        "TGI",
        "`inputs` tokens + `max_new_tokens` must be <= {limit}. given: {input} `inputs` tokens and"
        " {output} `max_new_tokens`",
    ),
    _limit("TGI", "max_new_tokens` must be <= #"),
    _length(
        "Anthropic",
        "input length and `max_tokens` exceed context limit: {input} + {output} > {limit}",
    ),
    _length(
        "Mistral",
        "prompt contains {input} tokens and {output} draft tokens, too large for model with"
        " {limit}",
    ),
    _length("Mistral", "too large for model with # maximum context length"),
    _code("context length", "OpenAI, Azure", "context_length_exceeded", statuses=REFUSED),
    _code("context length", "compatible servers", "context_window_exceeded", statuses=REFUSED),
    _code("context length", "Anthropic", "request_too_large", statuses=REFUSED),
    _code("context length", "llama.cpp", "exceed_context_size_error", statuses=REFUSED),
    _code("context length", "litellm", "contextwindowexceedederror", statuses=REFUSED),
    _code("context length", "MiniMax", "1039", statuses=REFUSED),
    _code("context length", "Z.ai", "1261", statuses=REFUSED),
    _length("Anthropic", "prompt is too long"),
    _length("OpenAI", "exceeds the context window"),
    _length("OpenAI", "context length exceeded"),
    _length("OpenAI, vLLM", "maximum context length"),
    _length("OpenAI, Groq", "reduce the length of"),
    _length("Bedrock", "input is too long"),
    _length("Bedrock", "too many input tokens"),
    _length("Bedrock", "expected maxlength: #, actual: #"),
    _length("Gemini", "input token count"),
    _length("Gemini", "exceeds the maximum number of tokens allowed"),
    _length("xAI", "maximum prompt length is #"),
    _length("Copilot", "prompt token count of # exceeds the limit of #"),
    _length("DashScope", "range of input length should be"),
    _length("Volcengine", "total tokens of image and text exceed max message tokens"),
    _length("compatible servers", "maximum allowed number of input tokens"),
    _length("compatible servers", "maximum allowed input length"),
    _length("Baichuan, StepFun", "token length exceed model limit"),
    _length("Moonshot", "exceeded model token limit"),
    _length("MiniMax", "context window exceeds limit"),
    _length("Cohere", "number of tokens in the prompt cannot exceed"),
    _length("Cohere", "size limit exceeded by # tokens"),
    _length("llama.cpp", "exceeds the available context size"),
    _length("llama.cpp", "input prompt is too big compared to kv size"),
    _length("llama.cpp", "input is too large to process"),
    _length("Ollama", "input length exceeds the context length"),
    _length("Ollama", "prompt too long; exceeded"),
    _length("LM Studio", "greater than the context length"),
    _length("LM Studio", "context length of only # tokens"),
    _length("SGLang", "is longer than the model's context length"),
    _length("TGI", "`inputs` must have less than"),
    _length("TensorRT-LLM", "prompt length (#) exceeds maximum input length"),
    _length("TensorRT-LLM", "should not exceed max_num_tokens"),
    _length("vLLM", "max_tokens must be at least 1, got -#"),  # what the prompt leaves
    _length("vLLM", "maximum model length"),
    _length("vLLM", "too long to fit into the model"),
    # The provider refused what was said.
    _filter("OpenAI, Azure", "", "content_filter", "content_policy_violation", "invalid_prompt"),
    _filter("Azure", "", "responsibleaipolicyviolation"),
    _filter("DashScope", "", "data_inspection_failed", "datainspectionfailed"),
    _filter("Z.ai", "", "1301"),
    _filter("MiniMax", "", "1026", "1027"),
    _filter("litellm", "", "contentpolicyviolationerror"),
    _filter("Volcengine", "", "sensitivecontentdetected", "inputtextsensitivecontentdetected"),
    _filter("DeepSeek", "content exists risk"),
    _filter("OpenRouter", "input was flagged"),
    _filter("OpenRouter", "requires moderation"),
    _filter("DashScope", "inappropriate content"),
    _filter("Anthropic", "content filtering policy"),
    _filter("Azure", "content management policy"),
    _filter("OpenAI", "content policy"),
    _filter("OpenAI", "safety system"),
    _filter("OpenAI, Anthropic", "usage polic", unless=("update your", "accept")),
    _filter("Z.ai", "unsafe or sensitive content"),
    _filter("Moonshot", "considered high risk"),
    _filter("xAI", "violates usage guidelines"),
    _filter("xAI", "failed check: safety_check"),
    _filter("compatible servers", "content filter", unless=("parameter", "unsupported")),
    _filter("compatible servers", "moderation", unless=("parameter", "unsupported")),
)


def row_of(error: ErrorText) -> Wording | None:
    """Return the row that fits an error; None if none does."""
    return next((row for row in WORDINGS if _fits(row, error)), None)


def _fits(row: Wording, error: ErrorText) -> bool:
    if error.status and row.statuses and error.status not in row.statuses:
        return False
    if row.codes and not any(_has_code(error, code) for code in row.codes):
        return False
    if any(words in error.text for words in row.unless):
        return False
    return not row.says or pattern(row.says).search(error.text) is not None


def _has_code(error: ErrorText, code: str) -> bool:
    if code in error.codes:
        return True
    return "_" in code and re.search(rf"(?<![\w-]){code}(?![\w-])", error.text) is not None


def kind_of(error: ErrorText, asked: int | None = None) -> str | None:
    """Return the kind of failure by the table; None where no row fits.

    Args:
        error: as it was told.
        asked: the most output tokens that the request asked for, None for no limit.

    A request that is too long only with its output is the user's setting, not the model's failure.
    """
    row = row_of(error)
    if row is None or row.kind != "context length":
        return row.kind if row else None
    tokens = _tokens(row, error.text)
    limit, prompt, total = (tokens.get(name) for name in ("limit", "input", "total"))
    if prompt is None and total is not None and asked is not None:
        prompt = total - asked
    if limit is None or prompt is None or prompt >= limit:
        return row.kind
    return "output limit"


def _tokens(row: Wording, text: str) -> Mapping[str, int]:
    """Return the numbers of tokens that a message tells, by what they mean."""
    match = pattern(row.says).search(text)
    if match is None:
        return {}
    return {name: int(digits.replace(",", "")) for name, digits in match.groupdict().items()}


@cache
def pattern(says: str) -> re.Pattern[str]:
    """Return the words of a row as an expression that finds them in a line of lower case."""
    return re.compile("".join(_pieces(says)))


def _pieces(says: str) -> Iterator[str]:
    for piece in re.split(r"(\{[a-z]+\}|\.\.\.|#)", says):
        if piece == "...":
            yield ".*?"
        elif piece == "#":
            yield r"\d[\d,]*"
        elif piece.startswith("{"):
            yield rf"(?P<{piece[1:-1]}>\d[\d,]*)"
        else:
            yield re.escape(piece)
