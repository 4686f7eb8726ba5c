"""A page as its reader sees it: cells, scripts, attributes, replies."""

from html.parser import HTMLParser
from typing import Any

from tests.harness.report import unpacked as twin


class Reader(HTMLParser):
    """The board's cells, what every script holds, and every attribute there is."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: dict[int, dict[str, dict[str, str]]] = {}
        self.scripts: dict[str, str] = {}
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: list[str] = []
        self._row = -1
        self._script: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        self.attributes |= set(found)
        self.addresses += [
            found[name] for name in ("src", "href", "action", "data") if name in found
        ]
        if "data-row" in found:
            self._row = int(found["data-row"])
        if "data-key" in found:
            self.rows.setdefault(self._row, {})[found["data-key"]] = found
        self._script = found.get("id", "main") if tag == "script" else None

    def handle_endtag(self, tag: str) -> None:
        self._script = None if tag == "script" else self._script

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            self.scripts[self._script] = self.scripts.get(self._script, "") + data


def unpacked(reader: Reader, name: str) -> Any:
    return twin.value(reader.scripts[name])


def said(reader: Reader) -> list[str]:
    """Every reply of the page, as the script puts it together."""
    found = []
    for name in reader.scripts:
        if name.startswith("chunk-"):
            chunk = unpacked(reader, name)
            found += [
                "\n\n".join(chunk["texts"][n] for n in call["reply"]["text"])
                for episode in chunk["entries"]
                for call in episode["calls"]
                if call["reply"]
            ]
    return found
