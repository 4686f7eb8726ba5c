"""Prompts of the user's own in place of the project's."""

from pathlib import Path

from harness.log import say
from tasks.base import InputError
from tasks.near import did_you_mean
from tasks.prompts import Prompts, installed


def overridden(prompts: Prompts, folder: Path) -> Prompts:
    """Return a run's templates with those of a folder in place of the ones that they are named as.

    Args:
        prompts: all that the run uses.
        folder: of files `family/variant.j2`.

    Raises:
        InputError: there is none in the folder, one has no such name, or none is used by the run.
    """
    if not folder.is_dir():
        raise InputError(f"`templates` {folder} is no folder")
    try:
        own = {
            path.relative_to(folder).as_posix(): path.read_text("utf-8")
            for path in sorted(folder.rglob("*.j2"))
        }
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"`templates` {folder}: {error}") from None
    names = {*installed().sources, *prompts.sources}
    for name in own:
        if name not in names:
            near = did_you_mean(name, names) or "; they are FAMILY/NAME.j2"
            raise InputError(f"`templates` {folder}: there is no template {name}{near}")
    used = {name: text for name, text in own.items() if name in prompts.sources}
    if not used:
        raise InputError(
            f"`templates` {folder}: the run uses none of its templates, but"
            f" {', '.join(prompts.sources)}"
        )
    say(f"templates of {folder}: {', '.join(used)}")
    return Prompts(prompts.sources | used)
