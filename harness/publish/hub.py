"""A dataset repository of a Hugging Face hub, by its own client: read its head, commit to it.

The client does not try a failed commit again: the caller does, and reads the head anew first.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha1, sha256
from json import JSONDecodeError
from pathlib import Path
from typing import Any

from harness.secrets import read_key, scrub
from tasks.base import Failure, InputError
from tasks.extras import extra

TOKEN = "HF_TOKEN"
SECONDS = 100.0  # without a byte from the hub; the client itself would wait for ever
AGAIN = frozenset({408, 409, 412, 429})  # and 5xx
REASONS = {
    401: f"{TOKEN} is refused: expired, or of another hub",
    403: f"{TOKEN} may not do this",
    412: "somebody else has committed",
}


class HubFailure(Failure):
    """The hub could not be read or written.

    Attributes:
        again: whether another try may do better.
        away: whether the hub gave no answer at all.
        retry_after: the seconds that the hub asks to wait, if it does.
    """

    boundary = "hub"

    def __init__(
        self,
        message: str,
        *,
        again: bool = False,
        away: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(scrub(f"hub: {message}"))
        self.again, self.away, self.retry_after = again, away, retry_after


@dataclass(frozen=True)
class Head:
    """A repository as it is.

    Attributes:
        commit: None if there is no repository, or no such branch, yet.
        files: the digest of each file's content, by path.
        exists: whether there is a repository.
    """

    commit: str | None
    files: Mapping[str, str]
    exists: bool = True


class Repository:
    """One branch of a dataset repository."""

    def __init__(self, name: str, revision: str, token: str | None, private: bool) -> None:
        """Open a repository, which need not be there yet.

        Args:
            name: `OWNER/NAME`.
            revision: its branch.
            token: None reads what is public.
            private: whether the repository is made private, if it is made.

        Raises:
            InputError: the name can be none, or the extra is missing.
        """
        client = _client()
        _check_name(client, name)
        client.utils.get_session().timeout = SECONDS
        client.utils.disable_progress_bars()
        client.utils.logging.set_verbosity_error()
        self.name, self.revision, self._private = name, revision, private
        self._has_token = token is not None
        self._api = client.HfApi(endpoint=_endpoint(), token=token or False)

    @property
    def _address(self) -> dict[str, str]:
        return {"repo_id": self.name, "repo_type": "dataset"}

    @staticmethod
    def check_name(name: str) -> None:
        """Raise InputError if a name can be none of a repository; nobody is asked."""
        _check_name(_client(), name)

    def head(self) -> Head:
        """Return the repository as it is now.

        Raises:
            InputError: it is public and was to be private.
            HubFailure: it could not be read.
        """
        errors = _client().errors
        with hub_failures():
            try:
                main = self._api.repo_info(**self._address)
            except errors.RepositoryNotFoundError as error:
                if self._has_token and error.response.status_code == 401:
                    raise  # a hub that accepts the token says 404 of what is not there
                return Head(None, {}, exists=False)
            if self._private and not main.private:
                raise InputError(f"{self.name} is there, and public: `private` makes new ones only")
            try:
                commit: str = self._api.repo_info(**self._address, revision=self.revision).sha
            except errors.RevisionNotFoundError:
                return Head(None, {})
            return Head(commit, self._files(commit))

    def _files(self, commit: str) -> dict[str, str]:
        """Return the digest of each file's content at a commit, by path."""
        tree = self._api.list_repo_tree(**self._address, revision=commit, recursive=True)
        return {f.path: f.lfs.sha256 if f.lfs else f.blob_id for f in tree if _is_file(f)}

    def prepare(self, head: Head) -> Head:
        """Make the repository and the branch if they are not there, and return the head then."""
        if head.commit is not None:
            return head
        with hub_failures():
            if not head.exists:
                self._make()
            if self.revision != "main":
                self._api.create_branch(**self._address, branch=self.revision, exist_ok=True)
        head = self.head()
        if head.commit is None:
            raise HubFailure(f"{self.name} was made, but cannot be read", again=True)
        return head

    def _make(self) -> None:
        """Make the repository, if nobody else has made it meanwhile.

        The client's `exist_ok` would read an address off the refusal, which has none when two ask
        for the repository at the same time.
        """
        try:
            self._api.create_repo(**self._address, private=self._private or None)
        except _client().errors.HfHubHTTPError as error:
            if error.response.status_code != 409:
                raise

    def fetch(self, path: str, commit: str, cache: Path) -> Path:
        """Return a file as it was at a commit, in a cache folder."""
        with hub_failures():
            place = self._api.hf_hub_download(
                self.name, path, repo_type="dataset", revision=commit, cache_dir=cache
            )
        return Path(place)

    def commit(self, head: Head, changed: Mapping[str, Path], gone: Sequence[str], say: str) -> str:
        """Commit files onto a head, all or nothing, and return the commit's address.

        Args:
            head: the commit that this one follows; another one there is a failure.
            changed: the file of each path that is added or replaced.
            gone: the paths that are deleted.
            say: the message.
        """
        client = _client()
        operations = [client.CommitOperationAdd(p, str(f)) for p, f in changed.items()]
        operations += [client.CommitOperationDelete(path) for path in gone]
        with hub_failures():
            commit = self._api.create_commit(
                self.name,
                operations,
                commit_message=say,
                repo_type="dataset",
                revision=self.revision,
                parent_commit=head.commit,
            )
        return str(commit.commit_url)


