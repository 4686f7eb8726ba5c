"""Tests see an environment of their own, whatever the shell exports."""

import os
from pathlib import Path

from tests.environment import clean

SHELL = {
    "PATH": "/bin",
    "HOME": "/h/somebody",
    "TZ": "Pacific/Chatham",
    "MAKESPAN_DATA": "/data",
    "OPENAI_API_KEY": "sk-somebody",
    "OPENAI_BASE_URL": "http://elsewhere",
    "HF_TOKEN": "hf_somebody",
    "https_proxy": "http://proxy",
    "COLUMNS": "40",
    "PYTHONPATH": "/somewhere",
    "PYTHONDONTWRITEBYTECODE": "1",
    "RAY_ADDRESS": "10.0.0.1:6379",
    "RAY_TMPDIR": "/tmp",
    "GIT_DIR": "/elsewhere",
}


def test_a_shell_s_own_is_left_out(tmp_path: Path) -> None:
    environment = clean(SHELL, tmp_path)
    kept = {
        name: value
        for name, value in environment.items()
        if str(tmp_path) not in value and not name.startswith(("HF_HUB_DISABLE_", "LITELLM_LOCAL_"))
    }
    assert kept == {"PATH": "/bin", "TZ": "Pacific/Chatham", "MAKESPAN_DATA": "/data"}
    assert (tmp_path / "tmp" / "ray").is_dir()


def test_this_test_runs_in_such_an_environment() -> None:
    """What else is there, packages that other tests have loaded may have set."""
    home = os.environ["HOME"]
    assert "makespan-tests-" in home
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "RAY_TMPDIR"):
        assert os.environ[name].startswith(home)
    assert not {"COLUMNS", "OPENAI_API_KEY", "HF_TOKEN", "https_proxy"} & os.environ.keys()
