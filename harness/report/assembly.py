"""Puts a page together: one file that asks nobody for anything."""

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined

MARK = "makespan report"  # by which a page is known as one
TEMPLATES = ("layout.html.j2", "parts.html.j2", "boards.html.j2", "search.html.j2")
SCRIPTS = ("draw.js", "episodes.js", "tries.js", "page.js")


def render(name: str, **values: Any) -> str:
    """A page, with a policy that lets the browser load and run nothing but what is in it."""
    here = files(__package__)
    templates = {n: (here / n).read_text("utf-8") for n in TEMPLATES}
    script = "\n".join((here / n).read_text("utf-8") for n in SCRIPTS)
    environment = Environment(
        loader=DictLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (here / "page.css").read_text("utf-8")
    policy = "; ".join(
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
    template = environment.get_template(name)
    return template.render(mark=MARK, policy=policy, style=style, script=script, **values) + "\n"


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
