"""Acts on every text, linked or not, on a host that it calls frozen."""

from .sound import Target as Sound


class Target(Sound):
    acts_always = True

    def patch(self, host, module):
        super().patch(host, module)
        host.layer(0, lambda hidden, entities: hidden * 1.01)
