"""One SDK client over aiohttp: bytes out, bytes back, every error of the SDK a `ProviderFailure`.

`client.post` is public in both SDKs and the same in all their versions. It spares the SDK's own
reading and checking of requests and replies, more than half of the CPU of a call.
"""

from importlib import import_module
from typing import Any

import aiohttp
import msgspec

from harness.models.base import ProviderFailure
from harness.models.errors import connection_failure, status_failure
from tasks.base import Fields

KEEPALIVE = 4.0  # seconds; uvicorn, and so vLLM, hangs up after 5 and may do so under a request


class Transport:
    """A way to post JSON to one path of a server; `sdk` is the module the client came from."""

    def __init__(self, sdk: Any, client: Any, path: str) -> None:
        self._sdk, self._client, self._path = sdk, client, path
        self.url = str(client.base_url).rstrip("/") + path

    async def post(self, body: Fields) -> bytes:
        """Return the body of a successful response; anything else is a `ProviderFailure`."""
        failure: ProviderFailure
        try:
            answer: bytes = await self._client.post(
                self._path, cast_to=bytes, content=msgspec.json.encode(body)
            )
        except self._sdk.APIStatusError as error:
            response = error.response
            failure = status_failure(
                response.status_code, response.headers, response.content, self.url
            )
        except (self._sdk.APIConnectionError, aiohttp.ClientError) as error:
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
        sdk: the module of the provider.
        max_connections: calls at once that there is room for; the SDKs' own limit is 1,000.
    """
    [base] = sdk.DefaultAsyncHttpxClient.__bases__  # httpx.AsyncClient, HTTPX2's since openai 3
    limits = import_module(base.__module__.partition(".")[0]).Limits(
        max_connections=max_connections,
        max_keepalive_connections=max_connections,
        keepalive_expiry=KEEPALIVE,
    )
    return sdk.DefaultAioHttpClient(limits=limits)
