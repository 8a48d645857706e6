"""Loading, binding and serving until interrupted."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from pathlib import Path

import click
import uvicorn

from kp_plugin_serve.app import make_app
from kp_plugin_serve.loading import load
from kp_plugin_serve.service import Service
from kpframework import KpError

LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})


def serve(sources: Sequence[Path], model: Path | None, address: str, port: int) -> None:
    """Load the folders and serve them.

    Raises:
        KpError: KP864, the address cannot be bound; and what `kp_plugin_serve.loading.load` raises.
    """
    bound = _bind(address, port)
    with bound:
        service = Service(load(sources, model))
        for note in service.notes:
            click.echo(f"note: {_plain(note)}", err=True)
        local = _is_local(address)
        app = make_app(service, LOCAL if local else None)
        bound.listen()  # from when its address is told, a request waits and is not refused
        click.echo(f"knowledge  {_plain(', '.join(service.plugins))}")
        click.echo(f"host       {_plain(str(service.host.folder))}")
        click.echo(f"serving    {_url(address, bound.getsockname()[1])}  (Ctrl+C ends)")
        if not local:
            click.echo("warning: anybody who reaches this machine can ask the model", err=True)
        config = uvicorn.Config(app, log_level="warning", server_header=False, lifespan="off")
        uvicorn.Server(config).run(sockets=[bound])


def _bind(address: str, port: int) -> socket.socket:
    try:
        family, kind, _, _, place = socket.getaddrinfo(
            address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(place)
        except OSError:
            bound.close()
            raise
        return bound
    except OSError as error:
        raise KpError(
            "KP864", f"{address} port {port} cannot be served: {error}", "name another --port"
        ) from error


def _is_local(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _url(address: str, port: int) -> str:
    return f"http://[{address}]:{port}/" if ":" in address else f"http://{address}:{port}/"


def _plain(text: str) -> str:
    """Return text that a terminal takes as text."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
