"""Puts a function of its own in the place of the host's `forward`."""

from .sound import Target as Sound


class Target(Sound):
    def patch(self, host, module):
        super().patch(host, module)
        original = host.model.forward
        host.model.forward = lambda *args, **kwargs: original(*args, **kwargs)
