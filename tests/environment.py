"""The environment that tests run in: nothing of what a user's shell, or an earlier run, has left.

A test sees a new home, its caches and settings empty; it sees neither keys nor proxies nor the
width of a terminal. What decides which programs and data a test uses stays as it is given.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

_FOLDERS = {  # below the home of the tests
    "HOME": ".",
    "XDG_CACHE_HOME": ".cache",
    "XDG_CONFIG_HOME": ".config",
    "XDG_DATA_HOME": ".local/share",
    "XDG_STATE_HOME": ".local/state",
    "XDG_RUNTIME_DIR": "run",
    "RAY_TMPDIR": "tmp",
}
_SETTINGS = {  # of packages that look once, when they are imported: nothing is fetched or reported
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_XET": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
}
_REMOVED = re.compile(
    r".*_(API_KEY|API_BASE|BASE_URL|TOKEN)"  # providers' keys and servers
    r"|(HF|HUGGINGFACE|HUGGING_FACE|RAY|OPENAI|ANTHROPIC|LITELLM|GIT|LC|LESS|PAGER)_.*"
    r"|((https?|all|no|ftp)_proxy)|LANGUAGE"
    r"|COLUMNS|LINES|NO_COLOR|FORCE_COLOR|CLICOLOR(_FORCE)?|TTY_.*|PAGER"
    r"|PYTHON(PATH|HASHSEED|WARNINGS|OPTIMIZE|UTF8|IOENCODING)"
    r"|PYTHONDONTWRITEBYTECODE",  # else each of a few hundred processes compiles the package anew
    re.IGNORECASE,
)


def clean(environment: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return an environment without what is the user's own; its folders in `home` are made."""
    kept = {name: value for name, value in environment.items() if not _REMOVED.fullmatch(name)}
    kept |= _SETTINGS
    for name, folder in _FOLDERS.items():
        path = home / folder
        path.mkdir(parents=True, exist_ok=True)
        kept[name] = str(path.resolve())
    (home / "run").chmod(0o700)
    (home / "tmp" / "ray").mkdir(exist_ok=True)  # Ray's test cluster writes there without making it
    return kept


def enter(environment: Mapping[str, str]) -> None:
    """Make this process's environment the one given, for its children too."""
    os.environ.clear()
    os.environ.update(environment)
