"""A template reaches nothing but its values, and one that cannot be rendered is told in a line."""

import pytest

from tasks.base import InputError
from tasks.prompts import Prompts, installed


@pytest.mark.parametrize(
    "text",
    [
        "{{ ().__class__.__mro__ }}",
        "{{ value.__init__.__globals__ }}",
        "{{ self._TemplateReference__context }}",
        "{{ '{0.__class__}'.format(value) }}",
        "{% set _ = value.append(1) %}",
        "{{ cycler.__init__.__globals__.os.system('true') }}",
        "{{ lipsum.__globals__['os'].popen('true').read() }}",
        "{{ missing }}",
        "{% for %}",
    ],
)
def test_what_no_prompt_may_is_an_error_in_one_line(text: str) -> None:
    prompts = Prompts({"x/plain.j2": text})
    with pytest.raises(InputError, match=r"^prompt template x/plain\.j2: .+$"):
        prompts.messages("x/plain.j2", value=[])


def test_every_template_that_comes_with_the_project_can_be_compiled() -> None:
    sources = installed().sources
    assert len(sources) > 20
    prompts = Prompts(sources)
    for name in sources:
        assert prompts._environment.get_template(name) is not None
