"""An environment of Harbor without containers: namespaces of Linux over a folder, for tests.

    harbor run -p TASKS -a oracle --env harbor_jail:Jail      (with this folder in PYTHONPATH)

Every container of a task is a root folder of its own, with the system read-only, no network and
the Python of MAKESPAN_JAIL_PYTHON (its prefix) in front of the path. For agents that are trusted.
"""

import asyncio
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from harbor.environments.base import BaseEnvironment, ExecResult
from harbor.environments.capabilities import EnvironmentCapabilities

FOLDERS = ("app", "tmp", "tests", "solution", "logs/agent", "logs/verifier", "logs/artifacts")
SHARED = ("usr", "bin", "sbin", "lib", "lib64", "etc")
ENTER = r"""
set -e
root=$1; folder=$2; command=$3; shift 3
for path in "$@"; do
    mkdir -p "$root$path"
    mount --rbind "$path" "$root$path"
    mount -o remount,bind,ro "$root$path"
done
mkdir -p "$root/proc" "$root/dev"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
exec chroot "$root" sh -c 'cd "$1" && exec sh -c "$2"' sh "$folder" "$command"
"""
NAMESPACES = ("--mount", "--pid", "--fork", "--net", "--ipc", "--uts", "--kill-child")


class Jail(BaseEnvironment):  # type: ignore[misc]
    """One container: a root folder that every command enters anew."""

    @staticmethod
    def type() -> str:
        """Return its name in logs."""
        return "namespaces"

    @property
    def capabilities(self) -> EnvironmentCapabilities:
        """Say that it has no network, whatever is asked for."""
        return EnvironmentCapabilities(disable_internet=True, dynamic_network_policy=True)

    def _validate_definition(self) -> None:
        """Build nothing, so that every definition will do."""

    async def _apply_network_policy(self, network_policy: Any) -> None:
        """Leave the network away."""

    async def set_network_policy(self, network_policy: Any) -> None:
        """Leave the network away."""

    async def start(self, force_build: bool) -> None:  # noqa: ARG002
        """Make the root folder."""
        self._root = Path(tempfile.mkdtemp(prefix="harbor-jail-"))
        for name in FOLDERS:
            (self._root / name).mkdir(parents=True)

    async def stop(self, delete: bool) -> None:  # noqa: ARG002
        """Remove it; what was mounted there is gone with its command."""
        shutil.rmtree(self._root)

    def _inside(self, path: object) -> Path:
        place = self._root / str(path).lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    async def upload_file(self, source_path: Path | str, target_path: str) -> None:
        """Copy a file into it."""
        shutil.copy2(source_path, self._inside(target_path))

    async def upload_dir(self, source_dir: Path | str, target_dir: str) -> None:
        """Copy a folder into it."""
        shutil.copytree(source_dir, self._inside(target_dir), dirs_exist_ok=True, symlinks=True)

    async def download_file(self, source_path: str, target_path: Path | str) -> None:
        """Copy a file out of it."""
        Path(target_path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(self._inside(source_path), target_path)

    async def download_dir(self, source_dir: str, target_dir: Path | str) -> None:
        """Copy a folder out of it."""
        shutil.copytree(self._inside(source_dir), target_dir, dirs_exist_ok=True, symlinks=True)

    async def exec(
        self,
        command: str,
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        timeout_sec: int | None = None,
        user: str | int | None = None,  # noqa: ARG002
    ) -> ExecResult:
        """Run a command in it."""
        python = os.environ["MAKESPAN_JAIL_PYTHON"]
        paths = [f"/{name}" for name in SHARED if Path(f"/{name}").exists()]
        words = [*NAMESPACES, "sh", "-c", ENTER, "sh", str(self._root), cwd or "/app", command]
        process = await asyncio.create_subprocess_exec(
            "unshare",
            *words,
            *paths,
            python,
            env={"PATH": f"{python}/bin:/usr/sbin:/usr/bin:/bin", **(self._merge_env(env) or {})},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(), timeout_sec)
        except TimeoutError:
            process.kill()
            raise
        return ExecResult(
            stdout=out.decode("utf-8", "replace"),
            stderr=err.decode("utf-8", "replace"),
            return_code=process.returncode,
        )
