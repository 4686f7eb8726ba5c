"""Tests that need a jail: skipped, with the reason, on a machine that has no namespaces."""

import pytest

from harness.sessions.probes import no_jail


@pytest.fixture(autouse=True)
def in_jail() -> None:
    """Skip where there is no jail; a module that needs one imports this."""
    if reason := no_jail():
        pytest.skip(reason)
