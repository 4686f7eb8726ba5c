"""Bounds of settings are in the JSON schema, and in the one line that refuses a wrong value."""

import msgspec
import pytest

from generators.base import settings_as
from generators.calendar_year import CalendarSettings
from generators.rcpsp import ProjectSettings
from generators.tardiness import JobsSettings
from generators.tools import RequestSettings
from tasks.base import InputError
from tasks.refusals import bounds_of

KINDS = (CalendarSettings, JobsSettings, ProjectSettings, RequestSettings)


@pytest.mark.parametrize("kind", KINDS)
def test_every_number_has_bounds_in_the_schema_and_in_the_message(
    kind: type[msgspec.Struct],
) -> None:
    schema = msgspec.json.schema(kind)["$defs"][kind.__name__]["properties"]
    numbers = 0
    for name, field in schema.items():
        choices = [c for c in field.get("anyOf", [field]) if c.get("type") in ("integer", "number")]
        for choice in choices:
            numbers += 1
            least, most = choice["minimum"], choice["maximum"]
            assert (least, most) == bounds_of(kind, name)
            for value in (least - 1, most + 1):
                with pytest.raises(InputError) as caught:
                    settings_as(kind, "f", {name: value})
                words = f"settings of f: {name}: {value} is not from {least} to {most}"
                assert str(caught.value) == words
    assert numbers >= 2


def test_an_unknown_setting_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match="unknown field `size`; there are tf, rdd, variant"):
        settings_as(JobsSettings, "tardiness", {"size": 3})
