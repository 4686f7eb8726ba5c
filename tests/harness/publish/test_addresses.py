"""No address of a private server leaves the machine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.publish.addresses import HIDDEN, is_private, without_addresses

PRIVATE = (
    "http://127.0.0.1:8091/v1",
    "http://localhost:8000/v1",
    "http://LOCALHOST",
    "http://192.168.3.4/v1",
    "http://10.1.2.3:1/v1",
    "http://172.20.0.7/v1",
    "http://100.64.1.2/v1",
    "http://[::1]:8091/v1",
    "http://[fe80::1]/v1",
    "http://8.8.8.8:8000/v1",  # public, but a machine of somebody's own
    "http://gpu-box:8000/v1",
    "https://llm.corp.internal/v1",
    "http://printer.local./v1",
    "http://user:word@node7:80/v1",
    "http://[x/v1",
)
PUBLIC = ("https://api.example.org/v1", "https://llm.example.com:8443/v1", "https://a.b.c.d.net")


@pytest.mark.parametrize("address", PRIVATE)
def test_what_nobody_else_can_look_up_is_private(address: str) -> None:
    assert is_private(address)
    assert without_addresses(f"500 from {address}/chat: no") == f"500 from {HIDDEN}: no"


@pytest.mark.parametrize("address", PUBLIC)
def test_what_all_can_look_up_is_not(address: str) -> None:
    assert not is_private(address)
    text = f"500 from {address}/chat: no"
    assert without_addresses(text) == text


def test_bare_hosts_in_a_message_are_hidden_too() -> None:
    text = "Cannot connect to host 127.0.0.1:9 ssl:default, nor to localhost:8000 or 10.0.0.7"
    hidden = without_addresses(text)
    assert hidden == (f"Cannot connect to host {HIDDEN} ssl:default, nor to {HIDDEN} or {HIDDEN}")
    assert without_addresses("version 1.2.3 at 12:30, 7 of 10.5") == (
        "version 1.2.3 at 12:30, 7 of 10.5"
    )
    assert without_addresses(7) == 7


@given(st.text(max_size=60), st.sampled_from(PRIVATE), st.text(max_size=60))
def test_no_text_around_an_address_keeps_it(before: str, address: str, after: str) -> None:
    assert address not in without_addresses(f"{before} {address} {after}")
