"""The confidence that is stated with an answer: how it is asked for and read."""

import re
from typing import Any

from tasks.base import Fields

KEY = "confidence"  # of the answer object, and of the setting that asks for it
SILENT = 0.5  # what is taken for the confidence of who states none
SCHEMA: Fields = {"type": "number"}
_NUMERAL = re.compile(r"[01]|[01]?\.\d+")


def read_confidence(value: Any) -> float | None:
    """Return a stated confidence from 0 to 1; None of anything else.

    A numeral in quotation marks is read as its number; per cents are not: 1 might be either.

    Args:
        value: what stands under the key.
    """
    if isinstance(value, str) and _NUMERAL.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        return None
    return float(value)
