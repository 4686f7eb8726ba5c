"""Errors as real servers word them: status, code, message, and the kind of failure each is."""

from typing import NamedTuple


class Case(NamedTuple):
    """An error of a server, and the kind that it is."""

    status: int
    message: str
    kind: str
    code: str = ""


def _all(kind: str, status: int, *messages: str) -> list[Case]:
    return [Case(status, message, kind) for message in messages]


TOO_LONG = _all(
    "context length",
    400,
    "prompt is too long: 220000 tokens > 200000 maximum",
    "Your input exceeds the context window of this model.",
    "Error: context length exceeded",
    "This model's maximum context length is 8192 tokens; use a shorter prompt.",
    "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens.",
    "This model's maximum context length is 4097 tokens. However, you requested 5120 tokens (5000"
    " in the messages, 120 in the completion). Please reduce the length of the messages.",
    "This model's maximum context length is 4097 tokens, however you requested 4231 tokens (4225 in"
    " your prompt; 6 for the completion). Please reduce your prompt; or completion length.",
    "This model's maximum context length is 8192 tokens. However, your messages resulted in"
    " 8545 tokens. Please shorten them.",
    "This endpoint's maximum context length is 131072 tokens. However, you requested about 214000"
    " tokens (210000 of text input, 4000 in the output).",
    "'max_tokens' or 'max_completion_tokens' is too large: 100. This model's maximum context"
    " length is 4096 tokens and your request has 5310 input tokens (100 > 4096 - 5310).",
    "This model's maximum context length is 4096 tokens. However, you requested 128 output tokens"
    " and your prompt contains at least 4100 input tokens, for a total of at least 4228 tokens.",
    "You passed 4200 input tokens and requested 128 output tokens. However, the model's context"
    " length is only 4096 tokens, resulting in a maximum input length of 3968 tokens.",
    "Requested token count exceeds the model's maximum context length of 4096 tokens. You"
    " requested a total of 9000 tokens: 8000"
    " tokens from the input messages and 1000 tokens for the completion.",
    "input length and `max_tokens` exceed context limit: 210000 + 20000 > 200000, decrease input",
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000"
    " `inputs` tokens and 100 `max_new_tokens`",
    "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum",
    "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
    "Please reduce the length of the messages or completion.",
    "Input is too long for requested model.",
    "Too many input tokens. Max input tokens: 8192, request input token count: 9279",
    "Malformed input request: expected maxLength: 50000, actual: 52611, please reformat your input",
    "The input token count (1196265) is beyond what is allowed.",
    "The request exceeds the maximum number of tokens allowed (1048576).",
    "This model's maximum prompt length is 131072 but the request contains 537812 tokens",
    "prompt token count of 130000 exceeds the limit of 128000",
    "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 30720]",
    "Total tokens of image and text exceed max message tokens",
    "Request size limit exceeded: 9000, the maximum allowed number of input tokens is 8192",
    "Input length 9000 exceeds the maximum allowed input length of 8192 tokens",
    "total message token length exceed model limit",
    "Invalid request: Your request exceeded model token limit: 262144 (requested: 300000)",
    "invalid params, context window exceeds limit (2013)",
    "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5000.",
    "too many tokens: size limit exceeded by 1234 tokens. Try using shorter inputs.",
    "the request exceeds the available context size, try increasing it",
    "input prompt is too big compared to KV size",
    "input is too large to process. increase the physical batch size",
    "the input length exceeds the context length",
    "prompt too long; exceeded max context by 12 tokens",
    "The number of tokens to keep from the initial prompt is greater than the context length",
    "Trying to keep the first 6000 tokens when context overflows. However, the model is"
    " loaded with context length of only 4096 tokens",
    "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
    "Input validation error: `inputs` must have less than 1024 tokens. Given: 3000",
    "prompt length (9000) exceeds maximum input length (8192). Set log level to info",
    "The sum of prompt length (9000.0), query length (0) should not exceed max_num_tokens (8192)",
    "max_tokens must be at least 1, got -200.",
    "The decoder prompt (length 9000) is longer than the maximum model length of 8192.",
    "The prompt (total length 9000) is too long to fit into the model (context length 8192).",
)

TOO_LONG_BY_CODE = [
    Case(400, "too much", "context length", "context_length_exceeded"),
    Case(400, "too much", "context length", "context_window_exceeded"),
    Case(413, "Request exceeds the maximum size", "context length", "request_too_large"),
    Case(400, "request (9412 tokens) is too large", "context length", "exceed_context_size_error"),
    Case(400, "litellm.ContextWindowExceededError", "context length", "ContextWindowExceededError"),
    Case(200, "token limit", "context length", "1039"),
    Case(400, "Prompt exceeds max length", "context length", "1261"),
    Case(422, "prompt is too long: 9 tokens > 8 maximum", "context length"),
    Case(500, "input prompt is too big compared to KV size", "context length"),
    Case(200, "prompt is too long: 9 tokens > 8 maximum", "context length"),
]

