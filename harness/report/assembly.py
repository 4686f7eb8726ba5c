"""The assembly of a page: one file that loads nothing else."""

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined

MARK = "makespan report"  # by which a page is known as one
TEMPLATES = (
    "layout.html.j2",
    "parts.html.j2",
    "boards.html.j2",
    "search.html.j2",
    "searches.html.j2",
)
SCRIPTS = ("draw.js", "episodes.js", "tries.js", "page.js")


def render(name: str, **values: Any) -> str:
    """Return a page, with a policy by which the browser loads and runs only what is in it.

    Args:
        name: of the template.
        values: what the template needs beside mark, policy, style and script.
    """
    folder = files(__package__)
    environment = Environment(
        loader=DictLoader({name: (folder / name).read_text("utf-8") for name in TEMPLATES}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = "\n".join((folder / name).read_text("utf-8") for name in SCRIPTS)
    style = (folder / "page.css").read_text("utf-8")
    page = environment.get_template(name).render(
        mark=MARK, policy=_policy(script, style), style=style, script=script, **values
    )
    return page + "\n"


def _policy(script: str, style: str) -> str:
    """Return the content security policy of a page with one script and one style sheet."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src '{_digest(script)}'",
            f"style-src '{_digest(style)}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
        ]
    )


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
