"""A headless Chromium, driven over its DevTools protocol."""

import asyncio
import os
import shutil
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--remote-debugging-port=0",
    "--hide-scrollbars",
)
PATIENCE = 30.0  # seconds for anything


def find() -> str | None:
    """Chromium or a sibling, by $CHROMIUM or on the path; None without one."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


class Page:
    """A tab: what it asks for, and what it complains of, is kept."""

    def __init__(self, runner: asyncio.Runner, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.opened: set[str] = set()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._runner, self._socket, self._number = runner, socket, 0
        for domain in ("Runtime", "Log", "Network", "Page"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol; events that come meanwhile are noted."""
        return self._runner.run(self._send(method, parameters))

    async def _send(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        async with asyncio.timeout(PATIENCE):
            while True:
                told: dict[str, Any] = await self._socket.receive_json()
                if told.get("id") == self._number:
                    assert "error" not in told, f"{method}: {told['error']}"
                    result: dict[str, Any] = told["result"]
                    return result
                self._note(told.get("method", ""), told.get("params", {}))

    def _note(self, event: str, told: dict[str, Any]) -> None:
        if event == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(str(told["exceptionDetails"]))
        elif event == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.complaints.append(str(told["entry"]))
        elif event == "Runtime.consoleAPICalled":
            self.complaints.append(str(told["args"]))
        elif event == "Page.javascriptDialogOpening":
            self.complaints.append(f"dialog: {told['message']}")

    def open(self, path: Path, fragment: str = "", ready: str = "#browser tbody tr") -> None:
        """Load a file and wait until its list of episodes, or another part, is there."""
        self.opened.add(path.resolve().as_uri())
        self.send("Page.navigate", url=path.resolve().as_uri() + fragment)
        self.until(f"document.querySelector('{ready}') !== null")

    def js(self, expression: str) -> Any:
        """The value of an expression; a promise is awaited."""
        found = self.send(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, expression: str) -> None:
        """Wait until an expression is true."""
        self.js(
            f"new Promise((done) => {{ const look = () => ({expression}) ? done()"
            " : setTimeout(look, 20); look(); })"
        )

    def press(self, key: str) -> None:
        """Press and release a key."""
        text = {"Enter": "\r"}.get(key)
        code = {"Enter": 13, "Escape": 27, "ArrowRight": 39}[key]
        for kind in ("keyDown", "keyUp"):
            extra = {"text": text} if text and kind == "keyDown" else {}
            self.send(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
                **extra,
            )

    def size(self, width: int, height: int, scale: float = 1) -> None:
        """Make the window so large, in CSS pixels."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 500,
        )

    def scheme(self, name: str) -> None:
        """What the system prefers: `light` or `dark`."""
        feature = {"name": "prefers-color-scheme", "value": name}
        self.send("Emulation.setEmulatedMedia", features=[feature])

    def shoot(self, path: Path, *, whole: bool = False) -> None:
        """A picture of the window, or of the whole page."""
        taken = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(b64decode(taken["data"]))


@contextmanager
def chromium(home: Path) -> Iterator[Page]:
    """A browser with one empty tab; it keeps its files in `home` and ends with the block."""
    program = find()
    assert program
    process = subprocess.Popen(
        [program, *FLAGS, f"--user-data-dir={home / 'profile'}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(home)},
    )
    try:
        with asyncio.Runner() as runner:
            session, socket = runner.run(_connect(home / "profile" / "DevToolsActivePort"))
            try:
                yield Page(runner, socket)
            finally:
                runner.run(socket.close())
                runner.run(session.close())
    finally:
        process.terminate()
        process.wait(PATIENCE)


async def _connect(
    where: Path,
) -> tuple[aiohttp.ClientSession, aiohttp.ClientWebSocketResponse]:
    async with asyncio.timeout(PATIENCE):
        while not where.exists() or "\n" not in where.read_text():
            await asyncio.sleep(0.05)
        port = where.read_text().split("\n")[0]
        session = aiohttp.ClientSession()
        async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
            tabs = await answer.json()
        address = next(t["webSocketDebuggerUrl"] for t in tabs if t["type"] == "page")
        return session, await session.ws_connect(address, max_msg_size=0)
