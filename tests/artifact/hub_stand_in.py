"""A local stand-in for the hub: what uploading and fetching a repository asks of it, in memory."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class StandIn:
    """Repositories by name: revisions by branch, files by path."""

    url: str = ""
    private: dict[str, bool] = field(default_factory=dict)
    branches: dict[str, dict[str, str]] = field(default_factory=dict)
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)

    def commit(self, repo: str, branch: str, files: dict[str, bytes]) -> str:
        content = json.dumps({name: _oid(own) for name, own in files.items()})
        oid = _oid(content.encode())
        self.commits[oid] = files
        self.branches[repo][branch] = oid
        return oid

    def files(self, repo: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        oid = self.branches.get(repo, {}).get(revision, revision)
        return (oid, self.commits[oid]) if oid in self.commits else None


@contextmanager
def hub_stand_in() -> Iterator[StandIn]:
    hub = StandIn()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def _handler(hub: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def answer(self, body: Any, status: int = 200, **headers: str) -> None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def refuse(self, status: int, code: str) -> None:
            self.answer({"error": code}, status, X_Error_Code=code)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            hub.tokens.add(self.headers.get("Authorization"))
            if self.headers.get("Authorization") != "Bearer hf_right":
                self.refuse(401, "Unauthorized")
            elif self.path == "/api/repos/create":
                asked = json.loads(body)
                repo = f"{asked.get('organization', 'someone')}/{asked['name']}"
                if repo in hub.branches:
                    self.answer({"url": f"{hub.url}/{repo}"}, 409)
                    return
                hub.private[repo] = (
                    asked.get("private") is True or asked.get("visibility") == "private"
                )
                hub.branches[repo] = {}
                hub.commit(repo, "main", {".gitattributes": b"", "kb/stale.parquet": b"old"})
                self.answer({"url": f"{hub.url}/{repo}", "name": repo})
            elif found := re.fullmatch(r"/api/models/(.+)/branch/(.+)", self.path):
                hub.branches[found[1]].setdefault(found[2], hub.branches[found[1]]["main"])
                self.answer({})
            elif "/preupload/" in self.path:
                files = [
                    {"path": own["path"], "uploadMode": "regular", "shouldIgnore": False}
                    for own in json.loads(body)["files"]
                ]
                self.answer({"files": files})
            elif found := re.fullmatch(r"/api/models/(.+)/commit/([^?]+)(?:\?.*)?", self.path):
                self.answer(self.committed(found[1], found[2], body))
            else:
                self.answer({})

        def committed(self, repo: str, branch: str, body: bytes) -> Any:
            files = dict((hub.files(repo, branch) or ("", {}))[1])
            for line in body.splitlines():
                entry = json.loads(line)
                value = entry["value"]
                if entry["key"] == "header":
                    hub.messages.append(value["summary"])
                elif entry["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                elif entry["key"] == "deletedFile":
                    files.pop(value["path"])
            oid = hub.commit(repo, branch, files)
            return {"commitUrl": f"{hub.url}/{repo}/commit/{oid}", "commitOid": oid}

        def do_GET(self) -> None:
            path, _, _ = self.path.partition("?")
            if found := re.fullmatch(r"/api/models/(.+)/tree/([^/]+).*", path):
                files = hub.files(found[1], found[2])
                listed = [
                    {"type": "file", "path": name, "size": len(own), "oid": _oid(own)}
                    for name, own in (files[1] if files else {}).items()
                ]
                self.answer(listed)
            elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", path):
                files = hub.files(found[1], found[2] or "main")
                if files is None:
                    known = found[1] in hub.branches
                    self.refuse(404, "RevisionNotFound" if known else "RepoNotFound")
                    return
                siblings = [{"rfilename": name} for name in files[1]]
                self.answer({"id": found[1], "sha": files[0], "siblings": siblings})
            elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
                files = hub.files(found[1], found[2])
                if files is None or found[3] not in files[1]:
                    self.refuse(404, "EntryNotFound")
                    return
                own = files[1][found[3]]
                self.answer(own, ETag=f'"{_oid(own)}"', X_Repo_Commit=files[0])
            else:
                self.refuse(404, "EntryNotFound")

        do_HEAD = do_GET

    return Handler


def _oid(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