def _check_name(client: Any, name: str) -> None:
    """Raise InputError if a name can be none of a repository."""
    if not re.fullmatch(r"[^/\s]+/[^/\s]+", name):
        raise InputError(f"`repo` {name!r} is not of the form OWNER/NAME")
    try:
        client.utils.validate_repo_id(name)
    except ValueError as error:
        raise InputError(f"`repo` {name!r} is no name of a repository: {error}") from None


def _endpoint() -> str | None:
    """The hub that the environment names now: the client looks once, when it is imported."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or None


def _client() -> Any:
    with extra("hf", "publishing"):
        import huggingface_hub
        import huggingface_hub.errors
        import huggingface_hub.utils
    return huggingface_hub


def _is_file(entry: Any) -> bool:
    return hasattr(entry, "blob_id")


def token(*, needed: bool) -> str | None:
    """Return the token of the environment, no other; InputError if it is needed and not there."""
    return read_key(TOKEN) if needed or os.environ.get(TOKEN) else None


def has_digest(content: bytes, digest: str) -> bool:
    """Return whether a file's content has a digest of the hub's: git's, or that of large files."""
    git = sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
    return digest in (git.hexdigest(), sha256(content).hexdigest())


@contextmanager
def hub_failures() -> Iterator[None]:
    """Turn every way in which the client fails into a HubFailure of one line."""
    errors = _client().errors
    # httpx's in version 1 of the client, then httpx2's
    http_error = errors.HfHubHTTPError.__mro__[1]
    try:
        yield
    except errors.HfHubHTTPError as error:
        raise _of_status(error) from None
    except InputError:
        raise
    except (http_error, OSError, RuntimeError, errors.XetDownloadError) as error:
        raise _of_transport(error, http_error) from None
    except JSONDecodeError as error:  # a broken proxy's page, say
        raise HubFailure(_line(error), again=True) from None
    except KeyError as error:
        raise HubFailure(f"its answer has no {error}") from None
    except (ValueError, errors.EntryNotFoundError) as error:
        raise HubFailure(_line(error)) from None


def _of_transport(error: BaseException, http_error: type[Exception]) -> HubFailure:
    """Return the failure of a connection, or of an answer that the client wrapped in one."""
    errors = _client().errors
    cause = error.__cause__ or error
    if isinstance(cause, errors.HfHubHTTPError):
        return _of_status(cause)
    final = isinstance(error, FileNotFoundError | errors.OfflineModeIsEnabled)
    away = isinstance(error, http_error | errors.OfflineModeIsEnabled)
    return HubFailure(_line(cause), again=not final, away=away)


def _of_status(error: Any) -> HubFailure:
    status: int = error.response.status_code
    reason = REASONS.get(status) or error.server_message or str(error)
    return HubFailure(
        f"{status}: {_first_line(reason)}",
        again=status in AGAIN or status >= 500,
        retry_after=_retry_after(error),
    )


def _retry_after(error: Any) -> float | None:
    wait = error.response.headers.get("Retry-After", "")
    return float(wait) if wait.isdecimal() else None


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {_first_line(str(error))}"


def _first_line(text: str) -> str:
    return next((line for line in text.splitlines() if line.strip()), "no reason given")
