"""What every request passes and every response carries: limits, allowed hosts, security headers."""

from __future__ import annotations

import json
import re
from collections.abc import Collection

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY = 128 * 1024
"""Bytes of a request at most."""
HEADERS = {
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; object-src 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}


class TooLarge(HTTPException):
    """A request's body is longer than `BODY`."""

    def __init__(self) -> None:
        super().__init__(413, f"a request has at most {BODY} bytes")


class Guard:
    """Wraps an application.

    Args:
        app: that is wrapped.
        hosts: allowed names in the ``Host`` header, ports aside; None allows any.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None) -> None:
        self.app = app
        self.hosts = None if hosts is None else frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", ()), *own]}
            await send(message)

        headers = dict(scope["headers"])
        if self.hosts is not None and _name(headers.get(b"host", b"")) not in self.hosts:
            await _refuse(sending, 421, "this server is not known by that name")
            return
        read = 0

        async def receiving() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > BODY:
                raise TooLarge
            return message

        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > BODY:
            await _refuse(sending, 413, TooLarge().detail)
            return
        await self.app(scope, receiving, sending)


def _name(host: bytes) -> str:
    """Return a ``Host`` header without its port."""
    text = host.decode("latin-1").strip().lower()
    found = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(:\d*)?", text)
    return found[1] if found else ""


async def _refuse(send: Send, status: int, message: str) -> None:
    body = json.dumps({"error": {"code": "refused", "message": message, "fix": ""}}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
