"""One SDK client over aiohttp: bytes out, bytes back, every error of the SDK a `ProviderFailure`.

`client.post` is public in both SDKs, and in all their versions but for the name under which it
takes bytes. It spares the SDK's own reading and checking of requests and replies, more than half
of the CPU of a call.
"""

from importlib import import_module
from inspect import signature
from typing import Any

import msgspec

from harness.models.base import LIMITS, ProviderFailure
from harness.models.errors import connection_failure, status_failure
from tasks.base import Fields
from tasks.extras import MissingExtra, require

KEEPALIVE = 4.0  # seconds; uvicorn, and so vLLM, hangs up after 5 and may do so under a request


class Transport:
    """A way to post JSON to one path of a server; `sdk` is the module the client came from."""

    def __init__(self, sdk: Any, client: Any, path: str) -> None:
        from aiohttp import ClientError

        self._sdk, self._client = sdk, client
        self._lost = (sdk.APIConnectionError, ClientError)
        # in SDKs before 2026 `body` takes bytes as they are, and there is no `content`
        self._bytes = "content" if "content" in signature(client.post).parameters else "body"
        # whole: joining it to the base address again for each call takes a thirtieth of its CPU
        self.url = str(client.base_url).rstrip("/") + path

    async def post(self, body: Fields) -> bytes:
        """Return the body of a successful response; anything else is a `ProviderFailure`."""
        failure: ProviderFailure
        try:
            answer: bytes = await self._client.post(
                self.url, cast_to=bytes, **{self._bytes: msgspec.json.encode(body)}
            )
        except self._sdk.APIStatusError as error:
            response = error.response
            failure = status_failure(
                response.status_code,
                response.headers,
                response.content,
                self.url,
                asked=next((body[name] for name in LIMITS if name in body), None),
            )
        except self._lost as error:
            failure = connection_failure(error, self.url)
        else:
            return answer
        raise failure

    async def close(self) -> None:
        """Give back connections."""
        await self._client.close()


def http_client(sdk: Any, max_connections: int) -> Any:
    """Return the SDK's aiohttp client.

    Args:
        sdk: the module of the provider, which has the name of its extra.
        max_connections: calls at once that there is room for; the SDKs' own limit is 1,000.

    Raises:
        MissingExtra: the SDK is there without that.
    """
    require(sdk.__name__, f"a model of {sdk.__name__}", "aiohttp")
    [base] = sdk.DefaultAsyncHttpxClient.__bases__  # httpx.AsyncClient, HTTPX2's since openai 3
    package = import_module(base.__module__.partition(".")[0])
    limits = package.Limits(
        max_connections=max_connections,
        max_keepalive_connections=max_connections,
        keepalive_expiry=KEEPALIVE,
    )
    try:
        return _with_no_cookies(sdk.DefaultAioHttpClient, package)(limits=limits)
    except RuntimeError:  # a package between the two, which only some versions of the SDKs need
        raise MissingExtra.of(sdk.__name__, f"a model of {sdk.__name__}", "httpx_aiohttp") from None


def _with_no_cookies(client: type, package: Any) -> type:
    """Return a client that leaves cookies to aiohttp's session, which keeps them anyway.

    To look for them again takes a sixteenth of the CPU of a call.

    Args:
        client: the SDK's aiohttp client.
        package: httpx, or what the SDK has in its place.
    """
    members = {"extract_cookies": lambda _, response: None}  # noqa: ARG005
    cookies = type("NoCookies", (package.Cookies,), members)
    return type(client.__name__, (client,), {"cookies": cookies()})
