"""A Hugging Face hub on loopback, for the real clients: datasets only, in memory, faults on demand.

In a test: `with Hub() as hub: ... hub.environment(tmp_path)` for a process that is to use it. What
it knows of a repository is a list of commits on branches, each a map of paths to contents.
"""

import asyncio
import base64
import contextlib
import hashlib
import re
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

TOKEN = "hf_loopbackToken0123456789"
Files = dict[str, bytes]
Fault = Callable[[web.Request], Awaitable[web.Response | None]]


@dataclass
class Repo:
    """A dataset repository; `branches` name commits, `log` tells what each one was called."""

    private: bool
    commits: dict[str, Files] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def add(self, branch: str, files: Files, title: str) -> str:
        """Commit files to a branch."""
        oid = hashlib.sha1(f"{len(self.log)} {title} {sorted(files)}".encode()).hexdigest()
        self.commits[oid], self.branches[branch] = files, oid
        self.log.append(title)
        return oid

    def at(self, revision: str) -> Files:
        """The files of a branch or a commit."""
        return self.commits[self.branches.get(revision, revision)]


class Hub:
    """The server, run in a thread between `with`.

    `faults` are asked in turn about every request: one that gives an answer is spent. `seen` has
    the method and path of each request.
    """

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.large: dict[str, bytes] = {}
        self.faults: list[Fault] = []
        self.seen: list[str] = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> "Hub":
        self._thread.start()
        assert self._ready.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(60)
        assert not self._thread.is_alive(), "the server does not stop"

    def environment(self, home: Path, **extra: str) -> dict[str, str]:
        """What a process needs to use this hub and nothing else of the machine's."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_TOKEN": TOKEN,
            "HF_HOME": str(home / "hf"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        } | extra

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(client_max_size=2**28, middlewares=[self._check])
        name = r"{name:[^/]+/[^/]+}"
        app.add_routes(
            [
                web.post("/api/repos/create", self._create),
                web.post("/api/validate-yaml", self._validate),
                web.get(f"/api/datasets/{name}", self._info),
                web.get(f"/api/datasets/{name}/revision/{{revision}}", self._info),
                web.get(f"/api/datasets/{name}/tree/{{revision}}{{path:.*}}", self._tree),
                web.post(f"/api/datasets/{name}/paths-info/{{revision}}", self._paths),
                web.post(f"/api/datasets/{name}/branch/{{revision}}", self._branch),
                web.post(f"/api/datasets/{name}/preupload/{{revision}}", self._preupload),
                web.post(f"/api/datasets/{name}/commit/{{revision}}", self.commit),
                web.post(f"/datasets/{name}.git/info/lfs/objects/batch", self._batch),
                web.put("/upload/{oid}", self._upload),
                web.get(f"/datasets/{name}/resolve/{{revision}}/{{path:.+}}", self._resolve),
            ]
        )
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()

    @web.middleware
    async def _check(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Faults first, then who may see what: nobody learns of a private repository."""
        self.seen.append(f"{request.method} {request.path}")
        for fault in list(self.faults):
            if answer := await fault(request):
                self.faults.remove(fault)
                return answer
        sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if request.path.startswith("/upload/"):
            return await handler(request)  # type: ignore[no-any-return]
        if sent not in ("", TOKEN):
            return refusal(401, "Invalid credentials in Authorization header")
        name, revision = request.match_info.get("name"), request.match_info.get("revision")
        repo = self.repos.get(name or "")
        if name and (repo is None or (repo.private and not sent)):
            return refusal(404 if sent else 401, "Repository not found", "RepoNotFound")
        if not sent and request.method == "POST" and "paths-info" not in request.path:
            return refusal(401, "Unauthorized")
        known = repo is None or revision is None or "/branch/" in request.path
        if not known and repo and revision not in {*repo.branches, *repo.commits}:
            return refusal(404, "Invalid rev id", "RevisionNotFound")
        return await handler(request)  # type: ignore[no-any-return]

    def _at(self, request: web.Request) -> tuple[Repo, str, Files]:
        repo = self.repos[request.match_info["name"]]
        revision = request.match_info.get("revision", "main")
        return repo, repo.branches.get(revision, revision), repo.at(revision)

    async def _create(self, request: web.Request) -> web.Response:
        body = await request.json()
        name = f"{body['organization']}/{body['name']}"
        if name in self.repos:
            return refusal(409, "You already created this dataset repo")
        private = body.get("private") or body.get("visibility") == "private"
        self.repos[name] = Repo(bool(private))
        self.repos[name].add("main", {".gitattributes": b"*.parquet filter=lfs\n"}, "initial")
        return web.json_response({"url": f"{self.url}/datasets/{name}", "id": name})

    async def _validate(self, request: web.Request) -> web.Response:
        content = (await request.json())["content"]
        fine = re.match(r"---\n.*?\n---\n", content, re.DOTALL)
        errors = [] if fine else [{"message": "no metadata"}]
        return web.json_response({"errors": errors, "warnings": []}, status=200 if fine else 400)

    async def _info(self, request: web.Request) -> web.Response:
        repo, commit, files = self._at(request)
        names = [{"rfilename": path} for path in sorted(files)]
        body = {"id": request.match_info["name"], "sha": commit, "private": repo.private}
        return web.json_response(body | {"tags": [], "siblings": names})

    async def _tree(self, request: web.Request) -> web.Response:
        _, _, files = self._at(request)
        folder = request.match_info["path"].strip("/")
        below = {p: c for p, c in files.items() if not folder or p.startswith(f"{folder}/")}
        if folder and not below:
            return refusal(404, "No such folder", "EntryNotFound")
        if request.query.get("recursive", "").lower() in ("1", "true"):
            return web.json_response([entry(path, below[path]) for path in sorted(below)])
        start = len(folder) + 1 if folder else 0
        here = {p[:start] + p[start:].split("/")[0] for p in below}
        return web.json_response([entry(path, below.get(path)) for path in sorted(here)])

    async def _paths(self, request: web.Request) -> web.Response:
        _, _, files = self._at(request)
        form = None if "json" in request.content_type else await request.post()
        paths = (await request.json())["paths"] if form is None else form.getall("paths")
        asked = [str(path).strip("/") for path in paths]
        folders = {p[:k] for p in files for k, letter in enumerate(p) if letter == "/"}
        found = [entry(p, files.get(p)) for p in asked if p in files or p in folders]
        return web.json_response(found)

    async def _branch(self, request: web.Request) -> web.Response:
        repo, branch = self.repos[request.match_info["name"]], request.match_info["revision"]
        if branch in repo.branches:
            return refusal(409, "Reference already exists")
        repo.branches[branch] = repo.branches["main"]
        return web.json_response({})

    async def _preupload(self, request: web.Request) -> web.Response:
        _, _, files = self._at(request)
        found = []
        for one in (await request.json())["files"]:
            mode = "lfs" if one["path"].endswith(".parquet") else "regular"
            known = entry(one["path"], files[one["path"]]) if one["path"] in files else {}
            oid = known.get("lfs", known).get("oid")
            found.append(
                {"path": one["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid}
            )
        return web.json_response({"files": found})

    async def _batch(self, request: web.Request) -> web.Response:
        objects = []
        for one in (await request.json())["objects"]:
            href = f"{self.url}/upload/{one['oid']}"
            actions = {} if one["oid"] in self.large else {"actions": {"upload": {"href": href}}}
            objects.append({"oid": one["oid"], "size": one["size"], **actions})
        body = {"transfer": "basic", "objects": objects}
        return web.json_response(body, content_type="application/vnd.git-lfs+json")

    async def _upload(self, request: web.Request) -> web.Response:
        content = await request.read()
        if hashlib.sha256(content).hexdigest() != request.match_info["oid"]:
            return refusal(400, "content is not what it was said to be")
        self.large[request.match_info["oid"]] = content
        return web.Response()

    async def commit(self, request: web.Request) -> web.Response:
        """Make a commit, if its parent is the head."""
        lines = [msgspec.json.decode(line) for line in (await request.read()).splitlines()]
        repo, head, before = self._at(request)  # nothing is awaited from here to the commit
        title, files = lines[0]["value"]["summary"], dict(before)
        if lines[0]["value"].get("parentCommit", head) != head:
            return refusal(412, "A commit has happened since. Please refresh and try again.")
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.large[value["oid"]]
            else:
                del files[value["path"]]
        oid = repo.add(request.match_info["revision"], files, title)
        url = f"{self.url}/datasets/{request.match_info['name']}/commit/{oid}"
        return web.json_response({"success": True, "commitOid": oid, "commitUrl": url})

    async def _resolve(self, request: web.Request) -> web.StreamResponse:
        _, commit, files = self._at(request)
        path = request.match_info["path"]
        if path not in files:
            return refusal(404, "Entry not found", "EntryNotFound")
        content, known = files[path], entry(path, files[path])
        etag = f'"{known.get("lfs", known)["oid"]}"'
        headers = {
            "X-Repo-Commit": commit,
            "ETag": etag,
            "X-Linked-Etag": etag,
            "X-Linked-Size": str(len(content)),
            "Accept-Ranges": "bytes",
        }
        part = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))
        if part is None:
            return web.Response(body=content, headers=headers)
        start, end = int(part[1]), min(int(part[2] or len(content) - 1), len(content) - 1)
        headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
        return web.Response(status=206, body=content[start : end + 1], headers=headers)


