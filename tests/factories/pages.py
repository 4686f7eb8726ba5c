"""What pages of the documents hold."""

import re
from pathlib import Path


def shell(path: Path) -> list[str]:
    """The `makespan` lines of a document's shell blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", path.read_text("utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("makespan")]
