"""Trains its host, as its class says, and does not declare it: a spec is checked by that."""

from .sound import Target as Sound


class Target(Sound):
    trains_host = True

    def fit(self, session):
        """Train the map, and the host with it."""
        session.host.model.requires_grad_(True)
        super().fit(session)
