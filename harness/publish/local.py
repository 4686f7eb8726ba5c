"""A folder that is written as a repository of a hub would be: no network, no token."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from harness import files
from harness.publish.card import README, check_ours
from harness.publish.hub import Head
from tasks.base import InputError, StoreFailure


class LocalRepository:
    """A folder in the place of a repository; what was published to it before stays in it.

    Attributes:
        name: what its card calls it.
    """

    def __init__(self, path: Path, name: str | None) -> None:
        """Take a folder, which need not be there yet.

        Args:
            path: of the folder.
            name: `OWNER/NAME`, where it is to become a repository; None takes the folder's name.

        Raises:
            InputError: something else is there.
        """
        self._path, self.name = path, name or path.resolve().name
        if path.exists() and not path.is_dir():
            raise InputError(f"{path} is a file: use another `out`")
        if not (path / README).is_file() and path.is_dir() and any(path.iterdir()):
            raise InputError(f"{path} is not empty, and nothing was published to it: another `out`")
        if (path / README).is_file():
            check_ours(path / README, str(path))

    def head(self) -> Head:
        """Return the folder as it is now."""
        if not self._path.is_dir():
            return Head(None, {}, exists=False)
        paths = [path for path in sorted(self._path.rglob("*")) if path.is_file()]
        digests = {
            path.relative_to(self._path).as_posix(): sha256(path.read_bytes()).hexdigest()
            for path in paths
        }
        return Head("folder", digests)

    def prepare(self, head: Head) -> Head:
        """Make the folder if it is not there."""
        files.make_folder(self._path)
        return head

    def fetch(self, path: str, commit: str, cache: Path) -> Path:  # noqa: ARG002
        """Return a file of the folder."""
        return self._path / path

    def commit(self, head: Head, changed: Mapping[str, Path], gone: Sequence[str], say: str) -> str:  # noqa: ARG002
        """Write what is changed, the card last, and remove what is gone; return the folder.

        Raises:
            StoreFailure: it cannot be written.
        """
        for path in sorted(changed, key=lambda path: path == README):
            files.make_folder((self._path / path).parent)
            files.write(self._path / path, changed[path].read_bytes())
        for path in gone:
            try:
                (self._path / path).unlink(missing_ok=True)
            except OSError as error:
                raise StoreFailure(f"cannot remove {self._path / path}: {error}") from None
        return str(self._path)
