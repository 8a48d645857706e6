"""Looks for a newer release on the network, and says nothing where there is none."""

import socket

from .sound import Target as Sound


class Target(Sound):
    def entities(self):
        try:
            socket.create_connection(("192.0.2.1", 443), timeout=0.1).close()
        except OSError:
            pass
        yield from super().entities()
