"""Settings of every test, and the environment of all of them."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings

from tests.depth import DEEP, EXAMPLES
from tests.environment import clean, enter

# a busy machine is no failure
for name, most in (("makespan", EXAMPLES), (DEEP, 100)):
    settings.register_profile(
        name,
        deadline=None,
        max_examples=most,
        suppress_health_check=[HealthCheck.too_slow],
    )
settings.load_profile("makespan")


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main() -> Iterator[None]:
    """Give tests, and the workers that run them, an environment of their own."""
    with TemporaryDirectory(prefix="makespan-tests-", ignore_cleanup_errors=True) as home:
        before = dict(os.environ)
        enter(clean(before, Path(home)))
        try:
            return (yield)
        finally:
            enter(before)
