"""The names of models, and of those that are programs in a file."""

from collections.abc import Mapping

START = "policy/"

FILE = "file:"  # begins the name of a policy that is a program in a file

NO_PROGRAMS: Mapping[str, str] = {}


def program_of(model: str) -> str | None:
    """Return the digest in a model's name `policy/file:NAME.py@DIGEST`; None of other names."""
    return model.rpartition("@")[2] if model.startswith(START + FILE) else None
