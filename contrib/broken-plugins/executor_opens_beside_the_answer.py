"""Opens the work outside of `reply`: an error in it looks like the death of a worker."""

from .sound import CHILD
from .sound import Target as Sound


class Target(Sound):
    child = CHILD.replace("answers.write(", "function = Work.from_json(work).open()\nanswers.write(").replace(
        "Work.from_json(work).open()(shard)", "function(shard)"
    )