SETTINGS = _all(
    "output limit",
    400,
    "'max_tokens' is too large: 8000. This model's maximum context length is 4096 tokens and your"
    " request has 310 input tokens (8000 > 4096 - 310).",
    "This model's maximum context length is 4096 tokens. However, you requested 8310 tokens (310"
    " in the messages, 8000 in the completion). Please reduce the length of the messages.",
    "This model's maximum context length is 4096 tokens. However, you requested 8000 output tokens"
    " and your prompt contains 310 input tokens, for a total of 8310 tokens.",
    "You passed 310 input tokens and requested 8000 output tokens. However, the model's context"
    " length is only 4096 tokens.",
    "Requested token count exceeds the model's maximum context length of 4096 tokens. You"
    " requested a total of 8310 tokens: 310 tokens"
    " from the input messages and 8000 tokens for the completion.",
    "This endpoint's maximum context length is 131,072 tokens. However, you requested about 200,310"
    " tokens (310 of text input, 200,000 in the output).",
    "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input",
    "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 310 `inputs` tokens and 8000"
    " `max_new_tokens`",
    "`inputs` tokens + `max_new_tokens` must be <= 4096",
    "max_tokens is too large: 100000. This model supports at most 16384 completion tokens, whereas"
    " you provided 100000.",
    "max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens for claude-x",
    "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]",
    "<400> InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, 8192]",
    "`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less"
    " than the `context_window` for this model",
    "`max_completion_tokens` must be less than or equal to `8192`, the maximum value for"
    " `max_completion_tokens`",
    "Unable to submit request because it has a maxOutputTokens value of 100000 but the supported"
    " range is from 1 (inclusive) to 8193 (exclusive).",
    "max_output_tokens must be positive and at most 65536",
    "The maximum tokens you requested exceeds the model limit of 4096. Try again with a maximum"
    " tokens value that is lower than 4096.",
    "max_completion_tokens is too large. max_tokens is limited to 16384 for this model",
    "Input token count + max_tokens must be less than the context length of the model being"
    " queried. Set max_tokens to a lower number.",
)


FILTERED = _all(
    "content filter",
    400,
    "Content Exists Risk",
    "Input data may contain inappropriate content.",
    "Output blocked by content filtering policy",
    "The response was filtered due to the prompt triggering Azure's content management policy.",
    "Your request was rejected as a result of our content policy.",
    "Your request was rejected as a result of our safety system.",
    "Invalid prompt: your prompt was flagged as potentially violating our usage policy.",
    "System detected potentially unsafe or sensitive content in input or generation.",
    "The request was rejected because it was considered high risk",
    "The request was stopped by a content filter.",
    "The prompt did not pass moderation.",
)

FILTERED_BY_CODE = [
    Case(400, "no", "content filter", "content_filter"),
    Case(400, "no", "content filter", "content_policy_violation"),
    Case(400, "no", "content filter", "invalid_prompt"),
    Case(400, "no", "content filter", "ResponsibleAIPolicyViolation"),
    Case(400, "no", "content filter", "data_inspection_failed"),
    Case(400, "no", "content filter", "DataInspectionFailed"),
    Case(400, "no", "content filter", "1301"),
    Case(200, "input new_sensitive", "content filter", "1026"),
    Case(400, "no", "content filter", "ContentPolicyViolationError"),
    Case(400, "no", "content filter", "SensitiveContentDetected"),
    Case(403, 'Your input was flagged for "violence/graphic".', "content filter"),
    Case(403, "openai/m requires moderation on Azure.", "content filter"),
    Case(403, "Content violates usage guidelines.", "content filter"),
    Case(403, "Failed check: SAFETY_CHECK_TYPE_BIO", "content filter"),
]

ACCOUNT = [
    Case(429, "You exceeded your current quota", "no credit", "insufficient_quota"),
    Case(400, "limit", "no credit", "billing_hard_limit_reached"),
    Case(429, "Your account is suspended", "no credit", "exceeded_current_quota_error"),
    Case(429, "Pay first", "no credit", "1113"),
    Case(
        400,
        "Access denied, please make sure your account is in good standing.",
        "no credit",
        "Arrearage",
    ),
    Case(
        403,
        "The free tier of the model has been exhausted.",
        "no credit",
        "AllocationQuota.FreeTierOnly",
    ),
    Case(403, "overdue", "no credit", "AccountOverdueError"),
    Case(200, "money", "no credit", "1008"),
    Case(400, "Your credit balance is too low to access the API.", "no credit"),
    Case(402, "Insufficient Balance", "no credit"),
    Case(402, "Insufficient credits. Add more.", "no credit"),
    Case(403, "Key limit exceeded (daily limit).", "no credit"),
    Case(403, "Your newly created team doesn't have any credits yet.", "no credit"),
    Case(429, "insufficient funds", "no credit"),
    Case(401, "no", "authentication", "invalid_api_key"),
    Case(400, "no", "authentication", "API_KEY_INVALID"),
    Case(401, "no", "authentication", "authentication_error"),
    Case(403, "no", "authentication", "permission_error"),
    Case(200, "login fail", "authentication", "1004"),
    Case(403, "no", "authentication", "unsupported_country_region_territory"),
    Case(400, "Incorrect API key provided: xx.", "authentication"),
    Case(400, "API key not valid. Please pass a valid API key.", "authentication"),
    Case(400, "User location is not supported for the API use.", "authentication"),
]

