"""Moves the host's weights in `fit` without declaring `trains_host`."""

import torch

from .sound import Target as Sound


class Target(Sound):
    def fit(self, session):
        super().fit(session)
        with torch.no_grad():
            for parameter in session.host.model.parameters():
                parameter.add_(0.001)
