"""A setting that is refused is named, with its value and what it may be."""

from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from tasks.base import Noun
from tasks.refusals import reason_of


class Dials(Noun, frozen=True):
    size: Annotated[int, Meta(ge=1, le=8)] = 1
    calls: Annotated[int, Meta(ge=1)] = 1
    share: Annotated[float, Meta(gt=0)] = 0.5
    seconds: Annotated[float, Meta(gt=0, le=60)] = 1.0
    mode: Literal["repair", "best"] = "best"
    load: Literal["grid"] | float = "grid"
    name: str = ""


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"size": 9}, "size: 9 is not from 1 to 8"),
        ({"calls": 0}, "calls: 0 is not from 1 on"),
        ({"share": 0}, "share: 0 is not above 0"),
        ({"seconds": 0}, "seconds: 0 is not above 0 and at most 60"),
        ({"mode": "bets"}, "mode: 'bets' is not one of best, repair; did you mean 'best'?"),
        ({"load": "heavy"}, "load: 'heavy' is not one of grid, nor a number"),
        ({"name": 3}, "Expected `str`, got `int` - at `$.name`"),
    ],
)
def test_what_is_wrong_is_said(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.convert(settings, Dials, strict=False)
    assert reason_of(Dials, settings, error.value) == reason