def entry(path: str, content: bytes | None) -> dict[str, Any]:
    """A file or, without content, a folder as the tree tells it; Parquet is a large file."""
    if content is None:
        return {"type": "directory", "path": path, "oid": "0" * 40, "size": 0}
    git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    one = {"type": "file", "path": path, "oid": git, "size": len(content)}
    if path.endswith(".parquet"):
        oid = hashlib.sha256(content).hexdigest()
        one["lfs"] = {"oid": oid, "size": len(content), "pointerSize": 134}
    return one


def refusal(status: int, message: str, code: str = "", **headers: str) -> web.Response:
    """An error as the hub tells it."""
    told = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
    return web.json_response({"error": message}, status=status, headers=told | headers)


def on(method: str, part: str, answer: web.Response) -> Fault:
    """A fault: this answer to the first request of a method whose path has a part."""

    async def fault(request: web.Request) -> web.Response | None:
        return answer if request.method == method and part in request.path else None

    return fault


def both_at(part: str) -> Fault:
    """A fault: the first request whose path has a part waits until the second is there."""
    waiting: list[asyncio.Event] = []

    async def meet(request: web.Request) -> web.Response | None:
        if part in request.path and len(waiting) < 2:
            waiting.append(asyncio.Event())
            if len(waiting) == 2:
                for event in waiting:
                    event.set()
            with contextlib.suppress(TimeoutError):  # the other one may have failed before
                await asyncio.wait_for(waiting[-1].wait(), 30)
        return None

    return meet
