"""Registers a hook behind the framework's back, which stays after `detach()`."""

from .sound import Target as Sound


class Target(Sound):
    def patch(self, host, module):
        super().patch(host, module)
        host.model.get_input_embeddings().register_forward_hook(lambda *_: None)
