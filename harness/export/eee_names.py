"""The names of models in records of Every Eval Ever: ids that are also names of folders."""

import re
from hashlib import sha256

from harness.export.results import ExportedResult

LONGEST = 120  # bytes of a part of an id: a folder's name may have 255 on most disks
_UNSAFE = re.compile(r'[<>:"\\|?*\s\x00-\x1f\x7f]')


def model_id(result: ExportedResult) -> str:
    """Return `developer/name`, as Hugging Face spells it if the model's name has an owner in it.

    No part is empty, `..` or longer than `LONGEST`. Where a model of the same run would have the
    same id by another name, or something was cut off, a digest of the name tells them apart.
    """
    model = result.model
    spelled = _spelled(model, result)
    others = [spec.name for spec in result.run.manifest.configuration.models]
    names = {_name(each) for each in others if _spelled(each, result) == spelled}
    developer, name = spelled
    if names - {_name(model)}:
        name = f"{name}-{_digest(_name(model))}"
    return f"{_bounded(developer)}/{_bounded(name)}"


def path_of(result: ExportedResult) -> str:
    """Return the folder of a model: `DEVELOPER/NAME`."""
    developer, _, name = model_id(result).partition("/")
    return f"{developer}/{name.replace('/', '_')}"


def _name(model: str) -> str:
    """Return a model's name at its provider."""
    return model.partition("/")[2]


def _spelled(model: str, result: ExportedResult) -> tuple[str, str]:
    """Return developer and name of a model of a run; a path of a file has no developer."""
    provider, _, name = model.partition("/")
    parts = [part for part in map(_safe, name.split("/")) if part]
    setup = result.run.manifest.configuration.sampling_setup(model)
    home = "local" if setup.get("base_url") else _safe(provider) or "unknown"
    if len(parts) < 2 or name.startswith(("/", ".", "~")):
        return home, "/".join(parts) or f"unnamed-{_digest(name)}"
    return parts[0], "/".join(parts[1:])


def _safe(part: str) -> str:
    return _UNSAFE.sub("-", part).strip(".")


def _bounded(part: str) -> str:
    """Return a part of an id that is a folder's name, cut off if it is too long for one."""
    content = part.encode("utf-8", "replace")
    if len(content) <= LONGEST:
        return part
    return f"{content[:LONGEST].decode('utf-8', 'ignore')}-{_digest(part)}"


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "replace")).hexdigest()[:8]
