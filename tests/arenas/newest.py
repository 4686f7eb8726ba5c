"""Which version of a package is installed alone, and which beside makespan."""

import json
import subprocess
from pathlib import Path

from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


def newest(python: str, package: str, *, with_makespan: bool = False) -> str:
    """Return the version of a package that pip would install; what pip says if there is none.

    Args:
        python: of an environment with pip; nothing is installed.
        package: its name.
        with_makespan: whether makespan is installed beside it.
    """
    wanted = [package, str(ROOT)] if with_makespan else [package]
    words = ["-m", "pip", "install", "--dry-run", "--quiet", "--ignore-installed"]
    done = subprocess.run(
        [python, *words, "--disable-pip-version-check", "--report", "-", *wanted],
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    if done.returncode:
        return " ".join(done.stderr.split())[-300:]
    rows = [each["metadata"] for each in json.loads(done.stdout)["install"]]
    versions = {canonicalize_name(each["name"]): each["version"] for each in rows}
    return str(versions[canonicalize_name(package)])
