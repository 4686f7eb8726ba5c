"""What may stand beside the tables of a repository: instances, and tasks of Harbor."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.export.harbor import SINGLE, STEPPED
from harness.export.instances import FOLDER, write_instances
from tasks.base import InputError, Instance


class Neighbours:
    """Instances and tasks on their way to a repository; what is not given stays as it is there."""

    def __init__(
        self,
        problems: Sequence[Instance[Any]] | None = None,
        *,
        hide: bool = False,
        tree: Path | None = None,
    ) -> None:
        """Take what is to stand there.

        Args:
            problems: the instances; None leaves those that are there.
            hide: whether their answers are left out.
            tree: a folder of exported tasks; None leaves those that are there.

        Raises:
            InputError: there is no task in the folder.
        """
        self._problems, self._hide, self._tree = problems, hide, tree
        if tree is not None and not any(tree.glob("*/*/task.toml")):
            raise InputError(
                f"{tree}: no tasks in it: `makespan export FILE.jsonl --format harbor`"
            )

    def owns(self, path: str) -> bool:
        """Return whether a path of the repository is replaced by what is given."""
        folder = path.partition("/")[0]
        return (folder == FOLDER and self._problems is not None) or (
            folder in (SINGLE, STEPPED) and self._tree is not None
        )

    def write(self, root: Path) -> None:
        """Write all of it below a folder, as it stands in the repository."""
        if self._problems is not None:
            write_instances(self._problems, root, hide=self._hide)
        for name in (SINGLE, STEPPED):
            if self._tree is not None and (self._tree / name).is_dir():
                shutil.copytree(self._tree / name, root / name, dirs_exist_ok=True)
