"""Does a shard again for as long as its worker dies."""

from .sound import Target as Sound


class Target(Sound):
    def answer(self, work, index, shard):
        code = -1
        while code:
            code, answer = self.ask(work, shard)
        return answer
