"""Where the public benchmark files are, for the tests and benchmarks that use them."""

import os
from pathlib import Path

import pytest

_USUAL = Path(__file__).parents[2] / "shared" / "data"


def data_folder() -> Path:
    """The folder of public data: $MAKESPAN_DATA, else `shared/data` beside the repository."""
    return Path(os.environ.get("MAKESPAN_DATA") or _USUAL)


def data(*parts: str) -> Path:
    """A file or folder of the public data; the test is skipped if it is not there."""
    path = data_folder().joinpath(*parts)
    if not path.exists():
        pytest.skip(f"no {'/'.join(parts)}: set MAKESPAN_DATA to the folder of public data")
    return path
