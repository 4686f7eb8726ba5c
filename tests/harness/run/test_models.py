"""Names into models, and one line about names that are none."""

import subprocess
import sys

import pytest

from harness.models.base import Model
from harness.models.build import Server, build_model
from tasks.base import InputError
from tests.harness.models.talk import PLAIN


def built(spec: str, base_url: str | None = None, api_key_env: str | None = None) -> Model:
    """`build_model` with little to say."""
    return build_model(spec, PLAIN, Server(base_url, api_key_env, 4))


@pytest.mark.parametrize("spec", ["foo/bar", "openai", "openai/", "/gpt", "", "gpt-5"])
def test_an_unknown_model_is_told_the_providers(spec: str) -> None:
    known = "providers are openai, openai-responses, anthropic, litellm, policy"
    with pytest.raises(InputError) as caught:
        built(spec)
    near = "; did you mean 'openai/gpt-5'?" if spec == "gpt-5" else ""
    assert str(caught.value) == f"unknown model {spec!r}: {known}{near}"


@pytest.mark.parametrize(
    "url",
    ["ftp://h/v1", "127.0.0.1:8091/v1", "localhost", "http://", "http://[::1", "http://h:x/v1", ""],
)
def test_an_address_must_be_one(url: str) -> None:
    with pytest.raises(InputError, match="is not an http:// or https:// address"):
        built("openai/m", url)


@pytest.mark.parametrize("provider", ["openai", "openai-responses", "anthropic"])
def test_the_providers_own_server_needs_a_key(
    provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = f"{provider.partition('-')[0].upper()}_API_KEY"
    monkeypatch.delenv(variable, raising=False)
    with pytest.raises(InputError, match=f"no API key: set the environment variable {variable}"):
        built(f"{provider}/m")


def test_a_named_key_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    for spec in ("openai/m", "anthropic/m", "litellm/m"):
        with pytest.raises(InputError, match="MY_KEY"):
            built(spec, "http://127.0.0.1:1/v1", "MY_KEY")


def test_a_name_may_have_slashes() -> None:
    assert built("openai/org/model", "http://127.0.0.1:1/v1").name == "openai/org/model"


@pytest.mark.parametrize("package", ["anthropic", "litellm"])
def test_a_missing_extra_is_one_line(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError) as caught:
        built(f"{package}/m", "http://127.0.0.1:1")
    needs = f"{package}/m needs the package {package}: pip install 'makespan[{package}]' "
    assert str(caught.value).startswith(needs)


def test_no_sdk_is_imported_before_it_is_used() -> None:
    code = (
        "import sys, harness.models.build;"
        "print([m for m in ('openai', 'anthropic', 'litellm', 'aiohttp') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