PACE = [
    Case(429, "Too many tokens, please wait before trying again.", "rate limit"),
    Case(400, "Too many tokens, please wait before trying again.", "rate limit"),
    Case(
        413,
        "Request too large for model `m` on tokens per minute (TPM): Limit 6000, Requested 9000",
        "rate limit",
    ),
    Case(413, "too large, reduce the length of it", "rate limit", "rate_limit_exceeded"),
    Case(429, "no", "rate limit", "rate_limit_error"),
    Case(400, "no", "rate limit", "ThrottlingException"),
    Case(429, "no", "rate limit", "RESOURCE_EXHAUSTED"),
    Case(200, "no", "rate limit", "1002"),
    Case(429, "no", "rate limit", "1302"),
    Case(200, "no", "overloaded", "overloaded_error"),
    Case(429, "no", "overloaded", "engine_overloaded_error"),
    Case(429, "no", "overloaded", "service_tier_capacity_exceeded"),
    Case(429, "no", "overloaded", "ModelNotReadyException"),
    Case(498, "Flex tier capacity exceeded", "overloaded"),
    Case(498, "no", "overloaded"),
    Case(503, "The model is overloaded. Please try again later.", "overloaded"),
    Case(429, "Model is overloaded", "overloaded"),
    Case(503, "server busy, please try again.  maximum pending requests exceeded", "overloaded"),
    Case(429, "The engine is currently overloaded, please try again later", "overloaded"),
    Case(400, "Failed to call a function. Please adjust it.", "server", "tool_use_failed"),
    Case(424, "Request failed during generation: Server error: ", "server"),
    Case(503, "Model m is currently loading", "server"),
]

PLACES = [
    Case(404, "404 page not found", "wrong address"),
    Case(404, "Cannot POST /chat/completions", "wrong address"),
    Case(404, "<html><head><title>404 Not Found</title></head></html>", "wrong address"),
    Case(404, "File Not Found", "wrong address", "not_found_error"),
    Case(404, "Invalid URL (POST /v1/v1/chat/completions)", "wrong address"),
    Case(404, "Resource not found", "wrong address"),
    Case(404, "detail: Not Found", "wrong address"),
    Case(200, "Unexpected endpoint or method. (POST /chat/completions)", "wrong address"),
    Case(405, "detail: Method Not Allowed", "wrong address"),
    Case(400, "no", "no such model", "model_not_found"),
    Case(400, "The model `m` has been decommissioned", "no such model", "model_decommissioned"),
    Case(
        404,
        "The deployment for this resource does not exist.",
        "no such model",
        "DeploymentNotFound",
    ),
    Case(400, "Invalid model: m", "no such model", "invalid_model"),
    Case(404, "no", "no such model", "ModelNotOpen"),
    Case(400, "Model Not Exist", "no such model"),
    Case(400, "m is not a valid model ID", "no such model"),
    Case(400, "invalid model ID", "no such model"),
    Case(400, "The model grok-0 does not exist or your team does not have access", "no such model"),
    Case(404, 'model "m" not found, try pulling it first', "no such model"),
    Case(400, "The provided model identifier is invalid.", "no such model"),
    Case(400, "No models loaded. Please load a model", "no such model"),
    Case(404, "No endpoints found that support tool use.", "bad request"),
    Case(404, "sorry", "no such model"),
]

LISTS = (TOO_LONG, TOO_LONG_BY_CODE, SETTINGS, FILTERED, FILTERED_BY_CODE, ACCOUNT, PACE, PLACES)
CASES = [case for cases in LISTS for case in cases]

NEITHER = [  # near misses: what looks like one of the above, and is none
    Case(400, "Too many tokens in the stop sequence", "bad request"),
    Case(429, "prompt is too long: 9 tokens > 8 maximum", "rate limit"),
    Case(429, "You exceeded your current quota", "rate limit"),  # Gemini's limit a minute
    Case(400, "Unsupported parameter: content filter", "bad request"),
    Case(400, "max_tokens must be an integer", "bad request"),
    Case(400, "max_tokens must be at least 1, got 0.", "bad request"),
    Case(
        400,
        "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
        "bad request",
    ),
    Case(400, "context_management is not supported", "bad request"),
    Case(400, "the input is shorter than 1 token", "bad request"),
    Case(400, "model must be a string", "bad request"),
    Case(401, "this model's maximum context length is 10", "authentication"),
    Case(403, "Please accept our usage policies first", "authentication"),
    Case(404, "model: claude-0 is not there", "no such model"),
    Case(500, "content filter crashed", "server"),
    Case(400, "response_format of this kind is not supported", "bad request"),
    Case(402, "no", "no credit"),
    Case(200, "something else", "server"),
]
