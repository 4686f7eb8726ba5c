"""The table of failures: complete, the same in the documents, and obeyed."""

from importlib import import_module
from pathlib import Path

from harness.failures import FAILURES, policy_of, table
from harness.models.base import ProviderFailure
from harness.models.errors import STATUS_KINDS
from tasks.base import Failure
from tests.layout import PACKAGES, ROOT, sources


def kinds(failure: type[Failure]) -> set[str]:
    """The boundaries and kinds of a class of failures and those under it."""
    found = {k for k in (failure.boundary, failure.kind) if isinstance(k, str) and k}
    return found.union(*map(kinds, failure.__subclasses__()))


def test_every_failure_in_the_project_has_a_row() -> None:
    for package in PACKAGES:
        for path in sources(package):
            name = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
            import_module(name.removesuffix(".__init__"))
    boundaries = {row.boundary for row in FAILURES.values()}
    assert kinds(Failure) <= set(FAILURES) | boundaries
    assert set(STATUS_KINDS.values()) <= set(FAILURES)


def test_a_failure_without_a_kind_goes_by_its_boundary() -> None:
    assert policy_of(Failure("x")).then == "episode"
    assert policy_of(ProviderFailure("no credit", "x")).then == "model"


def test_the_documents_have_the_same_table() -> None:
    page = (Path(ROOT) / "docs" / "failures.md").read_text("utf-8")
    assert table() in page
